//! Sessions: how people sign in, stay signed in and sign out.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use spectra_mesh::{Error, fingerprint, random, stamp};
use spectra_proto::identity as pb;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{App, token::Grant};

mod renewal;
mod rpc;
mod rules;
mod sign_in;
mod store;

pub(crate) use store::end_all;

/// One sign-in and all the tokens that came of it.
struct Session {
    id: Uuid,
    user_id: Uuid,
    client: String,
    created_at: OffsetDateTime,
    last_used_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    /// Whether the caller's token belongs to it.
    current: bool,
}

impl From<Session> for pb::Session {
    fn from(session: Session) -> Self {
        Self {
            id: session.id.to_string(),
            user_id: session.user_id.to_string(),
            client: session.client,
            created_at: Some(stamp(session.created_at)),
            last_used_at: Some(stamp(session.last_used_at)),
            expires_at: Some(stamp(session.expires_at)),
            current: session.current,
        }
    }
}

/// What a caller without a token tells of itself.
struct Origin {
    client: String,
    request: Uuid,
}

/// A refresh token: 256 bits, of which the database keeps the hash.
struct RefreshToken(String);

impl RefreshToken {
    fn random() -> Result<Self, Error> {
        Ok(Self::of(&random()?))
    }

    /// The prefix lets scanners of code and logs find a token that got lost there.
    fn of(bits: &[u8; 32]) -> Self {
        Self(format!("srt_{}", URL_SAFE_NO_PAD.encode(bits)))
    }

    fn hash(&self) -> Vec<u8> {
        fingerprint(self.0.as_bytes()).to_vec()
    }
}

impl App {
    /// The answer to whoever has signed in or renewed a session.
    fn pair(&self, grant: &Grant, refresh: RefreshToken) -> Result<pb::TokenPair, Error> {
        Ok(pb::TokenPair {
            access_token: self.issuer.access_token(grant, &self.ring.signing())?,
            refresh_token: refresh.0,
            token_type: "bearer".to_owned(),
            expires_in: self.issuer.life(),
        })
    }
}

#[cfg(test)]
mod tests {
    use spectra_proto::policy::POLICIES;

    use super::*;

    #[test]
    fn the_trail_names_methods_of_the_contract() {
        for method in [sign_in::METHOD, renewal::METHOD] {
            assert!(POLICIES.contains_key(method), "{method}");
        }
    }

    #[test]
    fn refresh_tokens_are_random_and_of_one_form() {
        let (one, other) = (RefreshToken::random().expect("random"), RefreshToken::random().expect("random"));
        assert_ne!(one.0, other.0);
        assert_ne!(one.hash(), other.hash());
        for token in [one, other] {
            let bits = token.0.strip_prefix("srt_").expect("the prefix");
            assert_eq!(URL_SAFE_NO_PAD.decode(bits).expect("base64url").len(), 32);
        }
    }
}
