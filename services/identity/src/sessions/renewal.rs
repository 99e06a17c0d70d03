//! How a session goes on: a refresh token is used once, for its successor.

use std::time::Duration;

use spectra_mesh::{Error, SystemTx};
use spectra_proto::{identity as pb, types::Reason};
use uuid::Uuid;

use super::{
    Origin, RefreshToken,
    rules::{Spent, Verdict},
    store::{self, Why},
};
use crate::{App, token::Grant};

/// What the audit trail calls it.
pub(super) const METHOD: &str = "/spectra.identity.v1.SessionService/RefreshSession";

/// One answer, whatever is wrong.
const REFUSED: Error = Error::Unauthenticated(Reason::Unauthenticated, "the refresh token is not valid; sign in again");

/// A refresh token that was given out, used or not.
struct Known {
    org: Uuid,
    user: Uuid,
    session: Uuid,
    generation: i32,
}

impl App {
    /// Exchanges a refresh token for a new pair.
    ///
    /// The user's row is locked first, then the token, then the session: the order in which a change
    /// of rights takes them, too.
    pub(super) async fn renew_session(&self, presented: RefreshToken, origin: &Origin) -> Result<pb::TokenPair, Error> {
        let mut tx = self.system.begin().await?;
        let known = Known::find(&mut tx, &presented).await?.ok_or(REFUSED)?;
        tx.act_as(known.org, known.user, known.session, origin.request, METHOD).await?;
        let grant = known.authorize(&mut tx).await?.ok_or(REFUSED)?;
        let successor = RefreshToken::of(&self.secrets.successor(known.session, known.generation + 1, &presented.0));
        if known.consume(&mut tx, &presented, &origin.client).await? {
            known.prolong(&mut tx).await?;
            insert_token(&mut tx, &grant, known.generation + 1, &successor, self.lives.idle).await?;
            tx.commit().await?;
            return self.pair(&grant, successor);
        }
        match known.spent(&mut tx, &origin.client).await?.verdict() {
            Verdict::Retry => self.pair(&grant, successor),
            Verdict::Theft => {
                let revoked = store::end(tx.conn(), known.org, known.user, known.session, Why::Reuse).await?;
                tx.commit().await?;
                self.enforce(revoked);
                tracing::warn!(org = %known.org, user = %known.user, session = %known.session, "a refresh token was used twice; its session is ended");
                Err(REFUSED)
            }
            Verdict::Over => Err(REFUSED),
        }
    }
}

impl Known {
    /// The token, whatever became of it.
    async fn find(tx: &mut SystemTx, token: &RefreshToken) -> Result<Option<Self>, Error> {
        Ok(sqlx::query_as!(
            Self,
            "SELECT t.organization_id AS org, s.user_id AS user, t.session_id AS session, t.generation
               FROM refresh_tokens t JOIN sessions s ON s.organization_id = t.organization_id AND s.id = t.session_id
              WHERE t.hash = $1",
            token.hash(),
        )
        .fetch_optional(tx.conn())
        .await?)
    }

    /// What the user may do now; none when the user or the organization is disabled. Waits for
    /// whoever changes that, and dates the token after the change.
    async fn authorize(&self, tx: &mut SystemTx) -> Result<Option<Grant>, Error> {
        let user = sqlx::query!(
            r#"SELECT u.role, floor(extract(epoch FROM s.created_at))::bigint AS "signed_in_at!",
                      floor(extract(epoch FROM greatest(now(), u.authorized_after + interval '1 second')))::bigint AS "issued_at!"
                 FROM users u
                 JOIN organizations o ON o.id = u.organization_id
                 JOIN sessions s ON s.organization_id = u.organization_id AND s.user_id = u.id
                WHERE u.organization_id = $1 AND u.id = $2 AND s.id = $3 AND u.is_active AND o.is_active
                  FOR SHARE OF u"#,
            self.org,
            self.user,
            self.session,
        )
        .fetch_optional(tx.conn())
        .await?;
        Ok(user.map(|user| Grant {
            org: self.org,
            user: self.user,
            session: self.session,
            role: user.role.0,
            issued_at: user.issued_at,
            signed_in_at: user.signed_in_at,
        }))
    }

    /// Uses the token up; of many at once, for one of them.
    async fn consume(&self, tx: &mut SystemTx, token: &RefreshToken, client: &str) -> Result<bool, Error> {
        let used = sqlx::query_scalar!(
            "UPDATE refresh_tokens SET used_at = now(), used_by = $3
              WHERE organization_id = $1 AND hash = $2 AND used_at IS NULL AND expires_at > now() RETURNING generation",
            self.org,
            token.hash(),
            client,
        )
        .fetch_optional(tx.conn())
        .await?;
        Ok(used.is_some())
    }

    /// Notes that the session is in use; refused when it has ended.
    async fn prolong(&self, tx: &mut SystemTx) -> Result<(), Error> {
        let noted = sqlx::query!(
            "UPDATE sessions SET last_used_at = now()
              WHERE organization_id = $1 AND id = $2 AND ended_at IS NULL AND expires_at > now()",
            self.org,
            self.session,
        )
        .execute(tx.conn())
        .await?;
        if noted.rows_affected() == 1 { Ok(()) } else { Err(REFUSED) }
    }

    /// What became of a token that cannot be used.
    async fn spent(&self, tx: &mut SystemTx, client: &str) -> Result<Spent, Error> {
        Ok(sqlx::query_as!(
            Spent,
            r#"SELECT s.ended_at IS NULL AND s.expires_at > now() AS "live!",
                      t.used_at IS NOT NULL AS "used!",
                      coalesce(t.used_at > now() - interval '10 seconds' AND t.used_by = $4, false) AS "retried!",
                      (SELECT max(n.generation) FROM refresh_tokens n
                        WHERE n.organization_id = $1 AND n.session_id = $2) = t.generation + 1 AS "latest!"
                 FROM refresh_tokens t JOIN sessions s ON s.organization_id = t.organization_id AND s.id = t.session_id
                WHERE t.organization_id = $1 AND t.session_id = $2 AND t.generation = $3"#,
            self.org,
            self.session,
            self.generation,
            client,
        )
        .fetch_one(tx.conn())
        .await?)
    }
}

/// Keeps the hash of a token that is given out. It lives no longer than its session.
pub(super) async fn insert_token(
    tx: &mut SystemTx,
    grant: &Grant,
    generation: i32,
    token: &RefreshToken,
    idle: Duration,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO refresh_tokens (organization_id, session_id, generation, hash, expires_at)
         SELECT organization_id, id, $3, $4, least(now() + make_interval(secs => $5), expires_at)
           FROM sessions WHERE organization_id = $1 AND id = $2",
        grant.org,
        grant.session,
        generation,
        token.hash(),
        idle.as_secs_f64(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
