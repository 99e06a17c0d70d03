//! Names that several versions share.

use spectra_mesh::{Error, OrgTx};

/// Keeps others from adding or moving versions of this name until the transaction ends.
pub(crate) async fn alone(tx: &mut OrgTx, kind: &str, name: &str) -> Result<(), Error> {
    sqlx::query_scalar!(
        r#"SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(' ', $1::uuid, $2::text, $3::text), 0)) AS "held!""#,
        tx.org(),
        kind,
        name,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(())
}
