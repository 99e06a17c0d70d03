//! The statements over proofs, and over who shows one.

use std::time::Duration;

use spectra_mesh::{Caller, Error, Labelled, SystemTx, new_id};
use spectra_proto::types::SignatureMeaning;
use time::OffsetDateTime;

use super::{Person, Token};

/// How long a proof is good.
const LIFE: Duration = Duration::from_mins(2);
/// How many wrong passwords a session may show within [`WINDOW`].
const MISSES: i32 = 10;
/// How long wrong passwords count.
const WINDOW: Duration = Duration::from_mins(15);

/// The hash that the caller's password must fit; none when they have none, or may do nothing any more.
pub(super) async fn password_hash(tx: &mut SystemTx, caller: &Caller) -> Result<Option<String>, Error> {
    let hash = sqlx::query_scalar!(
        "SELECT password_hash FROM users WHERE organization_id = $1 AND id = $2 AND is_active",
        caller.org,
        caller.user,
    );
    Ok(hash.fetch_optional(tx.conn()).await?.flatten())
}

/// Lets the other tries of the caller's session wait until the transaction ends.
pub(super) async fn take_turn(tx: &mut SystemTx, caller: &Caller) -> Result<(), Error> {
    sqlx::query!("SELECT FROM sessions WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE", caller.org, caller.session)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// How long the caller's session is not told whether a password fits; none when it is told.
pub(super) async fn pause(tx: &mut SystemTx, caller: &Caller) -> Result<Option<Duration>, Error> {
    let seconds = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM since + make_interval(secs => $3) - now())::float8 AS "seconds!" FROM proof_misses
            WHERE organization_id = $1 AND session_id = $2 AND misses >= $4 AND since > now() - make_interval(secs => $3)"#,
        caller.org,
        caller.session,
        WINDOW.as_secs_f64(),
        MISSES,
    );
    Ok(seconds.fetch_optional(tx.conn()).await?.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(WINDOW)))
}

/// Counts a wrong password.
pub(super) async fn miss(tx: &mut SystemTx, caller: &Caller) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO proof_misses AS known (organization_id, session_id, misses) VALUES ($1, $2, 1)
         ON CONFLICT (organization_id, session_id) DO UPDATE
            SET misses = CASE WHEN known.since > now() - make_interval(secs => $3) THEN known.misses + 1 ELSE 1 END,
                since = CASE WHEN known.since > now() - make_interval(secs => $3) THEN known.since ELSE now() END",
        caller.org,
        caller.session,
        WINDOW.as_secs_f64(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The caller as of now, who does not change meanwhile; none when their account, session or organization has ended, or
/// their password is not the one of this hash any more.
pub(super) async fn person(tx: &mut SystemTx, caller: &Caller, hash: Option<&str>) -> Result<Option<Person>, Error> {
    Ok(sqlx::query_as!(
        Person,
        r#"SELECT u.name, u.role, o.name AS organization, now() AS "at!"
             FROM users u JOIN organizations o ON o.id = u.organization_id
             JOIN sessions s ON s.organization_id = u.organization_id AND s.user_id = u.id
            WHERE u.organization_id = $1 AND u.id = $2 AND s.id = $3 AND u.is_active AND o.is_active AND s.ended_at IS NULL
              AND ($4::text IS NULL OR u.password_hash = $4)
              FOR SHARE OF u"#,
        caller.org,
        caller.user,
        caller.session,
        hash,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Keeps a proof; until when it is good. One that nobody used goes after a day: each new one takes a few of those with it.
pub(super) async fn insert(
    tx: &mut SystemTx,
    caller: &Caller,
    token: &Token,
    content_hash: &str,
    meaning: SignatureMeaning,
) -> Result<OffsetDateTime, Error> {
    Ok(sqlx::query_scalar!(
        "WITH outlived AS (
             DELETE FROM proofs WHERE organization_id = $1 AND ctid IN (
                 SELECT ctid FROM proofs
                  WHERE organization_id = $1 AND used_at IS NULL AND created_at < now() - interval '1 day'
                  LIMIT 20 FOR UPDATE SKIP LOCKED)
         )
         INSERT INTO proofs (organization_id, id, session_id, user_id, hash, content_hash, meaning, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8)) RETURNING expires_at",
        caller.org,
        new_id(),
        caller.session,
        caller.user,
        &token.hash(),
        content_hash,
        Labelled(meaning) as _,
        LIFE.as_secs_f64(),
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Uses a proof up, and says who showed it; none when it is not good for this.
pub(crate) async fn redeem(
    tx: &mut SystemTx,
    caller: &Caller,
    token: &Token,
    content_hash: &str,
    meaning: SignatureMeaning,
) -> Result<Option<Person>, Error> {
    let used = sqlx::query!(
        "UPDATE proofs SET used_at = now()
          WHERE organization_id = $1 AND hash = $2 AND session_id = $3 AND user_id = $4 AND content_hash = $5 AND meaning = $6
            AND used_at IS NULL AND expires_at > now()",
        caller.org,
        &token.hash(),
        caller.session,
        caller.user,
        content_hash,
        Labelled(meaning) as _,
    )
    .execute(tx.conn())
    .await?;
    if used.rows_affected() == 1 { person(tx, caller, None).await } else { Ok(None) }
}
