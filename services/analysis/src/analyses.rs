//! Analyses: parameters of devices and materials, from what was measured.

use spectra_mesh::{Labelled, Object, stamp};
use spectra_proto::analysis::{self as pb, AnalysisKind};
use time::OffsetDateTime;
use uuid::Uuid;

mod compute;
mod rpc;
mod source;
mod store;

/// An analysis that was stored, with the outputs that its result holds.
#[derive(Debug)]
struct Analysis {
    organization_id: Uuid,
    id: Uuid,
    kind: Labelled<AnalysisKind>,
    method: String,
    version: String,
    params: Object,
    flags: Vec<String>,
    run_id: Uuid,
    result_id: Uuid,
    input_result_id: Option<Uuid>,
    created_by: Uuid,
    created_at: OffsetDateTime,
    // Of the result.
    outputs: Object,
}

impl From<Analysis> for pb::Analysis {
    fn from(analysis: Analysis) -> Self {
        Self {
            id: Some(analysis.id.to_string()),
            organization_id: analysis.organization_id.to_string(),
            kind: analysis.kind.number(),
            method: analysis.method,
            version: analysis.version,
            params: Some(analysis.params.into()),
            outputs: Some(analysis.outputs.into()),
            flags: analysis.flags,
            result_id: Some(analysis.result_id.to_string()),
            input_result_id: analysis.input_result_id.map(|id| id.to_string()),
            run_id: Some(analysis.run_id.to_string()),
            created_by: analysis.created_by.to_string(),
            created_at: Some(stamp(analysis.created_at)),
            warnings: Vec::new(),
        }
    }
}
