//! The strict verifier of access tokens: one for every service.
//!
//! `jsonwebtoken` checks the signature; everything that surrounds it is checked here, because a
//! library that decodes into a map lets duplicate claims, foreign types and odd headers pass.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use spectra_proto::{Label, types::UserRole};
use uuid::Uuid;

/// The longest token that is looked at.
pub const MAX_TOKEN: usize = 8 * 1024;
/// The longest life that a token may claim, in seconds.
pub const MAX_LIFETIME: i64 = 900;
/// How far another service's clock may be ahead, in seconds.
const SKEW: i64 = 30;
/// How many scopes a token may hold.
const MAX_SCOPES: usize = 64;

/// The type that an access token's header names (RFC 9068).
pub const TYPE: &str = "at+jwt";

/// What a token must say of its origin and its use.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The issuer, to the letter.
    pub issuer: String,
    /// The audience that the token must name.
    pub audience: String,
}

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued the token.
    pub iss: String,
    /// Whom it is for.
    pub aud: Audience,
    /// The user.
    pub sub: Uuid,
    /// The client that the user signed in with; informative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The organization, the only one that the token's bearer sees.
    pub org: Uuid,
    /// The role in that organization.
    pub role: Role,
    /// What the token may be used for, separated by spaces.
    pub scope: String,
    /// The session; its end is the token's.
    pub sid: Uuid,
    /// The token's own id.
    pub jti: Uuid,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// From when on it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Until when it is good.
    pub exp: i64,
    /// When the user proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How the user proved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amr: Option<Vec<String>>,
}

/// A role in a token: one of the five, by its short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role(pub UserRole);

/// Whom a token is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One audience.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// Why a token was refused: a label for metrics, never told outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name is the label itself")]
pub enum Flaw {
    Size,
    Form,
    Header,
    Type,
    Key,
    Signature,
    Claims,
    Issuer,
    Audience,
    Time,
    Revoked,
}

impl From<Flaw> for &'static str {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Size => "size",
            Flaw::Form => "form",
            Flaw::Header => "header",
            Flaw::Type => "type",
            Flaw::Key => "key",
            Flaw::Signature => "signature",
            Flaw::Claims => "claims",
            Flaw::Issuer => "issuer",
            Flaw::Audience => "audience",
            Flaw::Time => "time",
            Flaw::Revoked => "revoked",
        }
    }
}

/// The public keys that tokens may be signed with.
#[derive(Default)]
pub struct KeySet {
    keys: HashMap<String, (Algorithm, DecodingKey)>,
}

/// A public key as RFC 7517 writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the members of a JSON Web Key, by their registered names")]
pub struct Jwk {
    pub kty: String,
    #[serde(default)]
    pub crv: String,
    #[serde(default, rename = "use")]
    pub purpose: String,
    #[serde(default)]
    pub alg: String,
    #[serde(default)]
    pub kid: String,
    #[serde(default)]
    pub x: String,
    #[serde(default)]
    pub y: String,
}

impl KeySet {
    /// How many keys a set may hold.
    const MAX: usize = 20;

    /// Takes the keys that are fit for signatures. `None` when the set is empty, too large, names a
    /// key twice or holds a key that is not of the two kinds allowed.
    #[must_use]
    pub fn new(keys: &[Jwk]) -> Option<Self> {
        if keys.is_empty() || keys.len() > Self::MAX {
            return None;
        }
        let mut set = Self::default();
        for key in keys {
            let known = match (key.kty.as_str(), key.crv.as_str(), key.alg.as_str()) {
                ("OKP", "Ed25519", "EdDSA" | "") => (Algorithm::EdDSA, DecodingKey::from_ed_components(&key.x).ok()?),
                ("EC", "P-256", "ES256" | "") => (Algorithm::ES256, DecodingKey::from_ec_components(&key.x, &key.y).ok()?),
                _ => return None,
            };
            if key.kid.is_empty() || !matches!(key.purpose.as_str(), "sig" | "") || set.keys.insert(key.kid.clone(), known).is_some() {
                return None;
            }
        }
        Some(set)
    }

    /// Whether the set holds this key.
    #[must_use]
    pub fn contains(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// A token whose form is right; nothing of it is believed yet.
pub struct Unverified<'a> {
    header: Header,
    token: &'a str,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart: length and characters first, before anything is decoded.
    pub fn parse(token: &'a str) -> Result<Self, Flaw> {
        if token.len() > MAX_TOKEN {
            return Err(Flaw::Size);
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !token.bytes().all(plain) || token.bytes().filter(|byte| *byte == b'.').count() != 2 {
            return Err(Flaw::Form);
        }
        let header: Header = object(token.split('.').next().unwrap_or_default(), Flaw::Header)?;
        if !header.typ.eq_ignore_ascii_case(TYPE) {
            return Err(Flaw::Type);
        }
        Ok(Self { header, token })
    }

    /// The key that the token says it was signed with.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.header.kid
    }

    /// Believes the token or says why not. `now` is in seconds since 1970. Revocation is the
    /// caller's to check: it changes while a verified token is remembered.
    pub fn verify(&self, keys: &KeySet, expected: &Expected, now: i64) -> Result<Claims, Flaw> {
        let (algorithm, key) = keys.keys.get(&self.header.kid).ok_or(Flaw::Key)?;
        // The key says which algorithm it is for; the header may only agree.
        let named = match algorithm {
            Algorithm::EdDSA => "EdDSA",
            _ => "ES256",
        };
        if self.header.alg != named {
            return Err(Flaw::Key);
        }
        let (message, signature) = self.token.rsplit_once('.').ok_or(Flaw::Form)?;
        decode(signature, Flaw::Signature)?;
        if !jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, *algorithm).unwrap_or(false) {
            return Err(Flaw::Signature);
        }
        let claims: Claims = object(message.split('.').nth(1).unwrap_or_default(), Flaw::Claims)?;
        claims.hold(expected, now)?;
        Ok(claims)
    }
}

impl Claims {
    /// The scopes, one by one.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.split(' ').filter(|scope| !scope.is_empty())
    }

    fn hold(&self, expected: &Expected, now: i64) -> Result<(), Flaw> {
        if self.iss != expected.issuer {
            return Err(Flaw::Issuer);
        }
        let named = match &self.aud {
            Audience::One(audience) => *audience == expected.audience,
            Audience::Many(audiences) => audiences.contains(&expected.audience),
        };
        if !named {
            return Err(Flaw::Audience);
        }
        let life = self.exp.checked_sub(self.iat).ok_or(Flaw::Time)?;
        if self.exp <= now || !(1..=MAX_LIFETIME).contains(&life) || self.iat > now + SKEW || self.nbf.is_some_and(|nbf| nbf > now + SKEW) {
            return Err(Flaw::Time);
        }
        if [self.org, self.sub, self.sid, self.jti].iter().any(Uuid::is_nil) || self.scopes().count() > MAX_SCOPES {
            return Err(Flaw::Claims);
        }
        Ok(())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.label())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let label = String::deserialize(deserializer)?;
        UserRole::from_label(&label).map(Self).ok_or_else(|| serde::de::Error::custom("no role"))
    }
}

/// Decodes one part of a token. Only the one canonical text of the bytes is taken.
fn decode(part: &str, flaw: Flaw) -> Result<Vec<u8>, Flaw> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| flaw)
}

/// Decodes a part that must be one JSON object; a struct would take an array too.
fn object<T: DeserializeOwned>(part: &str, flaw: Flaw) -> Result<T, Flaw> {
    let text = decode(part, flaw)?;
    if text.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(flaw);
    }
    serde_json::from_slice(&text).map_err(|_| flaw)
}
