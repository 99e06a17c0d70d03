//! Results: what runs brought out.

use spectra_mesh::{Object, stamp};
use spectra_proto::analysis as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod arrays;
mod derived;
mod download;
mod origin;
mod rpc;
mod rules;
mod store;
mod turn;
mod upload;

pub(crate) use derived::{Derived, Input};
use origin::Origin;
pub(crate) use store::{Recorded, of_run, record};
pub(crate) use turn::down;

/// One result, and what its run says of it.
#[derive(Debug)]
struct Outcome {
    organization_id: Uuid,
    id: Uuid,
    run_id: Uuid,
    result_type: String,
    metrics: Object,
    data: Object,
    arrays_uri: Option<String>,
    images_uri: Option<String>,
    artifacts_uri: Option<String>,
    report_uri: Option<String>,
    array_names: Vec<String>,
    array_rows: i32,
    derived_from: Option<Uuid>,
    calibration_id: Option<Uuid>,
    calibration_hash: Option<String>,
    created_by: Uuid,
    created_at: OffsetDateTime,
    // Of the run.
    calibration_suspect: bool,
    sample_id: Option<Uuid>,
    wafer_id: Option<Uuid>,
    device_id: Option<Uuid>,
}

impl From<Outcome> for pb::Result {
    fn from(outcome: Outcome) -> Self {
        Self {
            id: outcome.id.to_string(),
            organization_id: outcome.organization_id.to_string(),
            run_id: outcome.run_id.to_string(),
            result_type: outcome.result_type,
            metrics: Some(outcome.metrics.into()),
            data: Some(outcome.data.into()),
            arrays_uri: outcome.arrays_uri,
            images_uri: outcome.images_uri,
            artifacts_uri: outcome.artifacts_uri,
            report_uri: outcome.report_uri,
            array_names: outcome.array_names,
            array_rows: outcome.array_rows,
            derived_from: outcome.derived_from.map(|id| id.to_string()),
            calibration_id: outcome.calibration_id.map(|id| id.to_string()),
            calibration_hash: outcome.calibration_hash,
            calibration_suspect: outcome.calibration_suspect,
            sample_id: outcome.sample_id.map(|id| id.to_string()),
            wafer_id: outcome.wafer_id.map(|id| id.to_string()),
            device_id: outcome.device_id.map(|id| id.to_string()),
            created_by: outcome.created_by.to_string(),
            created_at: Some(stamp(outcome.created_at)),
            warnings: Vec::new(),
        }
    }
}
