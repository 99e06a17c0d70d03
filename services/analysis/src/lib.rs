//! What was measured, and whether it can be trusted.

use std::sync::Arc;

use spectra_mesh::{Db, Peer};
use spectra_proto::analysis::{
    calibration_service_server as calibrations_v1, instrument_service_server as instruments_v1, run_service_server as runs_v1,
};
use tonic::service::{Routes, RoutesBuilder};

mod calibrations;
mod instruments;
mod lims;
mod runs;

/// The gRPC services offered here.
pub const OFFERS: &[&str] = &[calibrations_v1::SERVICE_NAME, instruments_v1::SERVICE_NAME, runs_v1::SERVICE_NAME];

/// The handlers of every service offered here share one.
#[derive(Debug)]
struct App {
    db: Db,
    lims: lims::Lims,
}

/// The handlers, over the database of analysis and with LIMS to ask.
#[must_use]
pub fn routes(db: Db, lims: Peer) -> Routes {
    let app = Arc::new(App { db, lims: lims::Lims(lims) });
    let mut routes = RoutesBuilder::default();
    routes
        .add_service(spectra_mesh::compressed!(calibrations_v1::CalibrationServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(instruments_v1::InstrumentServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(runs_v1::RunServiceServer::from_arc(app)));
    routes.routes()
}
