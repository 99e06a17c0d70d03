//! Exports: a version with its signatures as a file, and whether such a file is what was signed.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};
use spectra_mesh::{
    Error,
    signed::{Manifest, canonical, is_signed, key_id},
};
use spectra_proto::identity::SignatureKey;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

pub use super::files::File;
use super::{Entry, content::Content};

mod check;
mod markdown;

pub use check::{Broken, Checked};

/// What a file says that it is.
const FORMAT: &str = "spectra-notebook-entry";
const SCHEMA_VERSION: i32 = 1;
const ALGORITHM: &str = "Ed25519";

/// A version of an entry with its signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    context: Context,
    entry: Version,
    format: String,
    keys: Vec<Key>,
    schema_version: i32,
    signatures: Vec<Signature>,
}

/// What no signature is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    author_id: Uuid,
    created_at: String,
    supersedes: Option<Uuid>,
}

/// What the signatures are over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the file says so")]
struct Version {
    attachments: Vec<File>,
    content: Content,
    content_hash: String,
    entry_no: i32,
    entry_version: i32,
    id: Uuid,
    organization_id: Uuid,
}

/// A key that signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the file says so")]
struct Key {
    algorithm: String,
    key_id: String,
    /// In base64url without padding.
    public_key: String,
}

/// A signature and what it is over, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the file says so")]
struct Signature {
    key_id: String,
    manifest: String,
    /// In base64.
    signature: String,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// For programs.
    Json,
    /// For people; it holds the other.
    Markdown,
}

impl Format {
    pub(super) fn of(asked: Option<&str>) -> Self {
        if asked == Some("markdown") { Self::Markdown } else { Self::Json }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Markdown => "text/markdown; charset=utf-8",
        }
    }
}

impl Export {
    /// The export of a version, its files, its signatures (manifest, signature, key) and the keys that there are.
    pub(super) fn of(entry: Entry, files: Vec<File>, signatures: Vec<(String, Vec<u8>, String)>, keys: Vec<SignatureKey>) -> Self {
        let context = Context {
            author_id: entry.author_id,
            created_at: entry.created_at.format(&Rfc3339).unwrap_or_default(),
            supersedes: entry.supersedes,
        };
        let signatures: Vec<_> = signatures
            .into_iter()
            .map(|(manifest, signature, key_id)| Signature { key_id, manifest, signature: STANDARD.encode(signature) })
            .collect();
        let signed = |key: &SignatureKey| signatures.iter().any(|signature| signature.key_id == key.key_id);
        let keys =
            keys.into_iter().filter(signed).map(|SignatureKey { key_id, algorithm, public_key }| Key { algorithm, key_id, public_key });
        Self {
            context,
            keys: keys.collect(),
            format: FORMAT.to_owned(),
            schema_version: SCHEMA_VERSION,
            entry: Version {
                content_hash: entry.record(&files).content_hash(),
                entry_no: entry.entry_no,
                entry_version: entry.entry_version,
                id: entry.id,
                organization_id: entry.organization_id,
                attachments: files,
                content: entry.into_content(),
            },
            signatures,
        }
    }

    /// The file's text.
    pub(super) fn text(&self, format: Format) -> Result<String, Error> {
        match format {
            Format::Json => Ok(canonical(self) + "\n"),
            Format::Markdown => self.markdown().map_err(Error::broken),
        }
    }
}
