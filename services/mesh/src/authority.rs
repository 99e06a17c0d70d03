//! Who a token speaks for: the verifier, its keys, the revocations, and what was verified before.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use http::{HeaderMap, header::AUTHORIZATION};
use opentelemetry::{KeyValue, global, metrics::Counter};
use spectra_proto::types::Reason;

use crate::{
    Caller, Error, Peer, Revocations, clock, digest,
    keys::Keys,
    token::{Claims, Expected, Flaw, Unverified},
};

/// How many verified tokens are remembered.
const MEMORY: usize = 10_000;

/// How many tokens were refused, and why.
static REFUSED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    global::meter("spectra")
        .u64_counter("token.refused")
        .with_description("How many access tokens were refused, by what was wrong with them.")
        .build()
});

/// Turns a token into a caller, or says no.
pub struct Authority {
    expected: Expected,
    keys: Arc<Keys>,
    revocations: Arc<Revocations>,
    verified: RwLock<HashMap<[u8; 32], Arc<Verified>>>,
}

/// A token that was believed, under the key set of that generation.
struct Verified {
    caller: Caller,
    claims: Claims,
    kid: String,
    generation: u64,
}

impl Authority {
    /// The authority of the mesh whose identity service is `identity`. Starts to fetch its keys and
    /// to follow its revocations; the tasks end with the runtime.
    #[must_use]
    pub fn of(identity: &Peer, expected: Expected) -> Arc<Self> {
        let authority = Arc::new(Self {
            expected,
            keys: Arc::new(Keys::of(identity.clone())),
            revocations: Arc::default(),
            verified: RwLock::default(),
        });
        tokio::spawn(Arc::clone(&authority.keys).keep_fresh());
        tokio::spawn(Arc::clone(&authority.revocations).follow(identity.clone()));
        authority
    }

    /// Whether tokens can be judged: their keys are known, and once what is revoked was told.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.keys.ready() && self.revocations.heard()
    }

    /// What is revoked, as far as this process knows.
    #[must_use]
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }

    /// Who calls, by the token in the headers.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Error> {
        let token = bearer(headers).ok_or(Error::Unauthenticated(Reason::Unauthenticated, "a bearer token is needed"))?;
        self.believe(token).await.map_err(|flaw| {
            tracing::debug!(?flaw, "a token was refused");
            REFUSED.add(1, &[KeyValue::new("flaw", <&str>::from(flaw))]);
            Error::Unauthenticated(Reason::Unauthenticated, "the token is not valid; sign in again")
        })
    }

    /// Who calls, where the token is believed. Who is refused is for the service to say, and to count.
    pub async fn known(&self, headers: &HeaderMap) -> Option<Caller> {
        self.believe(bearer(headers)?).await.ok()
    }

    /// Whether a caller who was believed still is: the token had not expired `at` that time, and nothing of it was revoked.
    pub(crate) fn still_believes(&self, caller: &Caller, at: i64) -> bool {
        let (keys, _) = self.keys.current();
        let Ok(unverified) = Unverified::parse(caller.token()) else { return false };
        let claims = unverified.verify(&keys, &self.expected, at);
        claims.is_ok_and(|claims| !self.revocations.refuse(&claims, unverified.kid()))
    }

    async fn believe(&self, token: &str) -> Result<Caller, Flaw> {
        let now = clock::unix();
        let fingerprint = digest::fingerprint(token.as_bytes());
        let (mut keys, mut generation) = self.keys.current();
        let known = self.verified.read().unwrap_or_else(PoisonError::into_inner).get(&fingerprint).cloned();
        let verified = if let Some(known) = known.filter(|known| known.generation == generation && known.claims.exp > now) {
            known
        } else {
            let unverified = Unverified::parse(token)?;
            if !keys.contains(unverified.kid()) {
                self.keys.look_for(unverified.kid()).await;
                (keys, generation) = self.keys.current();
            }
            let claims = unverified.verify(&keys, &self.expected, now)?;
            let caller = Caller::of(&claims, token);
            let verified = Arc::new(Verified { caller, claims, kid: unverified.kid().to_owned(), generation });
            self.remember(fingerprint, Arc::clone(&verified), now);
            verified
        };
        if self.revocations.refuse(&verified.claims, &verified.kid) {
            return Err(Flaw::Revoked);
        }
        Ok(verified.caller.clone())
    }

    fn remember(&self, fingerprint: [u8; 32], verified: Arc<Verified>, now: i64) {
        let mut known = self.verified.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MEMORY {
            known.retain(|_, verified| verified.claims.exp > now);
        }
        if known.len() >= MEMORY {
            known.clear();
        }
        known.insert(fingerprint, verified);
    }
}

/// The token of an `Authorization: Bearer` header; two such headers are none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000;

    fn verified(exp: i64) -> Arc<Verified> {
        let id = crate::new_id();
        let claims = serde_json::json!({
            "iss": "i", "aud": "a", "org": id, "sub": id, "sid": id, "jti": id, "role": "viewer", "scope": "", "iat": NOW, "exp": exp,
        });
        let claims: Claims = serde_json::from_value(claims).expect("claims");
        Arc::new(Verified { caller: Caller::of(&claims, "token"), claims, kid: "k".to_owned(), generation: 1 })
    }

    fn fingerprint(nth: usize) -> [u8; 32] {
        digest::fingerprint(&nth.to_be_bytes())
    }

    #[tokio::test]
    async fn no_more_tokens_are_remembered_than_there_is_room_for() {
        let identity = Peer::at("identity", "http://127.0.0.1:1").expect("a URL");
        let authority = Authority {
            expected: Expected { issuer: String::new(), audience: String::new() },
            keys: Arc::new(Keys::of(identity)),
            revocations: Arc::default(),
            verified: RwLock::default(),
        };
        let remembered = || authority.verified.read().expect("the memory").len();
        let (dead, alive) = (verified(NOW), verified(NOW + 1));
        authority.remember(fingerprint(0), Arc::clone(&alive), NOW);
        for nth in 1..MEMORY {
            authority.remember(fingerprint(nth), Arc::clone(&dead), NOW);
        }
        assert_eq!(remembered(), MEMORY);
        authority.remember(fingerprint(MEMORY), Arc::clone(&alive), NOW);
        assert_eq!(remembered(), 2, "the dead made room, and they alone");
        for nth in 0..3 * MEMORY {
            authority.remember(fingerprint(nth), Arc::clone(&alive), NOW);
            assert!(remembered() <= MEMORY);
        }
    }
}
