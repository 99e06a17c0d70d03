//! The statements over signing keys.

use spectra_mesh::{Error, SystemTx};
use spectra_proto::identity as pb;

use super::{
    ALGORITHM, Listed, Sealed, Stored, published,
    rotation::{AHEAD, BEHIND, SIGNS},
};

/// Lets one instance at a time move keys on.
pub(super) async fn lock(tx: &mut SystemTx) -> Result<(), Error> {
    /// The number that stands for it among the database's advisory locks.
    const SIGNING_KEYS: i64 = 727_111;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", SIGNING_KEYS).execute(tx.conn()).await?;
    Ok(())
}

/// The id of the key that signs.
pub(super) async fn active_kid(tx: &mut SystemTx) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!("SELECT kid FROM signing_keys WHERE state = 'active'").fetch_optional(tx.conn()).await?)
}

/// The key that signs.
pub(super) async fn active(tx: &mut SystemTx) -> Result<Option<Stored>, Error> {
    let Some(kid) = active_kid(tx).await? else { return Ok(None) };
    Ok(sealed(tx).await?.into_iter().find(|key| key.kid == kid))
}

/// The keys that can sign, now or next.
pub(super) async fn sealed(tx: &mut SystemTx) -> Result<Vec<Stored>, Error> {
    let rows = sqlx::query!(
        r#"SELECT kid, public_key, sealed_private_key AS "bytes!", sealed_by AS by FROM signing_keys
            WHERE sealed_private_key IS NOT NULL"#
    )
    .fetch_all(tx.conn())
    .await?;
    let stored = |kid, public_key, bytes, by| Stored { kid, public_key, private_key: Sealed { bytes, by } };
    Ok(rows.into_iter().map(|row| stored(row.kid, row.public_key, row.bytes, row.by)).collect())
}

/// Keeps a new key, published ahead.
pub(super) async fn insert(tx: &mut SystemTx, key: &Stored) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO signing_keys (kid, alg, public_key, sealed_private_key, sealed_by, state) VALUES ($1, $2, $3, $4, $5, 'next')",
        key.kid,
        ALGORITHM,
        key.public_key,
        key.private_key.bytes,
        key.private_key.by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps another seal of a key.
pub(super) async fn reseal(tx: &mut SystemTx, key: &Stored) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE signing_keys SET sealed_private_key = $2, sealed_by = $3 WHERE kid = $1",
        key.kid,
        key.private_key.bytes,
        key.private_key.by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether the active key has signed for as long as it may.
pub(super) async fn active_is_over(tx: &mut SystemTx) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM signing_keys WHERE state = 'active' AND sign_until <= now()) AS "over!""#)
        .fetch_one(tx.conn())
        .await?)
}

/// Whether a next key is published for long enough.
pub(super) async fn next_is_known(tx: &mut SystemTx) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM signing_keys
                           WHERE state = 'next' AND created_at <= now() - make_interval(secs => $1)) AS "known!""#,
        AHEAD.as_secs_f64(),
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Whether a key is published ahead.
pub(super) async fn has_next(tx: &mut SystemTx) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM signing_keys WHERE state = 'next') AS "there!""#).fetch_one(tx.conn()).await?)
}

/// Ends the signing of the active key; its private half is forgotten.
pub(super) async fn retire(tx: &mut SystemTx) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE signing_keys SET state = 'retiring', sealed_private_key = NULL, sign_until = least(sign_until, now()),
                publish_until = now() + make_interval(secs => $1)
          WHERE state = 'active'",
        BEHIND.as_secs_f64(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Lets the next key sign, unless one does.
pub(super) async fn promote(tx: &mut SystemTx) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE signing_keys SET state = 'active', sign_until = now() + make_interval(secs => $1)
          WHERE state = 'next' AND NOT EXISTS (SELECT FROM signing_keys WHERE state = 'active')",
        SIGNS.as_secs_f64(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes a key out of use at once; false when there is none of this id that could be.
pub(super) async fn withdraw(tx: &mut SystemTx, kid: &str) -> Result<bool, Error> {
    let withdrawn = sqlx::query!(
        "UPDATE signing_keys SET state = 'gone', sealed_private_key = NULL, sign_until = least(sign_until, now()), publish_until = now()
          WHERE kid = $1 AND state <> 'gone'",
        kid,
    )
    .execute(tx.conn())
    .await?;
    Ok(withdrawn.rows_affected() == 1)
}

/// Ends the publishing of keys whose last token is dead.
pub(super) async fn bury(tx: &mut SystemTx) -> Result<(), Error> {
    sqlx::query!("UPDATE signing_keys SET state = 'gone' WHERE state = 'retiring' AND publish_until <= now()").execute(tx.conn()).await?;
    Ok(())
}

/// Every key, newest first.
pub(super) async fn list(tx: &mut SystemTx) -> Result<Vec<Listed>, Error> {
    Ok(sqlx::query_as!(Listed, "SELECT kid, state, created_at, sign_until, publish_until FROM signing_keys ORDER BY created_at DESC, kid")
        .fetch_all(tx.conn())
        .await?)
}

/// The keys that tokens may name: the one that signs, the one that will, and those that did of late.
pub(super) async fn public(tx: &mut SystemTx) -> Result<pb::KeySet, Error> {
    let rows = sqlx::query!(
        "SELECT kid, public_key FROM signing_keys
          WHERE state IN ('next', 'active') OR (state = 'retiring' AND publish_until > now())
          ORDER BY created_at DESC, kid"
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(pb::KeySet { keys: rows.into_iter().map(|row| published(row.kid, &row.public_key)).collect() })
}
