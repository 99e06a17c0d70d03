//! The files of a version, which are part of what is signed.

use serde::{Deserialize, Serialize};
use spectra_mesh::{Error, OrgTx};
use uuid::Uuid;

use super::{Entry, rules::Attachable};

/// How many files a version may have: an export names them all.
const MOST: usize = 1000;

/// A file that is attached to a version; its fields are in the order of the canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The name of the file.
    pub filename: String,
    /// The attachment's id.
    pub id: Uuid,
    /// The SHA-256 of the file, in hex.
    pub sha256: String,
    /// The size of the file, in bytes.
    pub size_bytes: i64,
}

impl File {
    /// The files of a version, in the order in which they are signed. They stay these while the version is locked.
    pub(super) async fn of(tx: &mut OrgTx, entry_id: Uuid) -> Result<Vec<Self>, Error> {
        let files = sqlx::query_as!(
            Self,
            "SELECT filename, id, sha256, size_bytes FROM attachments
              WHERE organization_id = $1 AND entity_type = 'eln_entry' AND entity_id = $2 ORDER BY id",
            tx.org(),
            entry_id,
        );
        Ok(files.fetch_all(tx.conn()).await?)
    }
}

impl Attachable {
    /// Locks a version that the caller may attach a file to: nobody changes or signs it until the transaction ends.
    pub(crate) async fn lock(tx: &mut OrgTx, entry_id: Uuid) -> Result<Self, Error> {
        let entry = Entry::lock_any(tx, entry_id).await?;
        entry.may_attach(tx.caller().user, tx.caller().role)
    }

    /// Makes the file that was attached part of the version.
    pub(crate) async fn take_in(self, tx: &mut OrgTx) -> Result<(), Error> {
        let (entry, editor) = (self.entry(), tx.caller().user);
        let files = File::of(tx, entry.id).await?;
        if files.len() > MOST {
            return Err(Error::invalid("entity_id", format!("is of an entry that has {MOST} files, which is as many as it may have")));
        }
        sqlx::query!(
            "UPDATE eln_entries SET content_hash = $3, writers = array_remove(writers, $4) || $4::uuid WHERE organization_id = $1 AND id = $2",
            tx.org(),
            entry.id,
            entry.record(&files).content_hash(),
            editor,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}
