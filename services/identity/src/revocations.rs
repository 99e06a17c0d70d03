//! Revocations: which tokens are dead before their time.

use spectra_mesh::stamp;
use spectra_proto::identity::{self as pb, RevocationKind};
use time::OffsetDateTime;
use uuid::Uuid;

mod feed;
mod rpc;
mod store;

pub(crate) use feed::Feed;
pub(crate) use store::{revoke_session, revoke_signing_key, revoke_user};

use crate::App;

/// An entry as it was written, with its times in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Revoked {
    /// A session ended.
    Session { id: Uuid, until: i64 },
    /// The tokens that a user got up to `at` are void.
    User { id: Uuid, at: i64, until: i64 },
}

impl App {
    /// Refuses in this process at once what the stream will tell every process. To be called when
    /// the entry is committed.
    pub(crate) fn enforce(&self, revoked: Option<Revoked>) {
        match revoked {
            Some(Revoked::Session { id, until }) => self.authority.revocations().end_session(id, until),
            Some(Revoked::User { id, at, until }) => self.authority.revocations().shut_out(id, at, until),
            None => {}
        }
    }
}

/// An entry as it is read.
struct Entry {
    seq: i64,
    kind: spectra_mesh::Labelled<RevocationKind>,
    subject: String,
    at: OffsetDateTime,
    until: OffsetDateTime,
}

impl From<Entry> for pb::Revocation {
    fn from(entry: Entry) -> Self {
        Self { seq: entry.seq, kind: entry.kind.number(), id: entry.subject, at: Some(stamp(entry.at)), until: Some(stamp(entry.until)) }
    }
}
