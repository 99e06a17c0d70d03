//! The calls of the recipe service.

use spectra_mesh::{OrgTx, Page, Reply};
use spectra_proto::lims::{self as pb, recipe_service_server::RecipeService};
use tonic::Request;

use super::{Recipe, approvals::Approval, diff};
use crate::App;

#[tonic::async_trait]
impl RecipeService for App {
    async fn list_recipes(&self, request: Request<pb::ListRecipesRequest>) -> Reply<pb::ListRecipesResponse> {
        self.db.list(request, async |tx, asked, page| Recipe::page(tx, &asked, &page).await).await
    }

    async fn get_recipe(&self, request: Request<pb::GetRecipeRequest>) -> Reply<pb::Recipe> {
        self.db.read(request, async |tx, asked| Recipe::find(tx, &asked.id).await).await
    }

    async fn create_recipe(&self, request: Request<pb::CreateRecipeRequest>) -> Reply<pb::Recipe> {
        self.db.write(request, async |tx, asked| Recipe::create(tx, &asked.recipe.unwrap_or_default()).await).await
    }

    async fn update_recipe(&self, request: Request<pb::UpdateRecipeRequest>) -> Reply<pb::Recipe> {
        self.db.write(request, async |tx, asked| Recipe::update(tx, asked).await).await
    }

    async fn delete_recipe(&self, request: Request<pb::DeleteRecipeRequest>) -> Reply<()> {
        self.db.write(request, async |tx, asked| Recipe::delete(tx, &asked.id).await).await
    }

    async fn request_recipe_approval(&self, request: Request<pb::RequestRecipeApprovalRequest>) -> Reply<pb::Recipe> {
        self.db.write(request, async |tx, asked| Recipe::request_approval(tx, &asked).await).await
    }

    async fn approve_recipe(&self, request: Request<pb::ApproveRecipeRequest>) -> Reply<pb::Recipe> {
        self.db.write(request, async |tx, asked| Recipe::approve(tx, &asked).await).await
    }

    async fn reject_recipe(&self, request: Request<pb::RejectRecipeRequest>) -> Reply<pb::Recipe> {
        self.db.write(request, async |tx, asked| Recipe::reject(tx, &asked).await).await
    }

    async fn retire_recipe(&self, request: Request<pb::RetireRecipeRequest>) -> Reply<pb::Recipe> {
        self.db.write(request, async |tx, asked| Recipe::retire(tx, &asked).await).await
    }

    async fn get_recipe_diff(&self, request: Request<pb::GetRecipeDiffRequest>) -> Reply<pb::RecipeDiff> {
        let work = async |tx: &mut OrgTx, asked: pb::GetRecipeDiffRequest| {
            let (recipe, against) = (Recipe::find(tx, &asked.id).await?, Recipe::find(tx, &asked.against).await?);
            Ok(diff::of(recipe.into(), against.into()))
        };
        self.db.read(request, work).await
    }

    async fn list_recipe_approvals(&self, request: Request<pb::ListRecipeApprovalsRequest>) -> Reply<pb::ListRecipeApprovalsResponse> {
        let work = async |tx: &mut OrgTx, asked: pb::ListRecipeApprovalsRequest, page: Page| {
            let recipe = Recipe::find(tx, &asked.id).await?;
            Approval::page(tx, &recipe, &page).await
        };
        self.db.list(request, work).await
    }
}
