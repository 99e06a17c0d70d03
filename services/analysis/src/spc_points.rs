//! Points of series: what was measured, in the order of time, and what it was judged to be.

use spectra_mesh::{Object, stamp};
use spectra_proto::analysis as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod again;
mod append;
mod episodes;
mod exclusions;
mod feed;
mod imports;
mod late;
mod ledger;
mod metrics;
mod partitions;
mod reading;
mod rpc;
mod spans;
mod store;
mod walk;

pub(crate) use append::tell;
pub(crate) use feed::{Measured, feed};
pub(crate) use late::rejudge;
pub(crate) use ledger::{Ledger, Open};
pub(crate) use partitions::keep_ahead;
pub(crate) use reading::Place;
pub(crate) use store::{LAST, readings, suspect};

/// A point, in the place that its time and its number of arrival give it.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) id: Uuid,
    pub(crate) series_id: Uuid,
    /// When it was measured. It is called so as lists walk by it.
    pub(crate) created_at: OffsetDateTime,
    pub(crate) value: Option<f64>,
    pub(crate) statistic: Option<f64>,
    pub(crate) subgroup: Option<i32>,
    pub(crate) n: Option<i32>,
    pub(crate) part: Option<String>,
    pub(crate) components: Option<Vec<f64>>,
    pub(crate) run_id: Option<Uuid>,
    pub(crate) triggered_rules: Vec<String>,
    pub(crate) excluded: bool,
    pub(crate) excluded_reason: Option<String>,
    pub(crate) calibration_suspect: bool,
    pub(crate) metadata: Object,
}

impl From<Point> for pb::SpcPoint {
    fn from(point: Point) -> Self {
        Self {
            id: point.id.to_string(),
            series_id: point.series_id.to_string(),
            ts: Some(stamp(point.created_at)),
            value: point.value,
            statistic: point.statistic,
            subgroup: point.subgroup,
            n: point.n,
            part: point.part,
            components: point.components.unwrap_or_default(),
            run_id: point.run_id.map(|run| run.to_string()),
            triggered_rules: point.triggered_rules,
            excluded: point.excluded,
            excluded_reason: point.excluded_reason,
            calibration_suspect: point.calibration_suspect,
            metadata: Some(point.metadata.into()),
        }
    }
}
