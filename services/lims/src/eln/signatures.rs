//! Signatures: what was declared about a version, by whom. They are never changed.

use spectra_mesh::{Error, Labelled, OrgTx, Page, new_id, page, stamp};
use spectra_proto::{
    lims as pb,
    types::{SignatureMeaning, UserRole},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Entry, content::KIND, rules::Signable};
use crate::identity::Signed;

/// One signature.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "its columns are called so")]
pub(super) struct Signature {
    id: Uuid,
    entry_type: String,
    entry_id: Uuid,
    signer_id: Uuid,
    signer_name: String,
    signer_role: Labelled<UserRole>,
    meaning: Labelled<SignatureMeaning>,
    reason: Option<String>,
    method: String,
    content_hash: String,
    manifest: String,
    signature: Vec<u8>,
    key_id: String,
    signed_at: OffsetDateTime,
    created_at: OffsetDateTime,
}

impl From<Signature> for pb::Signature {
    fn from(signature: Signature) -> Self {
        Self {
            id: signature.id.to_string(),
            entry_type: signature.entry_type,
            entry_id: signature.entry_id.to_string(),
            signer_id: signature.signer_id.to_string(),
            signer_name: signature.signer_name,
            signer_role: signature.signer_role.number(),
            meaning: signature.meaning.number(),
            reason: signature.reason,
            method: signature.method,
            content_hash: signature.content_hash,
            manifest: signature.manifest,
            signature: signature.signature,
            key_id: signature.key_id,
            signed_at: Some(stamp(signature.signed_at)),
            created_at: Some(stamp(signature.created_at)),
        }
    }
}

impl Signature {
    /// A page of the signatures of a version.
    pub(super) async fn page(tx: &mut OrgTx, entry: &Entry, page: &Page) -> Result<pb::ListSignaturesResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            r#"SELECT id, entry_type, entry_id, signer_id, signer_name, signer_role AS "signer_role: _", meaning AS "meaning: _", reason,
                      method, content_hash, manifest, signature, key_id, signed_at, created_at
                 FROM signatures
                WHERE organization_id = $1 AND entry_id = $6"#,
            entry.id,
        )?;
        Ok(pb::ListSignaturesResponse { items, pagination })
    }

    /// All signatures of a version, oldest first, as an export shows them: manifest, signature and key.
    pub(super) async fn of(tx: &mut OrgTx, entry_id: Uuid) -> Result<Vec<(String, Vec<u8>, String)>, Error> {
        let rows = sqlx::query!(
            "SELECT manifest, signature, key_id FROM signatures WHERE organization_id = $1 AND entry_id = $2 ORDER BY signed_at, id",
            tx.org(),
            entry_id,
        );
        let rows = rows.fetch_all(tx.conn()).await?;
        Ok(rows.into_iter().map(|row| (row.manifest, row.signature, row.key_id)).collect())
    }

    /// Whether the caller signed the version with this meaning.
    pub(super) async fn is_there(tx: &mut OrgTx, signable: &Signable) -> Result<bool, Error> {
        let signer = tx.caller().user;
        Ok(sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM signatures
                               WHERE organization_id = $1 AND entry_id = $2 AND signer_id = $3 AND meaning = $4) AS "there!""#,
            tx.org(),
            signable.entry().id,
            signer,
            Labelled(signable.meaning()) as _,
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Puts a signature on record; its version is signed from then on.
    pub(super) async fn record(tx: &mut OrgTx, signable: &Signable, signed: &Signed, reason: Option<&str>) -> Result<Entry, Error> {
        let (entry, caller) = (signable.entry(), tx.caller().clone());
        sqlx::query!(
            "INSERT INTO signatures
                    (organization_id, id, entry_type, entry_id, signer_id, signer_name, signer_role, meaning, reason, method, content_hash,
                     manifest, signature, key_id, signed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            caller.org,
            new_id(),
            KIND,
            entry.id,
            caller.user,
            signed.signer_name,
            Labelled(signed.signer_role) as _,
            Labelled(signable.meaning()) as _,
            reason.filter(|reason| !reason.is_empty()),
            signed.method,
            signed.content_hash,
            signed.manifest,
            signed.signature,
            signed.key_id,
            signed.at,
        )
        .execute(tx.conn())
        .await?;
        if !entry.signed {
            sqlx::query!(
                "UPDATE eln_entries SET signed = true, signed_at = $3 WHERE organization_id = $1 AND id = $2",
                caller.org,
                entry.id,
                signed.at,
            )
            .execute(tx.conn())
            .await?;
        }
        Entry::find(tx, &entry.id.to_string()).await
    }
}
