//! Watching runs: each change as it is committed.

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
    type Event = pb::RunEvent;

    async fn since(&self, tx: &mut OrgTx, cursor: Cursor, most: i64) -> Result<Vec<(Cursor, pb::RunEvent)>, Error> {
        // A run is told as it stands now: two changes of it close together may be told as the same.
        let places = sqlx::query!(
            r#"SELECT position, seq, record_id, extract(epoch FROM at)::bigint AS "at!" FROM outbox
                WHERE organization_id = $1 AND (position, seq) > ($2, $3) AND kind = 'runs'
                  AND position < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                ORDER BY position, seq LIMIT $4"#,
            tx.org(),
            cursor.position,
            cursor.seq,
            most,
        )
        .fetch_all(tx.conn())
        .await?;
        let mut events = Vec::with_capacity(places.len());
        for place in places {
            let run = Run::find(tx, place.record_id).await?;
            if self.instrument_id.is_none_or(|instrument| instrument == run.instrument_id) {
                let cursor = Cursor { position: place.position, seq: place.seq, at: place.at };
                events.push((cursor, pb::RunEvent { cursor: String::new(), run: Some(run.into()) }));
            }
        }
        Ok(events)
    }

    fn place(&self, cursor: String) -> pb::RunEvent {
        pb::RunEvent { cursor, run: None }
    }

    fn put(&self, event: &mut pb::RunEvent, cursor: String) {
        event.cursor = cursor;
    }
}
