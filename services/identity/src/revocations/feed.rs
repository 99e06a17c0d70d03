//! One reader of the table for all who watch it.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use spectra_mesh::{Error, SystemDb, clock};
use spectra_proto::identity::{Heartbeat, Revocation, RevocationEvent, Snapshot, revocation_event::Event};
use tokio::{
    sync::{broadcast, mpsc},
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::store;

/// How often the table is read.
const POLL: Duration = Duration::from_millis(300);
/// How often a sign of life is sent.
const BEAT: Duration = Duration::from_secs(1);
/// How often what is over is deleted.
const SWEEP: Duration = Duration::from_mins(1);
/// How far each reading reaches back behind the last one: entries are numbered in the order in
/// which they are written, and may be seen in another.
const OVERLAP: Duration = Duration::from_secs(10);
/// How far the first reading reaches back: beyond the life of an entry.
const EVER: Duration = Duration::from_hours(24);
/// How often everything is read again: an entry may be seen long after it was dated, when its commit
/// had to wait.
const WHOLE: Duration = Duration::from_secs(10);
/// What was read longer ago than this is no state to begin with.
const STALE: Duration = Duration::from_secs(3);
/// How many readings a watcher may lag behind before it has to begin anew.
const BACKLOG: usize = 64;
/// How many entries one message holds, far below the largest message.
const SNAPSHOT: usize = 10_000;

/// What watchers receive.
pub(crate) type Events = ReceiverStream<Result<RevocationEvent, Status>>;

/// The live entries and who is told of new ones.
pub(crate) struct Feed {
    state: RwLock<State>,
    news: broadcast::Sender<Arc<News>>,
    stop: CancellationToken,
}

#[derive(Default)]
struct State {
    live: BTreeMap<i64, Revocation>,
    read: Option<Instant>,
}

/// What one reading brought.
struct News {
    entries: Vec<Revocation>,
    beat: bool,
}

impl Feed {
    /// Starts to read, until `stop`.
    pub(crate) fn start(system: SystemDb, stop: CancellationToken) -> Arc<Self> {
        let feed = Arc::new(Self { state: RwLock::default(), news: broadcast::Sender::new(BACKLOG), stop: stop.clone() });
        let reader = Arc::clone(&feed);
        tokio::spawn(async move { stop.run_until_cancelled(reader.read_on(system)).await });
        feed
    }

    /// The whole state, then what comes. Refused while the table cannot be read: whoever watches
    /// must know that what it knows grows old.
    pub(crate) fn watch(&self) -> Result<Events, Error> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if state.read.is_none_or(|read| read.elapsed() > STALE) {
            return Err(Error::Unavailable("the revocations cannot be read just now; try again in a moment"));
        }
        // Under the lock that a reading takes to publish: nothing comes between the two.
        let news = self.news.subscribe();
        let live = state.live.values().cloned().collect();
        let (out, events) = mpsc::channel(16);
        let stop = self.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(tell(live, news, out)).await });
        Ok(ReceiverStream::new(events))
    }

    async fn read_on(self: Arc<Self>, system: SystemDb) {
        let (mut beat, mut whole, mut swept, mut well) = (None, None, Instant::now(), true);
        loop {
            match self.read(&system, &mut beat, &mut whole).await {
                Ok(()) => well = true,
                Err(error) if well => {
                    well = false;
                    tracing::warn!(?error, "the revocations cannot be read");
                }
                Err(_) => {}
            }
            if well && swept.elapsed() > SWEEP {
                swept = Instant::now();
                if let Err(error) = sweep(&system).await {
                    tracing::warn!(?error, "revocations that are over cannot be deleted");
                }
            }
            tokio::time::sleep(clock::jitter(POLL)).await;
        }
    }

    async fn read(&self, system: &SystemDb, beat: &mut Option<Instant>, whole: &mut Option<Instant>) -> Result<(), Error> {
        let begun = Instant::now();
        let last = self.state.read().unwrap_or_else(PoisonError::into_inner).read;
        let again = whole.is_none_or(|last: Instant| last.elapsed() >= WHOLE);
        let reach = last.filter(|_| !again).map_or(EVER, |last| last.elapsed() + OVERLAP);
        let mut tx = system.begin().await?;
        let read = store::written_within(&mut tx, reach.as_secs_f64()).await?;
        drop(tx);
        if again {
            *whole = Some(begun);
        }
        let due = beat.is_none_or(|last| last.elapsed() >= BEAT);
        if due {
            *beat = Some(Instant::now());
        }
        self.publish(read, begun, due);
        Ok(())
    }

    fn publish(&self, read: Vec<Revocation>, begun: Instant, beat: bool) {
        let now = clock::unix();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.live.retain(|_, entry| entry.until.is_some_and(|until| until.seconds >= now));
        let entries: Vec<_> = read.into_iter().filter(|entry| !state.live.contains_key(&entry.seq)).collect();
        state.live.extend(entries.iter().map(|entry| (entry.seq, entry.clone())));
        state.read = Some(begun);
        if beat || !entries.is_empty() {
            // Nobody may be watching.
            let _ = self.news.send(Arc::new(News { entries, beat }));
        }
    }
}

async fn sweep(system: &SystemDb) -> Result<(), Error> {
    let mut tx = system.begin().await?;
    store::forget(&mut tx).await?;
    tx.commit().await
}

