//! How a session begins.

use spectra_mesh::{Error, SystemTx, new_id};
use spectra_proto::{identity as pb, types::Reason};
use uuid::Uuid;

use super::{Origin, RefreshToken, renewal};
use crate::{App, password::Fit, token::Grant};

/// What the audit trail calls it.
pub(super) const METHOD: &str = "/spectra.identity.v1.SessionService/SignIn";

/// One answer, whatever is wrong: it does not tell whether there is such a user.
const REFUSED: Error =
    Error::Unauthenticated(Reason::InvalidCredentials, "the e-mail address or the password is wrong, or the account is disabled");

/// A user whom the address may mean.
struct Candidate {
    org: Uuid,
    user: Uuid,
    password_hash: String,
}

impl App {
    /// Opens a session for whoever the password shows the caller to be.
    pub(super) async fn open_session(&self, asked: pb::SignInRequest, origin: &Origin) -> Result<pb::TokenPair, Error> {
        // No connection is held while the hash is computed.
        let mut candidates = {
            let mut tx = self.system.begin().await?;
            Candidate::find(&mut tx, &asked).await?
        };
        let hashes = candidates.iter().map(|candidate| candidate.password_hash.clone()).collect();
        let Some(Fit { index, renewed }) = self.passwords.fit(asked.password, hashes).await? else {
            tracing::info!(request = %origin.request, client = origin.client, "a sign-in was refused");
            return Err(REFUSED);
        };
        let candidate = candidates.swap_remove(index);

        let session = new_id();
        let mut tx = self.system.begin().await?;
        tx.act_as(candidate.org, candidate.user, session, origin.request, METHOD).await?;
        let grant = candidate.welcome(&mut tx, session).await?.ok_or(REFUSED)?;
        if let Some(hash) = renewed {
            candidate.rehash(&mut tx, &hash).await?;
        }
        let refresh = RefreshToken::random()?;
        self.insert_session(&mut tx, &grant, &origin.client).await?;
        renewal::insert_token(&mut tx, &grant, 1, &refresh, self.lives.idle).await?;
        tx.commit().await?;
        self.pair(&grant, refresh)
    }

    async fn insert_session(&self, tx: &mut SystemTx, grant: &Grant, client: &str) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO sessions (organization_id, id, user_id, client, expires_at)
             VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))",
            grant.org,
            grant.session,
            grant.user,
            client,
            self.lives.absolute.as_secs_f64(),
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}

impl Candidate {
    /// The users who may sign in with this address. Of an address that many organizations know, the
    /// five oldest accounts count without a slug: each costs a hash, and later ones push none aside.
    async fn find(tx: &mut SystemTx, asked: &pb::SignInRequest) -> Result<Vec<Self>, Error> {
        let slug = asked.organization.as_deref().filter(|slug| !slug.is_empty());
        Ok(sqlx::query_as!(
            Self,
            r#"SELECT u.organization_id AS org, u.id AS user, u.password_hash AS "password_hash!"
                 FROM users u JOIN organizations o ON o.id = u.organization_id
                WHERE lower(u.email) = lower($1) AND ($2::text IS NULL OR o.slug = $2)
                  AND u.is_active AND o.is_active AND u.password_hash IS NOT NULL
                ORDER BY u.created_at, u.id LIMIT 5"#,
            asked.username,
            slug,
        )
        .fetch_all(tx.conn())
        .await?)
    }

    /// Notes the sign-in. None when the account changed while the password was checked.
    async fn welcome(&self, tx: &mut SystemTx, session: Uuid) -> Result<Option<Grant>, Error> {
        // Waits for whoever changes the user's rights, and dates the token after such a change.
        let user = sqlx::query!(
            r#"UPDATE users u SET last_login = now() FROM organizations o
                WHERE u.organization_id = $1 AND u.id = $2 AND u.is_active AND u.password_hash = $3
                  AND o.id = u.organization_id AND o.is_active
                RETURNING u.role, floor(extract(epoch FROM now()))::bigint AS "now!",
                          floor(extract(epoch FROM greatest(now(), u.authorized_after + interval '1 second')))::bigint AS "issued_at!""#,
            self.org,
            self.user,
            self.password_hash,
        )
        .fetch_optional(tx.conn())
        .await?;
        Ok(user.map(|user| Grant {
            org: self.org,
            user: self.user,
            session,
            role: user.role.0,
            issued_at: user.issued_at,
            signed_in_at: user.now,
        }))
    }

    /// Stores the hash of the same password at today's cost.
    async fn rehash(&self, tx: &mut SystemTx, hash: &str) -> Result<(), Error> {
        sqlx::query!("UPDATE users SET password_hash = $3 WHERE organization_id = $1 AND id = $2", self.org, self.user, hash)
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}
