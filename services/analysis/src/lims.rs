//! What this service asks of LIMS, in its own words.

use spectra_mesh::{Error, Peer, Permit, Refusal, id, optional_id};
use spectra_proto::{
    Label,
    analysis::Run,
    lims::{
        GetAttachmentRequest, GetDeviceRequest, GetMaterialRequest, GetRecipeRequest, GetSampleRequest, GetSopStandingRequest,
        GetWaferRequest, RecipeStatus, Sample, SopStanding, attachment_service_client::AttachmentServiceClient,
        device_service_client::DeviceServiceClient, material_service_client::MaterialServiceClient,
        recipe_service_client::RecipeServiceClient, sample_service_client::SampleServiceClient, sop_service_client::SopServiceClient,
        wafer_service_client::WaferServiceClient,
    },
    types::Reason,
};
use tonic::Status;
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

/// What a run measures, by its ids: a device is on its wafer, and a wafer of its sample.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) sample: Option<Uuid>,
    /// What the sample is of.
    pub(crate) material: Option<Uuid>,
    pub(crate) wafer: Option<Uuid>,
    pub(crate) device: Option<Uuid>,
}

/// The records of LIMS that a run refers to; they stood when LIMS was asked.
#[derive(Debug, Default)]
pub(crate) struct Grounds {
    pub(crate) recipe: Option<Approved>,
    pub(crate) measured: Measured,
}

impl Lims {
    /// Looks up the records that a run refers to.
    pub(crate) async fn grounds(&self, permit: &Permit, run: &Run) -> Result<Grounds, Error> {
        let recipe = async {
            match &run.recipe_id {
                Some(recipe_id) => self.approved(permit, recipe_id).await.map(Some),
                None => Ok(None),
            }
        };
        let (recipe, measured) = tokio::join!(recipe, self.measured(permit, run));
        Ok(Grounds { recipe: recipe?, measured: measured? })
    }

    /// Makes sure that there is such an attachment, if one is named.
    pub(crate) async fn has_attachment(&self, permit: &Permit, attachment_id: Option<String>) -> Result<(), Error> {
        let Some(id) = attachment_id else { return Ok(()) };
        let mut attachments = AttachmentServiceClient::new(self.0.channel());
        let asked = Peer::ask(permit, GetAttachmentRequest { id });
        attachments.get_attachment(asked).await.map(|_| ()).map_err(|status| self.0.explain(status, "attachment"))
    }

    /// What a run measures. What is named must be there, and belong together; what a device is on and a wafer is of need not be named.
    async fn measured(&self, permit: &Permit, run: &Run) -> Result<Measured, Error> {
        let on = match &run.device_id {
            Some(device_id) => Some(self.wafer_of(permit, device_id).await?),
            None => None,
        };
        let of = match run.wafer_id.as_ref().or(on.as_ref()) {
            Some(wafer_id) => Some(self.sample_of(permit, wafer_id).await?),
            None => None,
        };
        let (sample, material) = match run.sample_id.as_ref().or(of.as_ref()) {
            Some(sample_id) => {
                let sample = self.sample(permit, sample_id).await.map_err(|status| self.0.explain(status, "sample"))?;
                (Some(id(&sample.id)?), optional_id(sample.material_id.as_deref())?)
            }
            None => (None, None),
        };
        let device = optional_id(run.device_id.as_deref())?;
        let (on, of) = (optional_id(on.as_deref())?, optional_id(of.as_deref())?);
        let wafer = optional_id(run.wafer_id.as_deref())?.or(on);
        if on.is_some() && on != wafer {
            return Err(Error::invalid("run.device_id", "is the id of a device on another wafer"));
        }
        if of.is_some() && of != sample {
            return Err(Error::invalid("run.wafer_id", "is the id of a wafer of another sample"));
        }
        Ok(Measured { sample, material, wafer, device })
    }

    /// The id of the wafer that a live device is on.
    async fn wafer_of(&self, permit: &Permit, device_id: &str) -> Result<String, Error> {
        let mut devices = DeviceServiceClient::new(self.0.channel());
        let asked = Peer::ask(permit, GetDeviceRequest { id: device_id.to_owned(), include_deleted: None });
        let device = devices.get_device(asked).await.map_err(|status| self.0.explain(status, "device"))?.into_inner();
        device.wafer_id.ok_or_else(|| Error::broken("LIMS told a device without its wafer"))
    }

    /// The id of the sample that a live wafer is of.
    async fn sample_of(&self, permit: &Permit, wafer_id: &str) -> Result<String, Error> {
        let mut wafers = WaferServiceClient::new(self.0.channel());
        let asked = Peer::ask(permit, GetWaferRequest { id: wafer_id.to_owned(), include_deleted: None });
        let wafer = wafers.get_wafer(asked).await.map_err(|status| self.0.explain(status, "wafer"))?.into_inner();
        Ok(wafer.sample_id)
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

    /// The sample, if there is such a live one.
    async fn sample(&self, permit: &Permit, sample_id: &str) -> Result<Sample, Status> {
        let mut samples = SampleServiceClient::new(self.0.channel());
        let asked = Peer::ask(permit, GetSampleRequest { id: sample_id.to_owned(), include_deleted: None });
        Ok(samples.get_sample(asked).await?.into_inner())
    }

    /// Makes sure that there is such a recipe, approved or not.
    pub(crate) async fn has_recipe(&self, permit: &Permit, recipe_id: &str) -> Result<(), Error> {
        let asked = Peer::ask(permit, GetRecipeRequest { id: recipe_id.to_owned() });
        let answered = RecipeServiceClient::new(self.0.channel()).get_recipe(asked).await;
        answered.map(|_| ()).map_err(|status| self.0.explain(status, "entity"))
    }

    /// Makes sure that there is such a material.
    pub(crate) async fn has_material(&self, permit: &Permit, material_id: &str) -> Result<(), Error> {
        let asked = Peer::ask(permit, GetMaterialRequest { id: material_id.to_owned() });
        let answered = MaterialServiceClient::new(self.0.channel()).get_material(asked).await;
        answered.map(|_| ()).map_err(|status| self.0.explain(status, "entity"))
    }

    /// Makes sure that there is such a live sample.
    pub(crate) async fn has_sample(&self, permit: &Permit, sample_id: &str) -> Result<(), Error> {
        self.sample(permit, sample_id).await.map(|_| ()).map_err(|status| self.0.explain(status, "entity"))
    }
}
