//! The statements over organizations.

use spectra_mesh::{Error, Object, OrgTx, patch};
use spectra_proto::identity as pb;

use super::Organization;

impl Organization {
    /// The caller's organization.
    pub(super) async fn own(tx: &mut OrgTx) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM organizations WHERE id = $1", tx.org()).fetch_optional(tx.conn()).await?;
        found.ok_or_else(|| Error::not_found("organization"))
    }

    /// Changes what the mask names of the caller's organization.
    pub(super) async fn update(tx: &mut OrgTx, asked: pb::UpdateOrganizationRequest) -> Result<Self, Error> {
        let current: pb::Organization = Self::lock(tx).await?.into();
        let organization = patch::apply(&current, &asked.organization.unwrap_or_default(), asked.update_mask.as_ref())?;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE organizations SET name = $2, settings = $3 WHERE id = $1 RETURNING *",
            tx.org(),
            organization.name,
            Object::of(organization.settings.as_ref()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// The caller's organization, which nobody else changes meanwhile, at the revision that the caller meant.
    async fn lock(tx: &mut OrgTx) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM organizations WHERE id = $1 FOR NO KEY UPDATE", tx.org())
            .fetch_optional(tx.conn())
            .await?;
        let organization = found.ok_or_else(|| Error::not_found("organization"))?;
        tx.expect("organization", organization.revision)?;
        Ok(organization)
    }
}
