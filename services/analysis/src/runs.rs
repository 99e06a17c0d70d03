//! Runs: single measurements on calibrated instruments.

use serde::Deserialize;
use spectra_mesh::{Labelled, Object, stamp};
use spectra_proto::analysis::{self as pb, RunStatus};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::calibrations::summary;

mod rpc;
mod rules;
mod steps;
mod store;
mod tools;
mod watch;

/// One measurement, with the certificate that it pins.
#[derive(Debug)]
struct Run {
    organization_id: Uuid,
    id: Uuid,
    instrument_id: Uuid,
    method: String,
    params: Object,
    recipe_id: Option<Uuid>,
    recipe_version: Option<String>,
    recipe_params_hash: Option<String>,
    sample_id: Option<Uuid>,
    material_id: Option<Uuid>,
    wafer_id: Option<Uuid>,
    device_id: Option<Uuid>,
    status: Labelled<RunStatus>,
    created_by: Uuid,
    operator_id: Option<Uuid>,
    calibration_id: Option<Uuid>,
    calibration_hash: Option<String>,
    started_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
    error_message: Option<String>,
    log_uri: Option<String>,
    blocked_reason: Option<String>,
    #[expect(dead_code, reason = "it is a part of whether what was measured is in question")]
    calibration_lapsed: bool,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    // Of the pinned certificate.
    certificate_id: Option<String>,
    issued_at: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
    /// Whether what was measured is in question, by what became of the certificates.
    calibration_suspect: bool,
    further: Json<Vec<Pinned>>,
    result_count: i32,
}

/// What a run has pinned of an instrument besides its first.
#[derive(Debug, Deserialize)]
pub(crate) struct Pinned {
    instrument_id: Uuid,
    calibration_id: Option<Uuid>,
    calibration_hash: Option<String>,
    certificate_id: Option<String>,
}

impl From<Pinned> for pb::PinnedInstrument {
    fn from(pinned: Pinned) -> Self {
        Self {
            instrument_id: pinned.instrument_id.to_string(),
            calibration_id: pinned.calibration_id.map(|id| id.to_string()),
            calibration_hash: pinned.calibration_hash,
            certificate_id: pinned.certificate_id,
        }
    }
}

impl From<Run> for pb::Run {
    fn from(run: Run) -> Self {
        let calibration = summary(run.calibration_id, run.certificate_id, run.issued_at, run.expires_at);
        Self {
            id: run.id.to_string(),
            organization_id: run.organization_id.to_string(),
            instrument_id: run.instrument_id.to_string(),
            method: run.method,
            params: Some(run.params.into()),
            recipe_id: run.recipe_id.map(|id| id.to_string()),
            sample_id: run.sample_id.map(|id| id.to_string()),
            material_id: run.material_id.map(|id| id.to_string()),
            status: run.status.number(),
            wafer_id: run.wafer_id.map(|id| id.to_string()),
            device_id: run.device_id.map(|id| id.to_string()),
            recipe_version: run.recipe_version,
            recipe_params_hash: run.recipe_params_hash,
            created_by: run.created_by.to_string(),
            operator_id: run.operator_id.map(|id| id.to_string()),
            calibration_id: run.calibration_id.map(|id| id.to_string()),
            calibration_hash: run.calibration_hash,
            calibration,
            started_at: run.started_at.map(stamp),
            finished_at: run.finished_at.map(stamp),
            error_message: run.error_message,
            blocked_reason: run.blocked_reason,
            log_uri: run.log_uri,
            calibration_suspect: run.calibration_suspect,
            further_instrument_ids: run.further.iter().map(|pinned| pinned.instrument_id.to_string()).collect(),
            further_instruments: run.further.0.into_iter().map(Into::into).collect(),
            results: Vec::new(),
            result_count: run.result_count,
            warnings: Vec::new(),
            revision: run.revision,
            created_at: Some(stamp(run.created_at)),
            updated_at: Some(stamp(run.updated_at)),
        }
    }
}
