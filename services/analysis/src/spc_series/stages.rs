//! Stages: by which limits and rules the points of a series are judged from a time on.

use std::sync::Arc;

use spectra_mesh::{Error, Labelled, Object, OrgTx, new_id, stamp};
use spectra_proto::{
    Label,
    analysis::{self as pb, SpcRuleset},
};
use spectra_spc::Plan;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Drawn, Series,
    definition::{Frozen, Sound, object},
};

/// When the first stage of every series begins: no point is older.
pub(crate) const FIRST: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

/// A stage of a series, ready to judge by.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) number: i32,
    pub(crate) starts_at: OffsetDateTime,
    ruleset: Labelled<SpcRuleset>,
    ruleset_version: i32,
    estimator: Option<String>,
    estimated_points: Option<i32>,
    reason: Option<String>,
    /// None as long as there are no limits.
    pub(crate) plan: Option<Arc<Plan>>,
}

/// What the limits of a stage were estimated from.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) estimator: Option<String>,
    pub(super) from: Option<OffsetDateTime>,
    pub(super) to: Option<OffsetDateTime>,
    pub(super) points: Option<i32>,
    pub(super) reason: Option<String>,
}

impl Stage {
    /// All stages of a series, the first one first.
    pub(crate) async fn all(tx: &mut OrgTx, series: &Series) -> Result<Vec<Self>, Error> {
        let rows = sqlx::query!(
            "SELECT stage, starts_at, ruleset, ruleset_version, plan, estimator, estimated_points, reason
               FROM spc_stages WHERE organization_id = $1 AND series_id = $2 ORDER BY stage",
            tx.org(),
            series.id,
        );
        let rows = rows.fetch_all(tx.conn()).await?;
        let stages = rows.into_iter().map(|row| {
            Ok(Self {
                number: row.stage,
                starts_at: row.starts_at,
                ruleset: row.ruleset,
                ruleset_version: row.ruleset_version,
                estimator: row.estimator,
                estimated_points: row.estimated_points,
                reason: row.reason,
                plan: thaw(&row.plan, series)?,
            })
        });
        stages.collect()
    }

    /// Writes a stage of a series.
    pub(super) async fn insert(
        tx: &mut OrgTx,
        series_id: Uuid,
        number: i32,
        starts_at: OffsetDateTime,
        sound: &Sound,
        source: Source,
    ) -> Result<(), Error> {
        let definition = &sound.definition;
        let plan = sound.frozen.as_ref().map(object).transpose()?.unwrap_or_default();
        let user = tx.caller().user;
        sqlx::query!(
            "INSERT INTO spc_stages
                    (organization_id, id, series_id, stage, starts_at, ctrl_lcl, ctrl_ucl, centre, sigma, ruleset, ruleset_version,
                     ruleset_options, chart_options, plan, estimator, estimated_from, estimated_to, estimated_points, reason, created_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
            tx.org(),
            new_id(),
            series_id,
            number,
            starts_at,
            definition.ctrl_lcl,
            definition.ctrl_ucl,
            definition.centre,
            definition.sigma,
            definition.ruleset as _,
            version(sound),
            &definition.ruleset_options,
            &definition.chart_options,
            plan,
            source.estimator,
            source.from,
            source.to,
            source.points,
            source.reason,
            user,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// Writes over a stage that has no points yet, and over what its limits came from.
    pub(super) async fn replace(tx: &mut OrgTx, series_id: Uuid, number: i32, sound: &Sound, source: Source) -> Result<(), Error> {
        let definition = &sound.definition;
        let plan = sound.frozen.as_ref().map(object).transpose()?.unwrap_or_default();
        sqlx::query!(
            "UPDATE spc_stages
                SET ctrl_lcl = $4, ctrl_ucl = $5, centre = $6, sigma = $7, ruleset = $8, ruleset_version = $9, ruleset_options = $10,
                    chart_options = $11, plan = $12, estimator = $13, estimated_from = $14, estimated_to = $15, estimated_points = $16,
                    reason = $17
              WHERE organization_id = $1 AND series_id = $2 AND stage = $3",
            tx.org(),
            series_id,
            number,
            definition.ctrl_lcl,
            definition.ctrl_ucl,
            definition.centre,
            definition.sigma,
            definition.ruleset as _,
            version(sound),
            &definition.ruleset_options,
            &definition.chart_options,
            plan,
            source.estimator,
            source.from,
            source.to,
            source.points,
            source.reason,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// The stage as a chart shows it, with its lines; `ends_at` is where the next one begins.
    pub(crate) fn shown(&self, ends_at: Option<OffsetDateTime>, drawn: Drawn) -> pb::SpcStage {
        pb::SpcStage {
            stage: self.number,
            starts_at: Some(stamp(self.starts_at)),
            ends_at: ends_at.map(stamp),
            frozen: self.plan.is_some(),
            centre: drawn.centre,
            sigma: drawn.sigma,
            ctrl_lcl: drawn.lcl,
            ctrl_ucl: drawn.ucl,
            zones: drawn.zones,
            spread_centre: drawn.spread.map(|lines| lines.centre),
            spread_lcl: drawn.spread.and_then(|lines| lines.lcl),
            spread_ucl: drawn.spread.and_then(|lines| lines.ucl),
            ruleset: self.ruleset.0.label().to_owned(),
            ruleset_version: self.ruleset_version,
            estimator: self.estimator.clone(),
            estimated_points: self.estimated_points,
            reason: self.reason.clone(),
        }
    }
}

/// The version of the rules.
pub(super) fn version(sound: &Sound) -> i32 {
    i32::try_from(sound.ruleset.version()).unwrap_or(i32::MAX)
}

/// The plan that was frozen, if there is one.
fn thaw(plan: &Object, series: &Series) -> Result<Option<Arc<Plan>>, Error> {
    if plan.0.fields.is_empty() {
        return Ok(None);
    }
    let frozen: Frozen = serde_json::from_str(&plan.canonical()).map_err(Error::broken)?;
    frozen.plan(series.chart_type.0, series.subgroup_size).map(Some)
}
