//! What the lab has and what was written about it.

use std::sync::Arc;

use spectra_mesh::Db;
use spectra_proto::lims::{
    audit_service_server, device_service_server, material_service_server, recipe_service_server, sample_service_server,
    wafer_service_server,
};
use tonic::service::{Routes, RoutesBuilder};

mod audit;
mod devices;
mod materials;
mod recipes;
mod samples;
mod wafers;

/// The gRPC services offered here.
pub const OFFERS: &[&str] = &[
    audit_service_server::SERVICE_NAME,
    device_service_server::SERVICE_NAME,
    material_service_server::SERVICE_NAME,
    recipe_service_server::SERVICE_NAME,
    sample_service_server::SERVICE_NAME,
    wafer_service_server::SERVICE_NAME,
];

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
        .add_service(spectra_mesh::compressed!(audit_service_server::AuditServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(device_service_server::DeviceServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(material_service_server::MaterialServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(recipe_service_server::RecipeServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(sample_service_server::SampleServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(wafer_service_server::WaferServiceServer::from_arc(app)));
    routes.routes()
}
