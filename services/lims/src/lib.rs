//! What the lab has and what was written about it.

use std::sync::Arc;

use spectra_mesh::Db;
use spectra_proto::lims::{
    material_service_server as materials_v1, recipe_service_server as recipes_v1, sample_service_server as samples_v1,
};
use tonic::service::{Routes, RoutesBuilder};

mod materials;
mod recipes;
mod samples;

/// The gRPC services offered here.
pub const OFFERS: &[&str] = &[materials_v1::SERVICE_NAME, recipes_v1::SERVICE_NAME, samples_v1::SERVICE_NAME];

/// The handlers of every service offered here share one.
#[derive(Debug)]
struct App {
    db: Db,
}

/// The handlers, over the database of LIMS.
#[must_use]
pub fn routes(db: Db) -> Routes {
    let app = Arc::new(App { db });
    let mut routes = RoutesBuilder::default();
    routes
        .add_service(spectra_mesh::compressed!(materials_v1::MaterialServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(recipes_v1::RecipeServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(samples_v1::SampleServiceServer::from_arc(app)));
    routes.routes()
}
