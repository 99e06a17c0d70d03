//! Series of control charts: what is charted, and by which limits and rules.

use spectra_mesh::{Labelled, Object, stamp};
use spectra_proto::analysis::{self as pb, SpcChartType, SpcEntityType, SpcRuleset};
use time::OffsetDateTime;
use uuid::Uuid;

mod definition;
mod estimate;
mod lines;
mod rebase;
mod rpc;
mod stages;
mod store;

use definition::Definition;
pub(crate) use estimate::{Counted, within};
pub(crate) use lines::{Drawn, Plots};
pub(crate) use stages::Stage;

/// A series, with the limits and rules of the stage in force.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    organization_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) name: String,
    path: String,
    entity_type: Labelled<SpcEntityType>,
    entity_id: Option<Uuid>,
    method: Option<String>,
    instrument_id: Option<Uuid>,
    metric: String,
    pub(crate) chart_type: Labelled<SpcChartType>,
    pub(crate) subgroup_size: i32,
    pub(crate) spec_lcl: Option<f64>,
    pub(crate) spec_ucl: Option<f64>,
    pub(crate) target: Option<f64>,
    ctrl_lcl: Option<f64>,
    ctrl_ucl: Option<f64>,
    centre: Option<f64>,
    sigma: Option<f64>,
    limits_frozen_at: Option<OffsetDateTime>,
    ruleset: Labelled<SpcRuleset>,
    ruleset_version: i32,
    ruleset_options: Object,
    chart_options: Object,
    stage: i32,
    pub(crate) hold: bool,
    is_active: bool,
    reaction_plan: Option<String>,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    pub(crate) points: i64,
    /// %GRR of the gauge that it is measured with, if that was studied.
    gauge_grr: Option<f64>,
}

/// The %GRR beyond which a gauge is unfit, by the AIAG's Measurement Systems Analysis.
const UNFIT: f64 = 30.0;

impl Series {
    /// What to know about the series.
    pub(crate) fn warnings(&self) -> Vec<pb::SpcWarning> {
        let unfit = self.gauge_grr.filter(|grr| *grr > UNFIT && self.limits_frozen_at.is_some()).map(|grr| {
            let message = format!("the limits rest on a gauge with a %GRR of {grr:.1}: much of what is charted is the gauge's own doing");
            ("gauge_unfit", message)
        });
        let by_hand = matches!(self.chart_type.0, SpcChartType::T2 | SpcChartType::Mewma);
        let by_hand = by_hand.then(|| ("fed_by_hand", "results feed no chart of several variables; add points to the series".to_owned()));
        let idle = self.hold && !self.definition().is_ever_critical();
        let idle = idle.then(|| ("cannot_hold", "none of the rules is critical, so that the series never holds a run".to_owned()));
        let warnings = unfit.into_iter().chain(by_hand).chain(idle);
        warnings.map(|(code, message)| pb::SpcWarning { code: code.to_owned(), message }).collect()
    }

    /// By what its points are judged.
    fn definition(&self) -> Definition {
        Definition {
            chart: self.chart_type.0,
            ctrl_lcl: self.ctrl_lcl,
            ctrl_ucl: self.ctrl_ucl,
            centre: self.centre,
            sigma: self.sigma,
            ruleset: self.ruleset,
            ruleset_options: self.ruleset_options.clone(),
            chart_options: self.chart_options.clone(),
        }
    }
}

impl From<Series> for pb::SpcSeries {
    fn from(series: Series) -> Self {
        Self {
            warnings: series.warnings(),
            id: series.id.to_string(),
            organization_id: series.organization_id.to_string(),
            name: series.name,
            path: series.path,
            entity_type: series.entity_type.number(),
            entity_id: series.entity_id.map(|id| id.to_string()),
            method: series.method,
            instrument_id: series.instrument_id.map(|id| id.to_string()),
            metric: series.metric,
            chart_type: Some(series.chart_type.number()),
            subgroup_size: Some(series.subgroup_size),
            spec_lcl: series.spec_lcl,
            spec_ucl: series.spec_ucl,
            target: series.target,
            ctrl_lcl: series.ctrl_lcl,
            ctrl_ucl: series.ctrl_ucl,
            centre: series.centre,
            sigma: series.sigma,
            limits_frozen_at: series.limits_frozen_at.map(stamp),
            ruleset: Some(series.ruleset.number()),
            ruleset_version: series.ruleset_version,
            ruleset_options: Some(series.ruleset_options.into()),
            chart_options: Some(series.chart_options.into()),
            hold: series.hold,
            is_active: Some(series.is_active),
            reaction_plan: series.reaction_plan,
            points: i32::try_from(series.points).unwrap_or(i32::MAX),
            stage: series.stage,
            revision: series.revision,
            created_at: Some(stamp(series.created_at)),
            updated_at: Some(stamp(series.updated_at)),
        }
    }
}
