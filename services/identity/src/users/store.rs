//! The statements over users.

use spectra_mesh::{Error, Labelled, OrgTx, Page, id, page, patch};
use spectra_proto::{identity as pb, types::UserRole};
use uuid::Uuid;

use super::{
    User,
    rules::{Rights, keep_an_admin},
};
use crate::{
    revocations::{Revoked, revoke_user},
    sessions,
};

impl User {
    /// The user asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT organization_id, id, email, name, role, is_active, last_login, revision, created_at, updated_at
               FROM users WHERE organization_id = $1 AND id = $2",
            tx.org(),
            id(asked)?,
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(|| Error::not_found("user"))
    }

    /// A page of the users that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListUsersRequest, page: &Page) -> Result<pb::ListUsersResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT organization_id, id, email, name, role, is_active, last_login, revision, created_at, updated_at
               FROM users
              WHERE organization_id = $1
                AND ($6::user_role IS NULL OR role = $6)
                AND ($7::boolean IS NULL OR is_active = $7)
                AND ($8::text IS NULL OR strpos(lower(concat_ws(' ', name, email)), lower($8)) > 0)",
            asked.role.and_then(Labelled::of) as Option<Labelled<UserRole>>,
            asked.is_active,
            asked.q,
        )?;
        Ok(pb::ListUsersResponse { items, pagination })
    }

    /// Changes what the mask names of a user. New rights void the tokens made for the old ones,
    /// which the second half of the answer tells.
    pub(super) async fn update(tx: &mut OrgTx, asked: pb::UpdateUserRequest) -> Result<(Self, Option<Revoked>), Error> {
        let admins = Self::lock_admins(tx).await?;
        let user = Self::lock(tx, &asked.id).await?;
        let (user_id, old) = (user.id, Rights { role: user.role.0, is_active: user.is_active });
        let user = patch::apply(&user.into(), &asked.user.unwrap_or_default(), asked.update_mask.as_ref())?;
        let new = Rights::stated(&user)?;
        keep_an_admin(&admins, user_id, new)?;
        let outdated = old.outdated_by(new);
        // The clock and not the transaction's beginning: a sign-in that came before this row was
        // locked may have begun later than this transaction, and its token must be dead, too. And a
        // second later than the last such change, because tokens were dated a second after that.
        let changed = sqlx::query_as!(
            Self,
            "UPDATE users SET name = $3, role = $4, is_active = $5,
                    authorized_after = CASE WHEN $6 THEN greatest(clock_timestamp(), authorized_after + interval '1 second') ELSE authorized_after END
              WHERE organization_id = $1 AND id = $2
              RETURNING organization_id, id, email, name, role, is_active, last_login, revision, created_at, updated_at",
            tx.org(),
            user_id,
            user.name,
            Labelled(new.role),
            new.is_active,
            outdated,
        )
        .fetch_one(tx.conn())
        .await?;
        if old.is_closed_by(new) {
            sessions::end_all(tx, user_id).await?;
        }
        let revoked = if outdated { Some(revoke_user(tx, user_id).await?) } else { None };
        Ok((changed, revoked))
    }

    /// The active admins of the organization, who cannot change meanwhile. They are locked first and
    /// in order, so that of two who demote each other the second sees what the first has done.
    async fn lock_admins(tx: &mut OrgTx) -> Result<Vec<Uuid>, Error> {
        Ok(sqlx::query_scalar!(
            "SELECT id FROM users WHERE organization_id = $1 AND role = 'admin' AND is_active ORDER BY id FOR UPDATE",
            tx.org(),
        )
        .fetch_all(tx.conn())
        .await?)
    }

    /// A user whom nobody else changes meanwhile, at the revision that the caller meant.
    async fn lock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT organization_id, id, email, name, role, is_active, last_login, revision, created_at, updated_at
               FROM users WHERE organization_id = $1 AND id = $2 FOR UPDATE",
            tx.org(),
            id(asked)?,
        )
        .fetch_optional(tx.conn())
        .await?;
        let user = found.ok_or_else(|| Error::not_found("user"))?;
        tx.expect("user", user.revision)?;
        Ok(user)
    }
}
