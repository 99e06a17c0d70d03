//! The audit trail of a service's tables. The database's triggers write it; here it is listed, and its chain checked.

use spectra_proto::{
    Label,
    types::{AuditAction, AuditEvent, ListAuditEventsRequest, ListAuditEventsResponse},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, Labelled, Object, OrgTx, Page, hex, moment, optional_id, page, stamp};

mod chain;
mod verify;

pub use chain::Fault;
pub use verify::{Head, Verdict, head, organizations, sees_one_organization, verify};

/// An event, with its link.
#[derive(Debug)]
struct Event {
    id: Uuid,
    created_at: OffsetDateTime,
    link: i64,
    hash: Vec<u8>,
    actor_id: Option<Uuid>,
    session_id: Option<Uuid>,
    request_id: Option<Uuid>,
    method: Option<String>,
    action: Labelled<AuditAction>,
    kind: String,
    record_id: Uuid,
    before: Option<Object>,
    after: Option<Object>,
    reason: Option<String>,
}

impl From<Event> for AuditEvent {
    fn from(event: Event) -> Self {
        let text = |id: Option<Uuid>| id.map(|id| id.to_string());
        Self {
            id: event.id.to_string(),
            link: event.link,
            hash: hex(&event.hash),
            at: Some(stamp(event.created_at)),
            actor_id: text(event.actor_id),
            session_id: text(event.session_id),
            request_id: text(event.request_id),
            method: event.method,
            action: event.action.number(),
            kind: event.kind,
            record_id: event.record_id.to_string(),
            before: event.before.map(Into::into),
            after: event.after.map(Into::into),
            reason: event.reason,
        }
    }
}

/// A page of the trail of the service whose transaction this is.
pub async fn page(tx: &mut OrgTx, asked: &ListAuditEventsRequest, page: &Page) -> Result<ListAuditEventsResponse, Error> {
    let (items, pagination) = page!(
        tx,
        page,
        Event,
        r#"SELECT e.id, e.at AS created_at, l.link, l.hash, e.actor_id, e.session_id, e.request_id, e.method,
                  e.action AS "action: Labelled<AuditAction>", e.kind, e.record_id, e.before, e.after, e.reason
             FROM audit_events e JOIN audit_links l ON l.organization_id = e.organization_id AND l.event = e.seq
            WHERE e.organization_id = $1
              AND ($6::uuid IS NULL OR e.record_id = $6)
              AND ($7::text IS NULL OR e.kind = $7)
              AND ($8::uuid IS NULL OR e.actor_id = $8)
              AND ($9::text IS NULL OR e.action = $9)
              AND ($10::uuid IS NULL OR e.request_id = $10)
              AND ($11::timestamptz IS NULL OR e.at >= $11)
              AND ($12::timestamptz IS NULL OR e.at < $12)"#,
        optional_id(asked.record_id.as_deref())?,
        asked.kind,
        optional_id(asked.actor_id.as_deref())?,
        asked.action.and_then(Labelled::<AuditAction>::of).map(|action| action.0.label()),
        optional_id(asked.request_id.as_deref())?,
        asked.from.and_then(moment),
        asked.to.and_then(moment),
    )?;
    Ok(ListAuditEventsResponse { items, pagination })
}
