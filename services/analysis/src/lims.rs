//! What this service asks of LIMS, in its own words.

use spectra_mesh::{Error, Peer, Permit, Refusal, id};
use spectra_proto::{
    Label,
    lims::{
        GetRecipeRequest, GetSampleRequest, GetSopStandingRequest, RecipeStatus, SopStanding, recipe_service_client::RecipeServiceClient,
        sample_service_client::SampleServiceClient, sop_service_client::SopServiceClient,
    },
    types::Reason,
};
use uuid::Uuid;

/// LIMS, which is asked in the name of whoever calls, and never within a transaction.
#[derive(Debug)]
pub(crate) struct Lims(pub(crate) Peer);

/// A recipe that was approved when LIMS was asked.
#[derive(Debug)]
pub(crate) struct Approved {
    pub(crate) id: Uuid,
    pub(crate) version: String,
    pub(crate) params_hash: String,
    /// What is in force of the procedure that it names, and whether the caller knows it.
    pub(crate) procedure: Option<SopStanding>,
}

/// The records of LIMS that a run refers to; they stood when LIMS was asked.
#[derive(Debug, Default)]
pub(crate) struct Grounds {
    pub(crate) recipe: Option<Approved>,
    pub(crate) sample_id: Option<Uuid>,
}

impl Lims {
    /// Looks up the records that a run refers to.
    pub(crate) async fn grounds(&self, permit: &Permit, recipe_id: Option<&str>, sample_id: Option<&str>) -> Result<Grounds, Error> {
        let recipe = async {
            match recipe_id {
                Some(recipe_id) => self.approved(permit, recipe_id).await.map(Some),
                None => Ok(None),
            }
        };
        let sample_id = async {
            match sample_id {
                Some(sample_id) => self.present(permit, sample_id).await.map(Some),
                None => Ok(None),
            }
        };
        let (recipe, sample_id) = tokio::join!(recipe, sample_id);
        Ok(Grounds { recipe: recipe?, sample_id: sample_id? })
    }

    /// The recipe, if it is approved.
    async fn approved(&self, permit: &Permit, recipe_id: &str) -> Result<Approved, Error> {
        let mut recipes = RecipeServiceClient::new(self.0.channel());
        let asked = Peer::ask(permit, GetRecipeRequest { id: recipe_id.to_owned() });
        let recipe = recipes.get_recipe(asked).await.map_err(|status| self.0.explain(status, "recipe"))?.into_inner();
        let status = recipe.status();
        if status != RecipeStatus::Approved {
            let message =
                format!("the recipe {} {} is not approved but {}; name one that is approved", recipe.name, recipe.version, status.label());
            return Err(Refusal::new(Reason::RecipeNotApproved, message)
                .about("recipe_id", recipe.id)
                .about("recipe_status", status.label())
                .into());
        }
        let procedure = match recipe.sop_id {
            Some(sop_id) => Some(self.standing(permit, sop_id).await?),
            None => None,
        };
        Ok(Approved { id: id(&recipe.id)?, version: recipe.version, params_hash: recipe.params_hash, procedure })
    }

    /// Where a procedure stands, for the caller.
    async fn standing(&self, permit: &Permit, sop_id: String) -> Result<SopStanding, Error> {
        let mut sops = SopServiceClient::new(self.0.channel());
        let asked = Peer::ask(permit, GetSopStandingRequest { id: sop_id });
        Ok(sops.get_sop_standing(asked).await.map_err(|status| self.0.explain(status, "sop"))?.into_inner())
    }

    /// The id of the sample, if there is such a live one.
    async fn present(&self, permit: &Permit, sample_id: &str) -> Result<Uuid, Error> {
        let mut samples = SampleServiceClient::new(self.0.channel());
        let asked = Peer::ask(permit, GetSampleRequest { id: sample_id.to_owned(), include_deleted: None });
        let sample = samples.get_sample(asked).await.map_err(|status| self.0.explain(status, "sample"))?.into_inner();
        id(&sample.id)
    }
}
