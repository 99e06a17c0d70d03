//! The notebook: what the lab's people write down, sign and find again.

use spectra_mesh::{Error, stamp};
use spectra_proto::lims as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod content;
pub mod export;
mod files;
mod links;
mod rpc;
mod rules;
mod search;
mod signatures;
mod store;

use content::{Content, LinkedEntities};
use files::File;
pub(crate) use rules::Attachable;

/// One version of an entry.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "its columns are called so")]
struct Entry {
    organization_id: Uuid,
    id: Uuid,
    entry_no: i32,
    entry_version: i32,
    supersedes: Option<Uuid>,
    superseded_by: Option<Uuid>,
    author_id: Uuid,
    writers: Vec<Uuid>,
    title: String,
    body_markdown: String,
    tags: Vec<String>,
    linked_samples: Vec<Uuid>,
    linked_runs: Vec<Uuid>,
    linked_recipes: Vec<Uuid>,
    content_hash: String,
    signed: bool,
    signed_at: Option<OffsetDateTime>,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl Entry {
    /// What is written in it.
    fn into_content(self) -> Content {
        Content {
            body_markdown: self.body_markdown,
            linked_entities: LinkedEntities { recipes: self.linked_recipes, runs: self.linked_runs, samples: self.linked_samples },
            tags: self.tags,
            title: self.title,
        }
    }
}

impl From<Entry> for pb::ElnEntry {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id.to_string(),
            organization_id: entry.organization_id.to_string(),
            author_id: entry.author_id.to_string(),
            writers: entry.writers.iter().map(Uuid::to_string).collect(),
            entry_no: entry.entry_no,
            entry_version: entry.entry_version,
            supersedes: entry.supersedes.map(|id| id.to_string()),
            superseded_by: entry.superseded_by.map(|id| id.to_string()),
            content_hash: entry.content_hash.clone(),
            signed: entry.signed,
            signed_at: entry.signed_at.map(stamp),
            revision: entry.revision,
            created_at: Some(stamp(entry.created_at)),
            updated_at: Some(stamp(entry.updated_at)),
            ..entry.into_content().into()
        }
    }
}

fn missing() -> Error {
    Error::not_found("notebook entry")
}
