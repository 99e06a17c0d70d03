//! Standard operating procedures: how work is done here, and who knows it.

use spectra_mesh::{Labelled, List, stamp};
use spectra_proto::lims as pb;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

mod acknowledgements;
mod days;
mod rpc;
mod rules;
mod store;

/// One version of a procedure.
#[derive(Debug)]
struct Sop {
    organization_id: Uuid,
    id: Uuid,
    number: String,
    title: String,
    version: String,
    body_markdown: Option<String>,
    body_md_uri: Option<String>,
    method: Option<String>,
    hazard_level: Option<String>,
    checklist: List,
    status: Labelled<pb::SopStatus>,
    author_id: Uuid,
    effective_date: Option<Date>,
    review_date: Option<Date>,
    retired_at: Option<OffsetDateTime>,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Sop> for pb::Sop {
    fn from(sop: Sop) -> Self {
        Self {
            id: sop.id.to_string(),
            organization_id: sop.organization_id.to_string(),
            number: sop.number,
            title: sop.title,
            version: sop.version,
            body_markdown: sop.body_markdown,
            body_md_uri: sop.body_md_uri,
            method: sop.method,
            hazard_level: sop.hazard_level,
            checklist: sop.checklist.0,
            effective_date: sop.effective_date.map(days::text),
            review_date: sop.review_date.map(days::text),
            status: sop.status.number(),
            retired_at: sop.retired_at.map(stamp),
            author_id: sop.author_id.to_string(),
            revision: sop.revision,
            created_at: Some(stamp(sop.created_at)),
            updated_at: Some(stamp(sop.updated_at)),
        }
    }
}
