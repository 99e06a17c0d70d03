//! Users: the people of an organization.

use spectra_mesh::{Labelled, stamp};
use spectra_proto::{identity as pb, types::UserRole};
use time::OffsetDateTime;
use uuid::Uuid;

mod rpc;
mod rules;
mod store;

/// A person in an organization. The password's hash is not among the columns that are read.
struct User {
    organization_id: Uuid,
    id: Uuid,
    email: String,
    name: String,
    role: Labelled<UserRole>,
    is_active: bool,
    last_login: Option<OffsetDateTime>,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<User> for pb::User {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            organization_id: user.organization_id.to_string(),
            email: user.email,
            name: user.name,
            role: user.role.number(),
            is_active: Some(user.is_active),
            last_login: user.last_login.map(stamp),
            revision: user.revision,
            created_at: Some(stamp(user.created_at)),
            updated_at: Some(stamp(user.updated_at)),
        }
    }
}
