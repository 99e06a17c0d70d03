//! Runs: single measurements on calibrated instruments.

use spectra_mesh::{Labelled, Object, stamp};
use spectra_proto::analysis::{self as pb, RunStatus};
use time::OffsetDateTime;
use uuid::Uuid;

mod rpc;
mod rules;
mod steps;
mod store;
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
    status: Labelled<RunStatus>,
    created_by: Uuid,
    operator_id: Option<Uuid>,
    calibration_id: Option<Uuid>,
    calibration_hash: Option<String>,
    started_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
    error_message: Option<String>,
    blocked_reason: Option<String>,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    // Of the pinned certificate.
    certificate_id: Option<String>,
    issued_at: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
}

impl From<Run> for pb::Run {
    fn from(run: Run) -> Self {
        let calibration = run.calibration_id.zip(run.certificate_id).map(|(id, certificate_id)| pb::CertificateSummary {
            id: id.to_string(),
            certificate_id,
            issued_at: run.issued_at.map(stamp),
            expires_at: run.expires_at.map(stamp),
        });
        Self {
            id: run.id.to_string(),
            organization_id: run.organization_id.to_string(),
            instrument_id: run.instrument_id.to_string(),
            method: run.method,
            params: Some(run.params.into()),
            recipe_id: run.recipe_id.map(|id| id.to_string()),
            sample_id: run.sample_id.map(|id| id.to_string()),
            status: run.status.number(),
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
            warnings: Vec::new(),
            revision: run.revision,
            created_at: Some(stamp(run.created_at)),
            updated_at: Some(stamp(run.updated_at)),
        }
    }
}
