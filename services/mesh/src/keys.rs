//! The keys that tokens are verified with, fetched from identity and kept fresh.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use spectra_proto::identity::{ListKeysRequest, key_service_client::KeyServiceClient};
use tokio::sync::Mutex;

use crate::{
    Peer, clock,
    token::{Jwk, KeySet},
};

/// How often the set is fetched anew; identity lets it be cached for five minutes.
const REFRESH: Duration = Duration::from_mins(4);
/// How often a first fetch is tried.
const EAGER: Duration = Duration::from_millis(100);
/// An unknown key causes a fetch at most this often, in seconds.
const REFETCH: i64 = 10;
/// How long a set that cannot be fetched anew still counts as fresh, in seconds.
const STALE: i64 = 3600;

/// The current key set. A failed or empty fetch never replaces a good one.
pub struct Keys {
    identity: Peer,
    current: RwLock<Current>,
    /// When an unknown key last caused a fetch; held while one is under way.
    refetched: Mutex<i64>,
}

struct Current {
    /// What the set was made of.
    keys: Arc<[Jwk]>,
    set: Arc<KeySet>,
    generation: u64,
    fetched: i64,
}

impl Keys {
    /// Keys of the mesh's identity service; nothing is fetched yet.
    #[must_use]
    pub fn of(identity: Peer) -> Self {
        Self {
            identity,
            current: RwLock::new(Current { keys: Arc::from([]), set: Arc::default(), generation: 0, fetched: 0 }),
            refetched: Mutex::new(0),
        }
    }

    /// The set and its generation, which rises with each change.
    #[must_use]
    pub fn current(&self) -> (Arc<KeySet>, u64) {
        let current = self.read();
        (Arc::clone(&current.set), current.generation)
    }

    /// Whether there is a set that is fresh enough to serve with.
    #[must_use]
    pub fn ready(&self) -> bool {
        let current = self.read();
        current.generation > 0 && clock::unix() - current.fetched < STALE
    }

    /// Fetches once if `kid` is unknown, unless that was done a moment ago. Callers wait for one fetch.
    pub async fn look_for(&self, kid: &str) {
        let mut last = self.refetched.lock().await;
        if self.read().set.contains(kid) || clock::unix() - *last < REFETCH {
            return;
        }
        *last = clock::unix();
        self.fetch().await;
    }

    /// Keeps the set fresh, for as long as the service lives.
    pub async fn keep_fresh(self: Arc<Self>) {
        loop {
            let fetched = self.fetch().await;
            let pause = if fetched {
                REFRESH
            } else if self.ready() {
                Duration::from_secs(5)
            } else {
                EAGER
            };
            tokio::time::sleep(clock::jitter(pause)).await;
        }
    }

    async fn fetch(&self) -> bool {
        let mut client = KeyServiceClient::new(self.identity.channel());
        let answer = tokio::time::timeout(Duration::from_secs(5), client.list_keys(ListKeysRequest {})).await;
        let Ok(Ok(answer)) = answer else {
            tracing::debug!("identity does not tell its keys");
            return false;
        };
        let keys: Arc<[Jwk]> = answer
            .into_inner()
            .keys
            .into_iter()
            .map(|key| Jwk { kty: key.kty, crv: key.crv, purpose: key.r#use, alg: key.alg, kid: key.kid, x: key.x, y: String::new() })
            .collect();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.keys != keys {
            let Some(set) = KeySet::new(&keys) else {
                tracing::warn!("identity's key set is empty or not usable; the last one stays");
                return false;
            };
            *current = Current { keys, set: Arc::new(set), generation: current.generation + 1, fetched: 0 };
        }
        current.fetched = clock::unix();
        true
    }

    fn read(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_key_is_looked_for_again_after_a_while() {
        let keys = Keys::of(Peer::at("identity", "http://127.0.0.1:1").expect("a URL"));
        let tries = async |after: i64| {
            *keys.refetched.lock().await = clock::unix() - after;
            keys.look_for("new").await;
            clock::unix() - *keys.refetched.lock().await < REFETCH / 2
        };
        assert!(!tries(REFETCH - 2).await, "one fetch is enough for now");
        assert!(tries(REFETCH).await);
    }
}
