//! Watching runs: each change as it is committed.

use std::collections::{HashMap, hash_map::Entry};

use spectra_mesh::{Cursor, Error, Feed, OrgTx, optional_id};
use spectra_proto::analysis as pb;
use uuid::Uuid;

use super::Run;

/// The runs that are watched.
pub(super) struct Watched {
    instrument_id: Option<Uuid>,
}

impl Watched {
    /// What a request asks to watch, and after which event.
    pub(super) fn of(asked: pb::WatchRunsRequest) -> Result<(Self, Option<String>), Error> {
        Ok((Self { instrument_id: optional_id(asked.instrument_id.as_deref())? }, asked.cursor.filter(|cursor| !cursor.is_empty())))
    }
}

#[tonic::async_trait]
impl Feed for Watched {
    type Change = pb::Run;
    type Event = pb::RunEvent;

    async fn since(&self, tx: &mut OrgTx, cursor: Cursor, most: i64) -> Result<Vec<(Cursor, pb::Run)>, Error> {
        let places = sqlx::query!(
            r#"SELECT o.position, o.seq, o.record_id, extract(epoch FROM o.at)::bigint AS "at!"
                 FROM outbox o JOIN runs r ON r.organization_id = o.organization_id AND r.id = o.record_id
                WHERE o.organization_id = $1 AND (o.position, o.seq) > ($2, $3) AND o.kind = 'runs'
                  AND o.position < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                  AND ($4::uuid IS NULL OR r.instrument_id = $4)
                ORDER BY o.position, o.seq LIMIT $5"#,
            tx.org(),
            cursor.position,
            cursor.seq,
            self.instrument_id,
            most,
        )
        .fetch_all(tx.conn())
        .await?;
        // A run is told as it stands now: two changes of it close together are told as the same.
        let mut runs: HashMap<Uuid, pb::Run> = HashMap::new();
        let mut changes = Vec::with_capacity(places.len());
        for place in places {
            let run = match runs.entry(place.record_id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(Run::find(tx, place.record_id).await?.into()),
            };
            changes.push((Cursor { position: place.position, seq: place.seq, at: place.at }, run.clone()));
        }
        Ok(changes)
    }

    fn event(cursor: String, run: Option<pb::Run>) -> pb::RunEvent {
        pb::RunEvent { cursor, run }
    }
}
