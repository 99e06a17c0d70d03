//! The statements over sessions that are made in the caller's name.

use std::time::Duration;

use spectra_mesh::{Error, OrgTx, Page, page};
use spectra_proto::identity as pb;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Session;
use crate::revocations::{Revoked, revoke_session};

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Why {
    /// By its own sign-out.
    SignedOut,
    /// By its user, from another session.
    Ended,
    /// Two clients held the same refresh token.
    Reuse,
}

impl Why {
    fn label(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Ended => "ended",
            Self::Reuse => "reuse",
        }
    }
}

/// Ends a session of this user and voids its tokens; none when there is no such one alive.
pub(super) async fn end(conn: &mut PgConnection, org: Uuid, user: Uuid, session: Uuid, why: Why) -> Result<Option<Revoked>, Error> {
    let ended = sqlx::query!(
        "UPDATE sessions SET ended_at = now(), ended_why = $4
          WHERE organization_id = $1 AND user_id = $2 AND id = $3 AND ended_at IS NULL",
        org,
        user,
        session,
        why.label(),
    )
    .execute(&mut *conn)
    .await?;
    if ended.rows_affected() == 0 { Ok(None) } else { Ok(Some(revoke_session(conn, org, session).await?)) }
}

/// Ends every session of a user who is shut out; whose tokens are voided together.
pub(crate) async fn end_all(tx: &mut OrgTx, user: Uuid) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE sessions SET ended_at = now(), ended_why = 'disabled' WHERE organization_id = $1 AND user_id = $2 AND ended_at IS NULL",
        tx.org(),
        user,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The caller, with the organization that the session is in.
pub(super) async fn me(tx: &mut OrgTx) -> Result<pb::Me, Error> {
    let caller = tx.caller().clone();
    let found = sqlx::query!(
        r#"SELECT u.email, u.name, u.role, o.name AS organization_name, o.slug
             FROM users u JOIN organizations o ON o.id = u.organization_id
            WHERE u.organization_id = $1 AND u.id = $2"#,
        caller.org,
        caller.user,
    )
    .fetch_optional(tx.conn())
    .await?;
    let found = found.ok_or_else(|| Error::not_found("user"))?;
    Ok(pb::Me {
        id: caller.user.to_string(),
        email: found.email,
        name: found.name,
        role: found.role.number(),
        organization_id: caller.org.to_string(),
        organization: Some(pb::OrganizationSummary { name: found.organization_name, slug: found.slug }),
        scopes: caller.scopes.to_vec(),
    })
}

impl Session {
    /// A page of the caller's live sessions.
    pub(super) async fn page(tx: &mut OrgTx, page: &Page, idle: Duration) -> Result<pb::ListSessionsResponse, Error> {
        let (user, current) = (tx.caller().user, tx.caller().session);
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            r#"SELECT id, user_id, client, created_at, last_used_at, expires_at, id = $7 AS "current!"
                 FROM sessions
                WHERE organization_id = $1 AND user_id = $6
                  AND ended_at IS NULL AND expires_at > now() AND last_used_at > now() - make_interval(secs => $8)"#,
            user,
            current,
            idle.as_secs_f64(),
        )?;
        Ok(pb::ListSessionsResponse { items, pagination })
    }
}
