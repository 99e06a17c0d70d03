//! Approvals: what was decided about a recipe, by whom, over which parameters. They are never changed.

use spectra_mesh::{Error, Labelled, OrgTx, Page, new_id, page, stamp};
use spectra_proto::{lims as pb, types::UserRole};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Recipe, rules::Decision};

/// One decision about a recipe.
#[derive(Debug)]
pub(super) struct Approval {
    id: Uuid,
    recipe_id: Uuid,
    approver_id: Uuid,
    approver_role: Labelled<UserRole>,
    state: Labelled<pb::ApprovalState>,
    comment: Option<String>,
    self_approved: bool,
    params_hash: String,
    signed_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

impl From<Approval> for pb::RecipeApproval {
    fn from(approval: Approval) -> Self {
        Self {
            id: approval.id.to_string(),
            recipe_id: approval.recipe_id.to_string(),
            approver_id: approval.approver_id.to_string(),
            approver_role: approval.approver_role.number(),
            state: approval.state.number(),
            comment: approval.comment,
            self_approved: approval.self_approved,
            params_hash: approval.params_hash,
            signed_at: approval.signed_at.map(stamp),
            created_at: Some(stamp(approval.created_at)),
        }
    }
}

impl Approval {
    /// A page of the decisions about `recipe`.
    pub(super) async fn page(tx: &mut OrgTx, recipe: &Recipe, page: &Page) -> Result<pb::ListRecipeApprovalsResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            r#"SELECT id, recipe_id, approver_id, approver_role AS "approver_role: _", state, comment, self_approved, params_hash, signed_at,
                      created_at
                 FROM recipe_approvals
                WHERE organization_id = $1 AND recipe_id = $6"#,
            recipe.id,
        )?;
        Ok(pb::ListRecipeApprovalsResponse { items, pagination })
    }

    /// How many decisions about `recipe` are on record.
    pub(super) async fn count(tx: &mut OrgTx, recipe: &Recipe) -> Result<i64, Error> {
        Ok(sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM recipe_approvals WHERE organization_id = $1 AND recipe_id = $2"#,
            tx.org(),
            recipe.id,
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Puts the caller's decision on record; one that is open is not signed.
    pub(super) async fn record(tx: &mut OrgTx, decision: &Decision, comment: Option<&str>) -> Result<(), Error> {
        let caller = tx.caller().clone();
        sqlx::query!(
            "INSERT INTO recipe_approvals
                    (organization_id, id, recipe_id, approver_id, approver_role, state, comment, self_approved, params_hash, signed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $6::approval_state = 'pending' THEN NULL ELSE now() END)",
            caller.org,
            new_id(),
            decision.recipe().id,
            caller.user,
            Labelled(caller.role) as _,
            Labelled(decision.state()),
            comment,
            decision.self_approved(),
            decision.recipe().params_hash,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}
