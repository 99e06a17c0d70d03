//! What must be refused although its token still runs: ended sessions, changed users, withdrawn keys.
//! Identity streams it; the set is small, because a token lives for minutes.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use spectra_proto::identity::{
    Revocation, RevocationKind, WatchRevocationsRequest, revocation_event::Event, revocation_service_client::RevocationServiceClient,
};
use uuid::Uuid;

use crate::{Peer, clock, token::Claims};

/// A stream that says nothing for this long is dead: identity beats each second.
const SILENCE: Duration = Duration::from_secs(3);
/// From here on a call that needs a fresh state is refused, in seconds.
const STALE: i64 = 30;
/// Longest pause between two attempts to connect.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The sets, as far as they are known.
#[derive(Default)]
pub struct Revocations {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    /// The last heartbeat: what was told until then is whole.
    heard: i64,
    /// By what is revoked: tokens issued up to the first time are dead, until the second all are gone.
    entries: HashMap<Subject, (i64, i64)>,
    /// The signing keys that are withdrawn, for good: whoever stole one can sign with it at any time.
    keys: HashSet<String>,
}

#[derive(PartialEq, Eq, Hash)]
enum Subject {
    Session(Uuid),
    User(Uuid),
}

impl Revocations {
    /// Whether a token with these claims, signed with this key, is dead.
    #[must_use]
    pub fn refuse(&self, claims: &Claims, kid: &str) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let dead = |subject: Subject| known.entries.get(&subject).is_some_and(|(at, _)| claims.iat <= *at);
        known.keys.contains(kid) || dead(Subject::Session(claims.sid)) || dead(Subject::User(claims.sub))
    }

    /// Whether identity has told what is revoked at all.
    #[must_use]
    pub fn heard(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).heard > 0
    }

    /// Whether the state is fresh enough for a sensitive call.
    #[must_use]
    pub fn fresh(&self) -> bool {
        clock::unix() - self.known.read().unwrap_or_else(PoisonError::into_inner).heard < STALE
    }

    /// Ends a session in this process at once; it never comes back. `until` is in seconds since 1970.
    pub fn end_session(&self, session: Uuid, until: i64) {
        self.insert(Subject::Session(session), i64::MAX, until);
    }

    /// Shuts a user out in this process at once: tokens issued up to `at` are dead.
    pub fn shut_out(&self, user: Uuid, at: i64, until: i64) {
        self.insert(Subject::User(user), at, until);
    }

    /// Follows identity's stream, for as long as the service lives.
    pub async fn follow(self: Arc<Self>, identity: Peer) {
        let mut pause = Duration::from_millis(50);
        loop {
            if self.listen(&identity).await {
                pause = Duration::from_millis(50);
            }
            tokio::time::sleep(clock::jitter(pause)).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Listens until the stream ends; whether it said anything.
    async fn listen(&self, identity: &Peer) -> bool {
        let mut client = RevocationServiceClient::new(identity.channel());
        let asked = client.watch_revocations(WatchRevocationsRequest {});
        let Ok(Ok(stream)) = tokio::time::timeout(SILENCE, asked).await else { return false };
        let mut stream = stream.into_inner();
        let mut heard = false;
        while let Ok(Ok(Some(event))) = tokio::time::timeout(SILENCE, stream.message()).await {
            heard = true;
            self.hear(event.event);
        }
        tracing::debug!("identity's revocations broke off");
        heard
    }

    fn hear(&self, event: Option<Event>) {
        match event {
            Some(Event::Entry(entry)) => self.take(&entry),
            Some(Event::Snapshot(snapshot)) => snapshot.entries.iter().for_each(|entry| self.take(entry)),
            Some(Event::Heartbeat(_)) => {
                let now = clock::unix();
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                known.heard = now;
                known.entries.retain(|_, (_, until)| *until > now);
            }
            None => {}
        }
    }

    fn take(&self, entry: &Revocation) {
        let seconds = |at: Option<prost_types::Timestamp>| at.map_or(i64::MAX, |at| at.seconds);
        let until = seconds(entry.until);
        match (entry.kind(), Uuid::parse_str(&entry.id)) {
            (RevocationKind::Session, Ok(id)) => self.end_session(id, until),
            (RevocationKind::User, Ok(id)) => self.shut_out(id, seconds(entry.at), until),
            (RevocationKind::SigningKey, _) => self.withdraw(&entry.id),
            _ => {}
        }
    }

    fn withdraw(&self, kid: &str) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.keys.insert(kid.to_owned());
    }

    fn insert(&self, subject: Subject, at: i64, until: i64) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let entry = known.entries.entry(subject).or_insert((at, until));
        *entry = (entry.0.max(at), entry.1.max(until));
    }
}
