//! Materials: what samples are made of.

use spectra_mesh::{Object, stamp};
use spectra_proto::lims as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod rpc;
mod store;

/// A kind of matter that samples are made of.
#[derive(Debug)]
struct Material {
    organization_id: Uuid,
    id: Uuid,
    name: String,
    r#type: String,
    composition: Object,
    properties: Object,
    supplier: Option<String>,
    metadata: Object,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Material> for pb::Material {
    fn from(material: Material) -> Self {
        Self {
            id: material.id.to_string(),
            organization_id: material.organization_id.to_string(),
            name: material.name,
            r#type: material.r#type,
            composition: Some(material.composition.into()),
            properties: Some(material.properties.into()),
            supplier: material.supplier,
            metadata: Some(material.metadata.into()),
            revision: material.revision,
            created_at: Some(stamp(material.created_at)),
            updated_at: Some(stamp(material.updated_at)),
        }
    }
}
