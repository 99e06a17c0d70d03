//! Following what changes: the outbox of a service's database, as a stream that goes on where it broke off.

use std::{sync::Arc, time::Duration};

use prost::{Message, Name};
use spectra_proto::types::Reason;
use sqlx::postgres::PgListener;
use tokio::{
    sync::{broadcast, mpsc},
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{Db, Error, OrgTx, Permit, Refusal, Reply, bookmark, clock, rpc::admit};

/// How many events are read at once.
const BATCH: i64 = 200;
/// How often is looked although nobody woke: a change is seen once no older transaction runs.
const LOOK: Duration = Duration::from_secs(1);
/// How often a stream that is silent tells its place, so that it can be found again.
const PLACE: Duration = Duration::from_mins(10);
/// How long a place can be gone on from, in seconds: less than the day that changes are kept for.
const KEPT: i64 = 23 * 3600;
/// How long to wait after the database could not be listened to.
const PAUSE: Duration = Duration::from_secs(1);

/// What a handler answers with.
pub type Events<E> = ReceiverStream<Result<E, Status>>;

/// Wakes those who follow a service's changes.
#[derive(Debug)]
pub struct Outbox {
    changed: broadcast::Sender<Uuid>,
    stop: CancellationToken,
}

/// A place among the changes of one organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The transaction of the last change before it.
    pub position: i64,
    /// The number of that change.
    pub seq: i64,
    /// When that was, in seconds since 1970.
    pub at: i64,
}

/// One kind of changes, as those who follow it see them.
#[tonic::async_trait]
pub trait Feed: Send + Sync + 'static {
    /// What changed.
    type Change: Send;
    /// How that is told.
    type Event: Message;

    /// The changes after `cursor` that are to be told, each with its place, in order and `most` at most. Of changes that
    /// are not settled yet none is told, nor any that came after them.
    async fn since(&self, tx: &mut OrgTx, cursor: Cursor, most: i64) -> Result<Vec<(Cursor, Self::Change)>, Error>;

    /// A change and its place; or a place alone.
    fn event(cursor: String, change: Option<Self::Change>) -> Self::Event;
}

/// Tells those who follow a table of records that look otherwise from now on, although nothing was written in their rows.
pub async fn announce(tx: &mut OrgTx, kind: &str, records: &[Uuid]) -> Result<(), Error> {
    sqlx::query!(
        "WITH told AS (
             INSERT INTO outbox (organization_id, kind, record_id) SELECT $1, $2, unnest($3::uuid[]) RETURNING organization_id
         )
         SELECT pg_notify(current_schema() || '_outbox', organization_id::text) FROM told WHERE organization_id = $1 LIMIT 1",
        tx.org(),
        kind,
        records,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(())
}

impl Outbox {
    /// Listens for what changes in a schema, until `stop`; streams end there, too.
    #[must_use]
    pub fn start(db: &Db, schema: &'static str, stop: CancellationToken) -> Arc<Self> {
        let outbox = Arc::new(Self { changed: broadcast::Sender::new(1024), stop: stop.clone() });
        let (listener, db) = (Arc::clone(&outbox), db.clone());
        tokio::spawn(async move { stop.run_until_cancelled(listener.listen(db, format!("{schema}_outbox"))).await });
        outbox
    }

    async fn listen(&self, db: Db, channel: String) {
        loop {
            if let Err(error) = self.hear(&db, &channel).await {
                // Whoever follows looks by itself meanwhile.
                tracing::debug!(?error, "changes cannot be listened for");
            }
            tokio::time::sleep(clock::jitter(PAUSE)).await;
        }
    }

    async fn hear(&self, db: &Db, channel: &str) -> Result<(), sqlx::Error> {
        let mut listener: PgListener = db.listener().await?;
        listener.listen(channel).await?;
        loop {
            if let Ok(org) = Uuid::try_parse(listener.recv().await?.payload()) {
                // Nobody may be following.
                _ = self.changed.send(org);
            }
        }
    }
}

impl Db {
    /// Answers with what changes from now on, or since the cursor that `feed` finds in the request.
    pub fn follow<Q, F>(
        &self,
        outbox: &Arc<Outbox>,
        request: Request<Q>,
        feed: impl FnOnce(Q) -> Result<(F, Option<String>), Error>,
    ) -> Reply<Events<F::Event>>
    where
        Q: Message + Name,
        F: Feed,
    {
        let (permit, asked, _) = admit(request)?;
        let (feed, after) = feed(asked)?;
        let cursor = after.map(|text| Cursor::read(&text, permit.caller().org)).transpose()?;
        let (out, events) = mpsc::channel(16);
        let (db, changed, outbox) = (self.clone(), outbox.changed.subscribe(), Arc::clone(outbox));
        tokio::spawn(async move {
            let mut follower = Follower { db, permit, feed, changed, out: out.clone() };
            let ended = tokio::select! {
                ended = follower.run(cursor) => ended,
                () = out.closed() => Ok(()),
                () = outbox.stop.cancelled() => Ok(()),
            };
            if let Err(error) = ended {
                // Who does not listen any more needs no reason.
                _ = out.send(Err(error.into())).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(events)))
    }
}

/// One stream.
struct Follower<F: Feed> {
    db: Db,
    permit: Permit,
    feed: F,
    changed: broadcast::Receiver<Uuid>,
    out: mpsc::Sender<Result<F::Event, Status>>,
}

impl<F: Feed> Follower<F> {
    async fn run(&mut self, cursor: Option<Cursor>) -> Result<(), Error> {
        // Who begins now is not told what was there by now, though it may not be settled.
        let (mut cursor, before) = if let Some(cursor) = cursor {
            (cursor, None)
        } else {
            let now = Snapshot::take(&mut self.look().await?).await?;
            (self.tell(now.settled(), None).await, Some(now))
        };
        let mut told = Instant::now();
        loop {
            let mut tx = self.look().await?;
            // Before the changes are read, so that none settles between the two and is passed over.
            let place = if told.elapsed() >= PLACE { Some(Snapshot::take(&mut tx).await?.settled()) } else { None };
            let batch = self.feed.since(&mut tx, cursor, BATCH).await?;
            drop(tx);
            let full = batch.len() >= usize::try_from(BATCH).unwrap_or_default();
            if let (true, Some(place)) = (batch.is_empty(), place) {
                cursor = self.tell(place, None).await;
                told = Instant::now();
            }
            for (place, change) in batch {
                if before.as_ref().is_some_and(|before| before.shows(place.position)) {
                    cursor = place;
                    continue;
                }
                cursor = self.tell(place, Some(change)).await;
                told = Instant::now();
            }
            if !full {
                self.woken().await;
            }
        }
    }

