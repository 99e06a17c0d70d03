//! What the lab has and what was written about it.

use std::sync::Arc;

use spectra_mesh::{Db, Peer};
use spectra_proto::lims::{
    attachment_service_server, audit_service_server, custody_service_server, device_service_server, eln_service_server,
    genealogy_service_server, label_service_server, material_service_server, recipe_service_server, sample_service_server,
    scan_service_server, sop_service_server, wafer_service_server,
};
use tokio_util::sync::CancellationToken;
use tonic::service::{Routes, RoutesBuilder};

mod analysis;
mod attachments;
mod audit;
mod custody;
mod devices;
pub mod eln;
mod genealogy;
mod identity;
mod labels;
mod materials;
mod recipes;
mod samples;
mod scan;
mod sops;
mod wafers;

pub use attachments::files::{Files, Place};

/// The gRPC services offered here.
pub const OFFERS: &[&str] = &[
    attachment_service_server::SERVICE_NAME,
    audit_service_server::SERVICE_NAME,
    custody_service_server::SERVICE_NAME,
    device_service_server::SERVICE_NAME,
    eln_service_server::SERVICE_NAME,
    genealogy_service_server::SERVICE_NAME,
    label_service_server::SERVICE_NAME,
    material_service_server::SERVICE_NAME,
    recipe_service_server::SERVICE_NAME,
    sample_service_server::SERVICE_NAME,
    scan_service_server::SERVICE_NAME,
    sop_service_server::SERVICE_NAME,
    wafer_service_server::SERVICE_NAME,
];

/// The handlers of every service offered here share one.
#[derive(Debug)]
struct App {
    db: Db,
    analysis: analysis::Analysis,
    identity: identity::Identity,
    files: Files,
}

/// The handlers, over the database of LIMS and its store of files, with identity and analysis to ask. What uploads leave behind is cleared away
/// until `stop`.
#[must_use]
pub fn routes(db: Db, identity: Peer, analysis: Peer, files: Files, stop: CancellationToken) -> Routes {
    let sweeping = attachments::sweep::run(db.clone(), files.clone());
    tokio::spawn(async move { stop.run_until_cancelled(sweeping).await });
    let app = Arc::new(App { db, analysis: analysis::Analysis(analysis), identity: identity::Identity(identity), files });
    let mut routes = RoutesBuilder::default();
    routes
        .add_service(spectra_mesh::compressed!(attachment_service_server::AttachmentServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(audit_service_server::AuditServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(custody_service_server::CustodyServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(device_service_server::DeviceServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(eln_service_server::ElnServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(genealogy_service_server::GenealogyServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(label_service_server::LabelServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(material_service_server::MaterialServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(recipe_service_server::RecipeServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(sample_service_server::SampleServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(scan_service_server::ScanServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(sop_service_server::SopServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(wafer_service_server::WaferServiceServer::from_arc(app)));
    routes.routes()
}
