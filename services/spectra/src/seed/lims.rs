//! The demo lab's materials, samples and recipes.

use anyhow::Result;
use serde_json::json;
use spectra_proto::lims::{
    self as pb, material_service_client::MaterialServiceClient, recipe_service_client::RecipeServiceClient,
    sample_service_client::SampleServiceClient,
};

use super::{SignedIn, by_name, object, sops};

/// What the runs name of it.
pub(super) struct Written {
    /// Ids of the samples.
    pub(super) samples: Vec<String>,
    /// Id of the approved recipe.
    pub(super) recipe: String,
}

/// A list of everything there is: the demo lab is small.
pub(super) const ALL: Option<i32> = Some(1000);

pub(super) async fn write(engineer: &SignedIn<'_>, pi: &SignedIn<'_>) -> Result<Written> {
    let silicon = materials(engineer).await?;
    Ok(Written { samples: samples(engineer, &silicon).await?, recipe: recipes(engineer, pi, &sops::write(engineer, pi).await?).await? })
}

/// Writes the materials; the id of silicon.
async fn materials(engineer: &SignedIn<'_>) -> Result<String> {
    let mut client = MaterialServiceClient::new(engineer.stack.lims.channel());
    let listed =
        client.list_materials(engineer.ask(pb::ListMaterialsRequest { limit: ALL, ..Default::default() })).await?.into_inner().items;
    let there = by_name(listed, |material| material.name.clone());
    let mut silicon = String::new();
    for (name, composition, properties) in [
        ("Silicon", json!({"Si": 1}), json!({"band_gap_ev": 1.12, "lattice_constant_nm": 0.543, "refractive_index": 3.42})),
        ("Gallium Arsenide", json!({"Ga": 1, "As": 1}), json!({"band_gap_ev": 1.42, "lattice_constant_nm": 0.565})),
    ] {
        let material = if let Some(material) = there.get(name) {
            material.clone()
        } else {
            let material = pb::Material {
                name: name.to_owned(),
                r#type: "semiconductor".to_owned(),
                composition: Some(object(&composition)?.into()),
                properties: Some(object(&properties)?.into()),
                ..Default::default()
            };
            client.create_material(engineer.ask(pb::CreateMaterialRequest { material: Some(material) })).await?.into_inner()
        };
        if name == "Silicon" {
            silicon = material.id;
        }
    }
    Ok(silicon)
}

async fn samples(engineer: &SignedIn<'_>, silicon: &str) -> Result<Vec<String>> {
    let mut client = SampleServiceClient::new(engineer.stack.lims.channel());
    let listed = client.list_samples(engineer.ask(pb::ListSamplesRequest { limit: ALL, ..Default::default() })).await?.into_inner().items;
    let there = by_name(listed, |sample| sample.name.clone());
    let mut ids = Vec::new();
    for index in 0..5 {
        let name = format!("Sample-{}", 2_025_000 + index);
        let id = if let Some(sample) = there.get(&name) {
            sample.id.clone()
        } else {
            let sample = pb::Sample {
                name,
                material_type: Some("Si".to_owned()),
                material_id: Some(silicon.to_owned()),
                lot_code: Some(format!("LOT-2025-{index:03}")),
                barcode: Some(format!("BARCODE-{index:05}")),
                location: Some("Storage Cabinet A".to_owned()),
                dimensions: Some(object(&json!({"thickness_um": 525 + 5 * index}))?.into()),
                ..Default::default()
            };
            client.create_sample(engineer.ask(pb::CreateSampleRequest { sample: Some(sample) })).await?.into_inner().id
        };
        ids.push(id);
    }
    Ok(ids)
}

/// Writes one recipe of each kind; the id of the approved one.
async fn recipes(engineer: &SignedIn<'_>, pi: &SignedIn<'_>, sop: &str) -> Result<String> {
    let mut client = RecipeServiceClient::new(engineer.stack.lims.channel());
    let listed = client.list_recipes(engineer.ask(pb::ListRecipesRequest { limit: ALL, ..Default::default() })).await?.into_inner().items;
    let there = by_name(listed, |recipe| recipe.name.clone());
    let mut approved = String::new();
    for (name, version, method, params, status) in [
        (
            "Solar Cell EQE Scan",
            "0.5",
            "eqe_scan",
            json!({"wavelength_nm": {"start": 300, "stop": 1200, "step": 10}}),
            pb::RecipeStatus::Draft,
        ),
        ("Old Protocol", "0.9", "iv_sweep", json!({"vgs": {"start": -1, "stop": 1, "step": 0.2}, "vds": 0.1}), pb::RecipeStatus::Retired),
        (
            "MOSFET IV Standard",
            "1.0",
            "iv_sweep",
            json!({"vgs": {"start": -2, "stop": 2, "step": 0.1}, "vds": 0.1}),
            pb::RecipeStatus::Approved,
        ),
    ] {
        let mut recipe = if let Some(recipe) = there.get(name) {
            recipe.clone()
        } else {
            let recipe = pb::Recipe {
                name: name.to_owned(),
                version: version.to_owned(),
                method: Some(method.to_owned()),
                params: Some(object(&params)?.into()),
                sop_id: (status == pb::RecipeStatus::Approved).then(|| sop.to_owned()),
                ..Default::default()
            };
            client.create_recipe(engineer.ask(pb::CreateRecipeRequest { recipe: Some(recipe) })).await?.into_inner()
        };
        if status != pb::RecipeStatus::Draft && recipe.status() == pb::RecipeStatus::Draft {
            let asked =
                pb::ApproveRecipeRequest { id: recipe.id.clone(), comment: Some("Checked against the bench procedure.".to_owned()) };
            recipe = client.approve_recipe(pi.ask(asked)).await?.into_inner();
        }
        if status == pb::RecipeStatus::Retired && recipe.status() == pb::RecipeStatus::Approved {
            let asked = pb::RetireRecipeRequest { id: recipe.id.clone(), comment: Some("Replaced by MOSFET IV Standard.".to_owned()) };
            recipe = client.retire_recipe(pi.ask(asked)).await?.into_inner();
        }
        if status == pb::RecipeStatus::Approved {
            approved = recipe.id;
        }
    }
    Ok(approved)
}
