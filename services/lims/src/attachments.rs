//! Attachments: files that belong to a record.
//!
//! The file is in the store of files and what is known of it in the database, and no crash leaves one without the other: an
//! [upload](upload) is written down before its first byte, and ends in the transaction that writes the attachment. What ends
//! otherwise is [cleared away](sweep).

use spectra_mesh::{Error, Labelled, OrgTx, stamp};
use spectra_proto::lims as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod download;
mod entity;
pub(crate) mod files;
mod media;
mod rpc;
mod store;
pub(crate) mod sweep;
mod upload;

/// Whether files belong to a record. Nobody can attach one while the transaction holds that record for itself.
pub(crate) async fn belong_to(tx: &mut OrgTx, kind: pb::EntityType, id: Uuid) -> Result<bool, Error> {
    Attachment::any(tx, entity::Entity { kind, id }).await
}

/// A file that belongs to a record.
#[derive(Debug)]
struct Attachment {
    organization_id: Uuid,
    id: Uuid,
    entity_type: Labelled<pb::EntityType>,
    entity_id: Uuid,
    filename: String,
    content_type: String,
    size_bytes: i64,
    sha256: String,
    /// Where the file is, within the store.
    uri: String,
    uploaded_by: Uuid,
    created_at: OffsetDateTime,
}

impl From<Attachment> for pb::Attachment {
    fn from(attachment: Attachment) -> Self {
        Self {
            id: attachment.id.to_string(),
            organization_id: attachment.organization_id.to_string(),
            entity_type: attachment.entity_type.number(),
            entity_id: attachment.entity_id.to_string(),
            filename: attachment.filename,
            content_type: attachment.content_type,
            size_bytes: attachment.size_bytes,
            sha256: attachment.sha256,
            uploaded_by: attachment.uploaded_by.to_string(),
            created_at: Some(stamp(attachment.created_at)),
        }
    }
}
