//! The statements over revocations. An entry lives for as long as a token may at most.

use spectra_mesh::{Error, OrgTx, SystemTx, token::MAX_LIFETIME};
use spectra_proto::identity as pb;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Entry, Revoked};

/// The longest that a token lives, in seconds.
#[expect(clippy::cast_precision_loss, reason = "a quarter of an hour is no large number")]
const LONGEST: f64 = MAX_LIFETIME as f64;

/// Voids the tokens of a session, in the transaction that ends it.
pub(crate) async fn revoke_session(conn: &mut PgConnection, org: Uuid, session: Uuid) -> Result<Revoked, Error> {
    let until = sqlx::query_scalar!(
        "INSERT INTO revocations (organization_id, kind, subject, until)
         VALUES ($1, 'session', $2, clock_timestamp() + make_interval(secs => $3)) RETURNING until",
        org,
        session.to_string(),
        LONGEST,
    )
    .fetch_one(conn)
    .await?;
    Ok(Revoked::Session { id: session, until: until.unix_timestamp() })
}

/// Voids the tokens of a user, in the transaction that has set what they are authorized after.
pub(crate) async fn revoke_user(tx: &mut OrgTx, user: Uuid) -> Result<Revoked, Error> {
    // The very time that later tokens are dated after: the second in which it fell decides.
    let entry = sqlx::query!(
        "INSERT INTO revocations (organization_id, kind, subject, at, until)
         SELECT organization_id, 'user', id::text, authorized_after, authorized_after + make_interval(secs => $3)
           FROM users WHERE organization_id = $1 AND id = $2
         RETURNING at, until",
        tx.org(),
        user,
        LONGEST,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Revoked::User { id: user, at: entry.at.unix_timestamp(), until: entry.until.unix_timestamp() })
}

/// Voids every token that was or will be signed with a key. No organization owns the entry. It is told for a day, after
/// which nobody holds a set with the key in it.
pub(crate) async fn revoke_signing_key(tx: &mut SystemTx, kid: &str) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO revocations (organization_id, kind, subject, until)
         VALUES ($1, 'signing_key', $2, clock_timestamp() + interval '1 day')",
        Uuid::nil(),
        kid,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The live entries that were written within the last `seconds`, in order.
pub(super) async fn written_within(tx: &mut SystemTx, seconds: f64) -> Result<Vec<pb::Revocation>, Error> {
    let rows = sqlx::query_as!(
        Entry,
        "SELECT seq, kind, subject, at, until FROM revocations
          WHERE at > now() - make_interval(secs => $1) AND until > now() ORDER BY seq",
        seconds,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(pb::Revocation::from).collect())
}

/// Deletes the entries that can hit no token any more.
pub(super) async fn forget(tx: &mut SystemTx) -> Result<(), Error> {
    sqlx::query!("DELETE FROM revocations WHERE until < now()").execute(tx.conn()).await?;
    Ok(())
}
