//! Gauge studies: how much of what is measured is the instrument's own doing.

use spectra_mesh::{Labelled, List, Object, stamp};
use spectra_proto::analysis::{self as pb, GaugeMethod};
use time::OffsetDateTime;
use uuid::Uuid;

mod rpc;
mod rules;
mod store;

/// A study with what it came to.
#[derive(Debug)]
pub(crate) struct GaugeStudy {
    organization_id: Uuid,
    id: Uuid,
    instrument_id: Uuid,
    metric: Option<String>,
    method: Labelled<GaugeMethod>,
    measurements: List,
    tolerance: Option<f64>,
    alpha_to_pool: f64,
    study_width: f64,
    variance: Object,
    grr_percent: f64,
    tolerance_percent: Option<f64>,
    ndc: Option<i32>,
    created_by: Uuid,
    created_at: OffsetDateTime,
}

impl From<GaugeStudy> for pb::GaugeStudy {
    fn from(study: GaugeStudy) -> Self {
        Self {
            id: study.id.to_string(),
            organization_id: study.organization_id.to_string(),
            instrument_id: study.instrument_id.to_string(),
            metric: study.metric,
            method: Some(study.method.number()),
            measurements: study.measurements.0.iter().map(rules::read).collect(),
            tolerance: study.tolerance,
            alpha_to_pool: Some(study.alpha_to_pool),
            study_width: Some(study.study_width),
            table: Some(study.variance.into()),
            grr_percent: study.grr_percent,
            tolerance_percent: study.tolerance_percent,
            ndc: study.ndc,
            created_by: study.created_by.to_string(),
            created_at: Some(stamp(study.created_at)),
        }
    }
}
