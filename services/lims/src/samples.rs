//! Samples: what the lab characterises.

use spectra_mesh::{Object, stamp};
use spectra_proto::lims as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod rpc;
mod store;

/// A piece of material that the lab measures.
#[derive(Debug)]
pub(crate) struct Sample {
    organization_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) name: String,
    material_type: Option<String>,
    material_id: Option<Uuid>,
    pub(crate) lot_code: Option<String>,
    pub(crate) barcode: Option<String>,
    pub(crate) location: Option<String>,
    dimensions: Object,
    properties: Object,
    metadata: Object,
    is_deleted: bool,
    deleted_at: Option<OffsetDateTime>,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    #[expect(dead_code, reason = "what searches look through is for the database alone")]
    words: String,
}

impl From<Sample> for pb::Sample {
    fn from(sample: Sample) -> Self {
        Self {
            id: sample.id.to_string(),
            organization_id: sample.organization_id.to_string(),
            name: sample.name,
            material_type: sample.material_type,
            material_id: sample.material_id.map(|id| id.to_string()),
            lot_code: sample.lot_code,
            barcode: sample.barcode,
            location: sample.location,
            dimensions: Some(sample.dimensions.into()),
            properties: Some(sample.properties.into()),
            metadata: Some(sample.metadata.into()),
            is_deleted: sample.is_deleted,
            deleted_at: sample.deleted_at.map(stamp),
            revision: sample.revision,
            created_at: Some(stamp(sample.created_at)),
            updated_at: Some(stamp(sample.updated_at)),
        }
    }
}
