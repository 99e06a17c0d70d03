//! Recipes: how the lab measures, and who approved it.

use spectra_mesh::{Labelled, Object, stamp};
use spectra_proto::lims as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod approvals;
mod diff;
mod rpc;
mod rules;
mod store;

/// One version of a way to measure.
#[derive(Debug)]
struct Recipe {
    organization_id: Uuid,
    id: Uuid,
    name: String,
    version: String,
    method: Option<String>,
    description: Option<String>,
    params: Object,
    status: Labelled<pb::RecipeStatus>,
    sop_id: Option<Uuid>,
    owner_id: Uuid,
    edited_by: Option<Uuid>,
    params_hash: String,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Recipe> for pb::Recipe {
    fn from(recipe: Recipe) -> Self {
        Self {
            id: recipe.id.to_string(),
            organization_id: recipe.organization_id.to_string(),
            name: recipe.name,
            version: recipe.version,
            method: recipe.method,
            description: recipe.description,
            params: Some(recipe.params.into()),
            status: recipe.status.number(),
            sop_id: recipe.sop_id.map(|id| id.to_string()),
            owner_id: recipe.owner_id.to_string(),
            params_hash: recipe.params_hash,
            revision: recipe.revision,
            created_at: Some(stamp(recipe.created_at)),
            updated_at: Some(stamp(recipe.updated_at)),
        }
    }
}
