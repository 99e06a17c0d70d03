//! Models: what was learnt from results, which of it is in use, and what it rests on.

use spectra_mesh::{Labelled, Object, stamp};
use spectra_proto::analysis::{self as pb, ModelStage};
use time::OffsetDateTime;
use uuid::Uuid;

mod lineage;
mod rpc;
mod rules;
mod store;

pub(crate) use lineage::suspect;

/// One version of a model.
#[derive(Debug)]
struct MlModel {
    organization_id: Uuid,
    id: Uuid,
    name: String,
    version: String,
    framework: String,
    model_type: Option<String>,
    metrics: Object,
    uri: String,
    content_hash: Option<String>,
    feature_set_id: Option<Uuid>,
    trained_on_runs: i32,
    stage: Labelled<ModelStage>,
    retired_at: Option<OffsetDateTime>,
    calibration_suspect: bool,
    created_by: Uuid,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<MlModel> for pb::MlModel {
    fn from(model: MlModel) -> Self {
        Self {
            id: model.id.to_string(),
            organization_id: model.organization_id.to_string(),
            name: model.name,
            version: model.version,
            framework: model.framework,
            model_type: model.model_type,
            metrics: Some(model.metrics.into()),
            uri: model.uri,
            content_hash: model.content_hash,
            feature_set_id: model.feature_set_id.map(|id| id.to_string()),
            trained_on_runs: model.trained_on_runs,
            stage: model.stage.number(),
            retired_at: model.retired_at.map(stamp),
            calibration_suspect: model.calibration_suspect,
            created_by: model.created_by.to_string(),
            revision: model.revision,
            created_at: Some(stamp(model.created_at)),
            updated_at: Some(stamp(model.updated_at)),
        }
    }
}