    async fn look(&self) -> Result<OrgTx, Error> {
        self.db.reading(&self.permit.renewed()).await
    }

    /// Tells a change, or a place alone; the place.
    async fn tell(&self, place: Cursor, change: Option<F::Change>) -> Cursor {
        let event = F::event(place.text(self.permit.caller().org), change);
        // Who went away is noticed elsewhere.
        _ = self.out.send(Ok(event)).await;
        place
    }

    /// Waits until something may have changed in the organization.
    async fn woken(&mut self) {
        let org = self.permit.caller().org;
        let heard = async {
            // Whoever lags behind has missed something, and looks.
            while matches!(self.changed.recv().await, Ok(changed) if changed != org) {}
        };
        _ = tokio::time::timeout(LOOK, heard).await;
    }
}

/// Which transactions are done, and which are not.
struct Snapshot {
    /// The first that is not.
    first: i64,
    /// The first that had not begun.
    next: i64,
    /// Those that run.
    running: Vec<i64>,
}

impl Snapshot {
    async fn take(tx: &mut OrgTx) -> Result<Self, Error> {
        let text = sqlx::query_scalar!(r#"SELECT pg_current_snapshot()::text AS "snapshot!""#).fetch_one(tx.conn()).await?;
        Self::read(&text).ok_or_else(|| Error::broken(format!("{text} is no snapshot")))
    }

    /// `10:20:10,14`, as PostgreSQL writes it.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let mut number = || parts.next()?.parse().ok();
        let (first, next) = (number()?, number()?);
        let running = parts.next()?.split(',').filter(|id| !id.is_empty()).map(|id| id.parse().ok()).collect::<Option<_>>()?;
        Some(Self { first, next, running })
    }

    /// The place before all that is not settled yet.
    fn settled(&self) -> Cursor {
        Cursor { position: self.first - 1, seq: i64::MAX, at: clock::unix() }
    }

    /// Whether what this transaction did was there.
    fn shows(&self, id: i64) -> bool {
        id < self.next && !self.running.contains(&id)
    }
}

impl Cursor {
    /// The place in a form that clients keep; it is good for its organization alone.
    fn text(self, org: Uuid) -> String {
        bookmark::text(&[self.position, self.seq, self.at].map(i64::to_be_bytes).concat(), org.as_bytes())
    }

    fn read(text: &str, org: Uuid) -> Result<Self, Error> {
        let place = bookmark::read::<24>(text, org.as_bytes()).ok_or_else(|| Error::invalid("cursor", "is not a place in this stream"))?;
        let mut numbers = place.chunks_exact(8).map(|number| i64::from_be_bytes(number.try_into().unwrap_or_default()));
        let mut next = || numbers.next().unwrap_or_default();
        let cursor = Self { position: next(), seq: next(), at: next() };
        if cursor.at < clock::unix() - KEPT {
            let told = "what happened since then is not kept any more; read the list, and watch from now on";
            return Err(Refusal::new(Reason::CursorExpired, told).into());
        }
        Ok(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_shows_what_was_done() {
        let snapshot = Snapshot::read("10:20:10,14").expect("as PostgreSQL writes it");
        assert_eq!([9, 10, 13, 14, 19, 20].map(|id| snapshot.shows(id)), [true, false, true, false, true, false]);
        assert_eq!(snapshot.settled().position, 9);
        assert!(Snapshot::read("7:7:").expect("nothing runs").running.is_empty());
        for odd in ["", "7", "7:8", "7:x:", "7:8:9,x"] {
            assert!(Snapshot::read(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn a_place_is_good_for_its_organization_and_its_time() {
        let (org, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let cursor = Cursor { position: 7, seq: i64::MAX, at: clock::unix() };
        let text = cursor.text(org);
        assert_eq!(Cursor::read(&text, org).expect("its own"), cursor);
        assert!(matches!(Cursor::read(&text, other), Err(Error::Invalid(_))));
        for odd in ["", "A", "' or 1=1--", &text[1..], &"A".repeat(500)] {
            assert!(matches!(Cursor::read(odd, org), Err(Error::Invalid(_))), "{odd}");
        }
        let old = Cursor { at: clock::unix() - KEPT - 1, ..cursor };
        let Err(Error::Refused(refusal)) = Cursor::read(&old.text(org), org) else { panic!("what is gone cannot be told") };
        assert_eq!(refusal.reason(), Reason::CursorExpired);
    }
}
