//! Signed records: what an electronic signature says, in one form for whoever makes, keeps or checks it.
//!
//! The form is JSON as RFC 8785 has it: keys in order, no spaces. The structs have their fields in the order of the
//! keys, and hold texts and whole numbers below 2^53 alone, so that what serde writes is that form.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::sha256;

/// The form of a manifest that is made here.
pub const SCHEMA_VERSION: i32 = 1;

/// A record at one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The id of the version.
    pub id: String,
    /// What kind of record it is.
    pub kind: String,
    /// The number that its versions have in common.
    pub number: i32,
    /// The SHA-256 of each of its fields, in hex.
    pub parts: BTreeMap<String, String>,
    /// Which version it is.
    pub version: i32,
}

/// What a signature is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The hash of the record as it was signed.
    pub content_hash: String,
    /// What the signer declares.
    pub meaning: String,
    /// How the signer showed who they are.
    pub method: String,
    /// Where the record belongs.
    pub organization: Organization,
    /// Why, in the signer's words.
    pub reason: Option<String>,
    /// The record.
    pub record: Record,
    /// The form of this manifest.
    pub schema_version: i32,
    /// When, by RFC 3339 in UTC.
    pub signed_at: String,
    /// Who signed.
    pub signer: Signer,
}

/// An organization as of a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// Its id.
    pub id: Uuid,
    /// What people called it.
    pub name: String,
}

/// A person as of a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// The user's id.
    pub id: Uuid,
    /// The name that is printed.
    pub name: String,
    /// The role.
    pub role: String,
}

impl Record {
    /// What the version is pinned to: the SHA-256 of all of the above.
    #[must_use]
    pub fn content_hash(&self) -> String {
        sha256(canonical(self).as_bytes())
    }
}

impl Manifest {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        canonical(self)
    }
}

/// A value of texts, whole numbers, lists and ordered members in the form of RFC 8785.
#[must_use]
pub fn canonical<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The id of a public key: its SHA-256.
#[must_use]
pub fn key_id(public_key: &[u8]) -> String {
    sha256(public_key)
}

/// Whether `signature` is the key's over `text`.
#[must_use]
pub fn is_signed(text: &str, signature: &[u8], public_key: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(text.as_bytes(), signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let record = Record {
            id: "i".to_owned(),
            kind: "eln_entry".to_owned(),
            number: 7,
            parts: BTreeMap::from([("title".to_owned(), "t".to_owned()), ("body".to_owned(), "b".to_owned())]),
            version: 2,
        };
        Manifest {
            content_hash: record.content_hash(),
            meaning: "author".to_owned(),
            method: "password".to_owned(),
            organization: Organization { id: Uuid::nil(), name: "L\u{e4}b \"1\"\n".to_owned() },
            reason: None,
            record,
            schema_version: SCHEMA_VERSION,
            signed_at: "2026-01-02T03:04:05.000006Z".to_owned(),
            signer: Signer { id: Uuid::nil(), name: "Ada".to_owned(), role: "pi".to_owned() },
        }
    }

    #[test]
    fn the_form_is_canonical() {
        let (manifest, nobody) = (manifest(), Uuid::nil());
        let record = r#"{"id":"i","kind":"eln_entry","number":7,"parts":{"body":"b","title":"t"},"version":2}"#;
        assert_eq!(manifest.content_hash, sha256(record.as_bytes()));
        assert_eq!(
            manifest.text(),
            format!(
                concat!(
                    r#"{{"content_hash":"{}","meaning":"author","method":"password","organization":{{"id":"{}","name":"L{}b \"1\"\n"}},"#,
                    r#""reason":null,"record":{},"schema_version":1,"signed_at":"2026-01-02T03:04:05.000006Z","#,
                    r#""signer":{{"id":"{}","name":"Ada","role":"pi"}}}}"#
                ),
                manifest.content_hash, nobody, '\u{e4}', record, nobody
            )
        );
        assert_eq!(serde_json::from_str::<Manifest>(&manifest.text()).expect("its own text"), manifest);
        assert!(serde_json::from_str::<Record>(&record.replace("\"i\"", "\"i\",\"more\":1")).is_err());
    }

    #[test]
    fn every_field_of_a_record_is_in_its_hash() {
        let record = manifest().record;
        let hash = record.content_hash();
        let more = BTreeMap::from([("title".to_owned(), "t".to_owned())]);
        for other in [
            Record { id: "j".to_owned(), ..record.clone() },
            Record { kind: "sop".to_owned(), ..record.clone() },
            Record { number: 8, ..record.clone() },
            Record { version: 3, ..record.clone() },
            Record { parts: more, ..record.clone() },
        ] {
            assert_ne!(other.content_hash(), hash, "{other:?}");
        }
    }
}
