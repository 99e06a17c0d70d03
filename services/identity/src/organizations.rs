//! Organizations: the tenants.

use spectra_mesh::{Object, stamp};
use spectra_proto::identity as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod rpc;
mod store;

/// A lab with its people and its data.
struct Organization {
    id: Uuid,
    name: String,
    slug: String,
    settings: Object,
    is_active: bool,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Organization> for pb::Organization {
    fn from(organization: Organization) -> Self {
        Self {
            id: organization.id.to_string(),
            name: organization.name,
            slug: organization.slug,
            settings: Some(organization.settings.into()),
            is_active: organization.is_active,
            revision: organization.revision,
            created_at: Some(stamp(organization.created_at)),
            updated_at: Some(stamp(organization.updated_at)),
        }
    }
}
