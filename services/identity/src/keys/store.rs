//! The statements over signing keys.

use spectra_mesh::{Error, SystemTx};
use spectra_proto::identity as pb;

use super::{ALGORITHM, Stored, published};

/// Lets one instance at a time see whether a key must be made.
pub(super) async fn lock(tx: &mut SystemTx) -> Result<(), Error> {
    /// The number that stands for it among the database's advisory locks.
    const SIGNING_KEYS: i64 = 727_111;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", SIGNING_KEYS).execute(tx.conn()).await?;
    Ok(())
}

/// The key that signs.
pub(super) async fn active(tx: &mut SystemTx) -> Result<Option<Stored>, Error> {
    Ok(sqlx::query_as!(Stored, "SELECT kid, public_key, sealed_private_key FROM signing_keys WHERE state = 'active'")
        .fetch_optional(tx.conn())
        .await?)
}

/// Keeps a new key, which signs from now on.
pub(super) async fn insert_active(tx: &mut SystemTx, key: &Stored) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO signing_keys (kid, alg, public_key, sealed_private_key, state) VALUES ($1, $2, $3, $4, 'active')",
        key.kid,
        ALGORITHM,
        key.public_key,
        key.sealed_private_key,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The keys that tokens may name: the one that signs, those that will, and those that did of late.
pub(super) async fn public(tx: &mut SystemTx) -> Result<pb::KeySet, Error> {
    let rows = sqlx::query!(
        "SELECT kid, public_key FROM signing_keys
          WHERE state IN ('next', 'active', 'retiring') AND (publish_until IS NULL OR publish_until > now())
          ORDER BY created_at DESC, kid"
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(pb::KeySet { keys: rows.into_iter().map(|row| published(row.kid, &row.public_key)).collect() })
}
