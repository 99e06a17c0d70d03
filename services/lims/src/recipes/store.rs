//! The statements over recipes.

use prost_types::FieldMask;
use spectra_mesh::{Error, Labelled, Object, OrgTx, Page, id, new_id, optional_id, page, patch};
use spectra_proto::lims as pb;

use super::{
    Recipe,
    approvals::Approval,
    rules::{Decision, Disposable, Editable, Retirable, Tie, params_hash},
};
use crate::attachments;

impl Recipe {
    /// The recipe asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM recipes WHERE organization_id = $1 AND id = $2", tx.org(), id(asked)?)
            .fetch_optional(tx.conn())
            .await?;
        found.ok_or_else(|| Error::not_found("recipe"))
    }

    /// A page of the recipes that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListRecipesRequest, page: &Page) -> Result<pb::ListRecipesResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM recipes
              WHERE organization_id = $1
                AND ($6::recipe_status IS NULL OR status = $6)
                AND ($7::text IS NULL OR name = $7)
                AND ($8::text IS NULL OR strpos(lower(concat_ws(' ', name, method, description)), lower($8)) > 0)",
            asked.status.and_then(Labelled::of) as Option<Labelled<pb::RecipeStatus>>,
            asked.name,
            asked.q,
        )?;
        Ok(pb::ListRecipesResponse { items, pagination })
    }

    /// Writes a recipe, as a draft of the caller's.
    pub(super) async fn create(tx: &mut OrgTx, recipe: &pb::Recipe) -> Result<Self, Error> {
        let params = Object::of(recipe.params.as_ref());
        Ok(sqlx::query_as!(
            Self,
            "INSERT INTO recipes (organization_id, id, name, version, method, description, params, params_hash, owner_id, sop_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *",
            tx.org(),
            new_id(),
            recipe.name,
            recipe.version,
            recipe.method,
            recipe.description,
            params,
            params_hash(&params),
            tx.caller().user,
            optional_id(recipe.sop_id.as_deref())?,
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Changes what the mask names of a recipe that is not frozen.
    pub(super) async fn update(tx: &mut OrgTx, asked: pb::UpdateRecipeRequest) -> Result<Self, Error> {
        let current = Self::lock(tx, &asked.id).await?.editable()?;
        Self::rewrite(tx, current, &asked.recipe.unwrap_or_default(), asked.update_mask.as_ref()).await
    }

    /// Deletes a draft that nobody was asked about, and that nothing belongs to.
    pub(super) async fn delete(tx: &mut OrgTx, asked: &str) -> Result<(), Error> {
        let recipe = Self::lock(tx, asked).await?;
        let tie = if Approval::count(tx, &recipe).await? > 0 {
            Some(Tie::Decisions)
        } else {
            attachments::belong_to(tx, pb::EntityType::Recipe, recipe.id).await?.then_some(Tie::Attachments)
        };
        Self::erase(tx, &recipe.disposable(tie)?).await
    }

    /// Puts a draft up for approval.
    pub(super) async fn request_approval(tx: &mut OrgTx, asked: &pb::RequestRecipeApprovalRequest) -> Result<Self, Error> {
        let decision = Self::lock(tx, &asked.id).await?.requested()?;
        Self::decide(tx, &decision, asked.comment.as_deref()).await
    }

    /// Approves a recipe, which takes the place of its twin.
    pub(super) async fn approve(tx: &mut OrgTx, asked: &pb::ApproveRecipeRequest) -> Result<Self, Error> {
        let recipe = Self::lock(tx, &asked.id).await?;
        let decision = recipe.approved_by(tx.caller().user, tx.caller().role)?;
        Self::retire_twin(tx, decision.recipe()).await?;
        Self::decide(tx, &decision, asked.comment.as_deref()).await
    }

    /// Turns down a recipe that waits for approval.
    pub(super) async fn reject(tx: &mut OrgTx, asked: &pb::RejectRecipeRequest) -> Result<Self, Error> {
        let decision = Self::lock(tx, &asked.id).await?.rejected()?;
        Self::decide(tx, &decision, asked.comment.as_deref()).await
    }

    /// Takes an approved recipe out of use; what is said about it goes to the audit trail.
    pub(super) async fn retire(tx: &mut OrgTx, asked: &pb::RetireRecipeRequest) -> Result<Self, Error> {
        let recipe = Self::lock(tx, &asked.id).await?.retirable()?;
        tx.because(asked.comment.as_deref()).await?;
        Self::withdraw(tx, &recipe).await
    }

    /// A recipe that nobody else changes meanwhile, at the revision that the caller meant.
    async fn lock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found =
            sqlx::query_as!(Self, "SELECT * FROM recipes WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE", tx.org(), id(asked)?)
                .fetch_optional(tx.conn())
                .await?;
        let recipe = found.ok_or_else(|| Error::not_found("recipe"))?;
        tx.expect("recipe", recipe.revision)?;
        Ok(recipe)
    }

    /// Lays the patch over the recipe. It is a draft afterwards: nobody decided about this text.
    async fn rewrite(tx: &mut OrgTx, current: Editable, patch: &pb::Recipe, mask: Option<&FieldMask>) -> Result<Self, Error> {
        let current = current.into_recipe();
        let id = current.id;
        let recipe = patch::apply(&current.into(), patch, mask)?;
        let params = Object::of(recipe.params.as_ref());
        Ok(sqlx::query_as!(
            Self,
            "UPDATE recipes SET name = $3, version = $4, method = $5, description = $6, params = $7, params_hash = $8, edited_by = $9, sop_id = $10,
                    status = 'draft'
              WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            id,
            recipe.name,
            recipe.version,
            recipe.method,
            recipe.description,
            params,
            params_hash(&params),
            tx.caller().user,
            optional_id(recipe.sop_id.as_deref())?,
        )
        .fetch_one(tx.conn())
        .await?)
    }

    async fn erase(tx: &mut OrgTx, recipe: &Disposable) -> Result<(), Error> {
        sqlx::query!("DELETE FROM recipes WHERE organization_id = $1 AND id = $2", tx.org(), recipe.id()).execute(tx.conn()).await?;
        Ok(())
    }

    /// Puts a decision on record and moves its recipe to where it stands from now on.
    async fn decide(tx: &mut OrgTx, decision: &Decision, comment: Option<&str>) -> Result<Self, Error> {
        Approval::record(tx, decision, comment).await?;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE recipes SET status = $3 WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            decision.recipe().id,
            Labelled(decision.status()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    async fn withdraw(tx: &mut OrgTx, recipe: &Retirable) -> Result<Self, Error> {
        Ok(sqlx::query_as!(
            Self,
            "UPDATE recipes SET status = 'retired' WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            recipe.id(),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Retires the approved recipe of the same name and version, if there is one.
    ///
    /// One name and version is approved by one call at a time, or two calls that see no approved twin
    /// would both go on. Who waits here holds a recipe that is not approved, so no other waits for it.
    async fn retire_twin(tx: &mut OrgTx, recipe: &Self) -> Result<(), Error> {
        sqlx::query!(
            "SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(' ', $1::uuid, $2::text, $3::text), 0))",
            tx.org(),
            recipe.name,
            recipe.version,
        )
        .execute(tx.conn())
        .await?;
        sqlx::query!(
            "UPDATE recipes SET status = 'retired' WHERE organization_id = $1 AND name = $2 AND version = $3 AND status = 'approved'",
            tx.org(),
            recipe.name,
            recipe.version,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}
