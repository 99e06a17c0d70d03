//! Custody: who had a sample, and where.

use spectra_mesh::stamp;
use spectra_proto::lims as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod rpc;
mod rules;
mod store;

/// A sample that changed hands or places.
#[derive(Debug)]
struct CustodyEvent {
    organization_id: Uuid,
    id: Uuid,
    sample_id: Uuid,
    event_type: String,
    from_user_id: Option<Uuid>,
    from_party: Option<String>,
    to_user_id: Option<Uuid>,
    to_party: String,
    from_location: Option<String>,
    to_location: Option<String>,
    note: Option<String>,
    occurred_at: OffsetDateTime,
    recorded_by: Uuid,
    created_at: OffsetDateTime,
}

impl From<CustodyEvent> for pb::CustodyEvent {
    fn from(event: CustodyEvent) -> Self {
        Self {
            id: event.id.to_string(),
            organization_id: event.organization_id.to_string(),
            sample_id: event.sample_id.to_string(),
            event_type: event.event_type,
            from_user_id: event.from_user_id.map(|id| id.to_string()),
            from_party: event.from_party,
            to_user_id: event.to_user_id.map(|id| id.to_string()),
            to_party: event.to_party,
            from_location: event.from_location,
            to_location: event.to_location,
            note: event.note,
            occurred_at: Some(stamp(event.occurred_at)),
            recorded_by: event.recorded_by.to_string(),
            created_at: Some(stamp(event.created_at)),
        }
    }
}

/// Who has a sample by its last event.
impl From<CustodyEvent> for pb::CustodyHolder {
    fn from(last: CustodyEvent) -> Self {
        Self { user_id: last.to_user_id.map(|id| id.to_string()), party: last.to_party, since: Some(stamp(last.occurred_at)) }
    }
}
