//! Access tokens: who gets which, and how they are signed.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use spectra_mesh::{
    Error, new_id,
    token::{Audience, Claims, Expected, MAX_LIFETIME, Role, TYPE},
};
use spectra_proto::types::UserRole;
use uuid::Uuid;

use crate::keys::Signing;

/// Whom a token is made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) org: Uuid,
    pub(crate) user: Uuid,
    pub(crate) session: Uuid,
    pub(crate) role: UserRole,
    /// In seconds since 1970, and later than whatever was revoked of the user.
    pub(crate) issued_at: i64,
    /// When the user showed the password, in seconds since 1970.
    pub(crate) signed_in_at: i64,
}

/// Makes access tokens.
pub(crate) struct Issuer {
    expected: Expected,
    /// In seconds.
    life: i32,
}

impl Issuer {
    /// Refuses a life that no verifier would believe.
    pub(crate) fn new(expected: Expected, life: Duration) -> Result<Self, Error> {
        let believed = i32::try_from(life.as_secs()).ok().filter(|life| (1..=MAX_LIFETIME).contains(&i64::from(*life)));
        let life = believed.ok_or_else(|| Error::broken(format!("an access token lives for 1 to {MAX_LIFETIME} seconds, not {life:?}")))?;
        Ok(Self { expected, life })
    }

    /// How long a token lives, in seconds.
    pub(crate) fn life(&self) -> i32 {
        self.life
    }

    /// A new token, signed with this key.
    pub(crate) fn access_token(&self, grant: &Grant, signing: &Signing) -> Result<String, Error> {
        let header = Header { typ: Some(TYPE.to_owned()), kid: Some(signing.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims {
            iss: self.expected.issuer.clone(),
            aud: Audience::One(self.expected.audience.clone()),
            sub: grant.user,
            // RFC 9068 wants one; people sign in by the gateway alone, whatever program they use.
            client_id: Some("web".to_owned()),
            org: grant.org,
            role: Role(grant.role),
            scope: scopes(grant.role).join(" "),
            sid: grant.session,
            jti: new_id(),
            iat: grant.issued_at,
            nbf: None,
            exp: grant.issued_at + i64::from(self.life),
            auth_time: Some(grant.signed_in_at),
            amr: Some(vec!["pwd".to_owned()]),
        };
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(&signing.private_key)).map_err(Error::broken)
    }
}

/// What a person of this role may use a token for: each role has the scopes of those below it.
fn scopes(role: UserRole) -> Vec<&'static str> {
    const BY_ROLE: [(UserRole, &[&str]); 4] = [
        (UserRole::Viewer, &["profile", "lims:read", "analysis:read"]),
        (UserRole::Technician, &["lims:write", "analysis:write"]),
        (UserRole::Pi, &["identity:read"]),
        (UserRole::Admin, &["identity:write"]),
    ];
    BY_ROLE.iter().filter(|(least, _)| role >= *least).flat_map(|(_, scopes)| *scopes).copied().collect()
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use spectra_mesh::{
        clock,
        token::{Flaw, Jwk, KeySet, Unverified},
    };
    use spectra_proto::policy::POLICIES;

    use super::*;

    fn expected() -> Expected {
        Expected { issuer: "https://lab.test".to_owned(), audience: "spectra-lab-api".to_owned() }
    }

    fn issuer() -> Issuer {
        Issuer::new(expected(), Duration::from_mins(10)).expect("a believable life")
    }

    fn key() -> (Signing, KeySet) {
        let signing = Signing::generate().expect("a key");
        let jwk = Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            kid: signing.kid.clone(),
            x: URL_SAFE_NO_PAD.encode(&signing.public_key),
            ..Jwk::default()
        };
        let keys = KeySet::new(&[jwk]).expect("a set");
        (signing, keys)
    }

    fn grant(role: UserRole) -> Grant {
        let now = clock::unix();
        Grant { org: new_id(), user: new_id(), session: new_id(), role, issued_at: now, signed_in_at: now - 60 }
    }

    #[test]
    fn the_verifier_believes_the_issuer() {
        let (signing, keys) = key();
        let grant = grant(UserRole::Engineer);
        let token = issuer().access_token(&grant, &signing).expect("a token");
        let claims = Unverified::parse(&token).expect("well formed").verify(&keys, &expected(), grant.issued_at).expect("believed");
        assert_eq!((claims.org, claims.sub, claims.sid, claims.role.0), (grant.org, grant.user, grant.session, grant.role));
        assert_eq!((claims.iat, claims.exp, claims.auth_time), (grant.issued_at, grant.issued_at + 600, Some(grant.signed_in_at)));
        assert_eq!(claims.scopes().collect::<Vec<_>>(), ["profile", "lims:read", "analysis:read", "lims:write", "analysis:write"]);

        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header")).expect("base64url");
        let header: serde_json::Value = serde_json::from_slice(&header).expect("JSON");
        assert_eq!(header, serde_json::json!({"alg": "EdDSA", "typ": "at+jwt", "kid": signing.kid}));
    }

    #[test]
    fn no_token_lives_longer_than_verifiers_believe() {
        let live = |life: Duration| Issuer::new(expected(), life).is_ok();
        assert!(live(Duration::from_secs(1)) && live(Duration::from_mins(15)));
        assert!(!live(Duration::from_millis(999)) && !live(Duration::from_secs(901)) && !live(Duration::MAX));
    }

    #[test]
    fn each_token_is_another() {
        let ((signing, _), grant) = (key(), grant(UserRole::Viewer));
        let token = || issuer().access_token(&grant, &signing).expect("a token");
        assert_ne!(token(), token());
    }

    #[test]
    fn another_key_is_not_believed() {
        let ((signing, _), (_, keys)) = (key(), key());
        let token = issuer().access_token(&grant(UserRole::Viewer), &signing).expect("a token");
        let flaw = Unverified::parse(&token).expect("well formed").verify(&keys, &expected(), clock::unix()).expect_err("a stranger's key");
        assert_eq!(flaw, Flaw::Key);
    }

    #[test]
    fn whoever_has_the_role_has_the_scope() {
        for (path, method) in POLICIES.iter().filter(|(_, method)| !method.policy.scope.is_empty()) {
            assert!(scopes(method.policy.role()).contains(&method.policy.scope.as_str()), "{path} is out of reach for its own role");
        }
    }
}