/// Tells one watcher, until it goes away or lags too far behind; it then begins anew.
async fn tell(live: Vec<Revocation>, mut news: broadcast::Receiver<Arc<News>>, out: mpsc::Sender<Result<RevocationEvent, Status>>) {
    for event in opening(live) {
        if out.send(Ok(RevocationEvent { event: Some(event) })).await.is_err() {
            return;
        }
    }
    while let Ok(news) = news.recv().await {
        let entries = news.entries.iter().cloned().map(Event::Entry);
        for event in entries.chain(news.beat.then_some(Event::Heartbeat(Heartbeat {}))) {
            if out.send(Ok(RevocationEvent { event: Some(event) })).await.is_err() {
                return;
            }
        }
    }
}

/// The state as messages of bounded size: a snapshot, what it has no room for one by one, and a
/// heartbeat, which says that this was all.
fn opening(mut live: Vec<Revocation>) -> impl Iterator<Item = Event> {
    let rest = live.split_off(live.len().min(SNAPSHOT));
    let snapshot = Event::Snapshot(Snapshot { entries: live });
    std::iter::once(snapshot).chain(rest.into_iter().map(Event::Entry)).chain([Event::Heartbeat(Heartbeat {})])
}

#[cfg(test)]
mod tests {
    use tokio_stream::StreamExt;

    use super::*;

    fn feed() -> Feed {
        Feed { state: RwLock::default(), news: broadcast::Sender::new(BACKLOG), stop: CancellationToken::new() }
    }

    fn entry(seq: i64, lives: i64) -> Revocation {
        let until = prost_types::Timestamp { seconds: clock::unix() + lives, nanos: 0 };
        Revocation { seq, until: Some(until), ..Revocation::default() }
    }

    /// The next event in short: its name and the numbers of its entries.
    async fn next(events: &mut Events) -> (&'static str, Vec<i64>) {
        match events.next().await.expect("the stream goes on").expect("no fault").event.expect("an event") {
            Event::Snapshot(snapshot) => ("snapshot", snapshot.entries.iter().map(|entry| entry.seq).collect()),
            Event::Entry(entry) => ("entry", vec![entry.seq]),
            Event::Heartbeat(_) => ("heartbeat", vec![]),
        }
    }

    #[tokio::test]
    async fn watchers_learn_the_state_and_what_comes() {
        let feed = feed();
        assert!(matches!(feed.watch(), Err(Error::Unavailable(_))), "nothing was read yet");
        feed.publish(vec![entry(3, 60), entry(7, 60)], Instant::now(), true);
        let mut early = feed.watch().expect("a state");
        assert_eq!(next(&mut early).await, ("snapshot", vec![3, 7]));
        assert_eq!(next(&mut early).await, ("heartbeat", vec![]), "that was all");
        // 5 was written before 7 and is seen after it.
        feed.publish(vec![entry(3, 60), entry(5, 60), entry(7, 60)], Instant::now(), false);
        feed.publish(vec![entry(5, 60), entry(7, 60), entry(8, 60)], Instant::now(), true);
        assert_eq!(next(&mut early).await, ("entry", vec![5]));
        assert_eq!(next(&mut early).await, ("entry", vec![8]));
        assert_eq!(next(&mut early).await, ("heartbeat", vec![]));
        assert_eq!(next(&mut feed.watch().expect("a state")).await, ("snapshot", vec![3, 5, 7, 8]));
    }

    #[tokio::test]
    async fn what_is_over_is_forgotten() {
        let feed = feed();
        feed.publish(vec![entry(1, -1), entry(2, 60)], Instant::now(), false);
        feed.publish(vec![], Instant::now(), false);
        assert_eq!(next(&mut feed.watch().expect("a state")).await, ("snapshot", vec![2]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_state_is_not_told() {
        let feed = feed();
        feed.publish(vec![], Instant::now(), true);
        tokio::time::advance(STALE + Duration::from_millis(1)).await;
        assert!(matches!(feed.watch(), Err(Error::Unavailable(_))));
    }

    #[tokio::test]
    async fn a_slow_watcher_begins_anew() {
        let feed = feed();
        feed.publish(vec![], Instant::now(), true);
        let mut slow = feed.watch().expect("a state");
        for _ in 0..BACKLOG * 3 {
            feed.publish(vec![], Instant::now(), true);
        }
        let mut told = 0;
        while slow.next().await.is_some() {
            told += 1;
        }
        assert!(told <= BACKLOG, "{told}");
    }

    #[tokio::test]
    async fn streams_end_at_the_stop() {
        let feed = feed();
        feed.publish(vec![], Instant::now(), true);
        let mut events = feed.watch().expect("a state");
        next(&mut events).await;
        next(&mut events).await;
        feed.stop.cancel();
        assert!(events.next().await.is_none());
    }

    #[test]
    fn a_large_state_comes_in_parts() {
        let count = i64::try_from(SNAPSHOT).expect("small") + 2;
        let mut events = opening((1..=count).map(|seq| entry(seq, 60)).collect());
        let Some(Event::Snapshot(snapshot)) = events.next() else { panic!("no snapshot") };
        assert_eq!(snapshot.entries.len(), SNAPSHOT);
        assert_eq!(events.count(), 3, "the rest and the heartbeat");
    }
}
