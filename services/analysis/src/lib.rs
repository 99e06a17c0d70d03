//! What was measured, and whether it can be trusted.

use std::sync::Arc;

use spectra_mesh::{Db, Outbox, Peer};
use spectra_proto::analysis::{
    analysis_service_server, calibration_service_server, feature_set_service_server, gauge_study_service_server, impact_service_server,
    instrument_service_server, ml_model_service_server, result_service_server, run_service_server, spc_alert_service_server,
    spc_chart_service_server, spc_evaluation_service_server, spc_point_service_server, spc_series_service_server,
};
use tokio_util::sync::CancellationToken;
use tonic::service::{Routes, RoutesBuilder};

mod analyses;
mod calibrations;
mod computer;
mod feature_sets;
mod gauge_studies;
mod identity;
mod impact;
mod instruments;
mod lims;
mod ml_models;
mod names;
mod results;
mod runs;
mod spc_alerts;
mod spc_charts;
mod spc_evaluation;
mod spc_points;
mod spc_series;

/// The gRPC services offered here.
pub const OFFERS: &[&str] = &[
    analysis_service_server::SERVICE_NAME,
    calibration_service_server::SERVICE_NAME,
    feature_set_service_server::SERVICE_NAME,
    gauge_study_service_server::SERVICE_NAME,
    impact_service_server::SERVICE_NAME,
    instrument_service_server::SERVICE_NAME,
    ml_model_service_server::SERVICE_NAME,
    result_service_server::SERVICE_NAME,
    run_service_server::SERVICE_NAME,
    spc_alert_service_server::SERVICE_NAME,
    spc_chart_service_server::SERVICE_NAME,
    spc_evaluation_service_server::SERVICE_NAME,
    spc_point_service_server::SERVICE_NAME,
    spc_series_service_server::SERVICE_NAME,
];

/// The handlers of every service offered here share one.
#[derive(Debug)]
struct App {
    computer: computer::Computer,
    db: Db,
    identity: identity::Identity,
    lims: lims::Lims,
    outbox: Arc<Outbox>,
}

/// The handlers, over the database of analysis and with identity and LIMS to ask. The streams that they feed end at `stop`.
#[must_use]
pub fn routes(db: Db, identity: Peer, lims: Peer, stop: CancellationToken) -> Routes {
    let ahead = spc_points::keep_ahead(db.clone());
    tokio::spawn(stop.clone().run_until_cancelled_owned(ahead));
    let app = Arc::new(App {
        computer: computer::Computer::default(),
        outbox: Outbox::start(&db, "analysis", stop),
        db,
        identity: identity::Identity(identity),
        lims: lims::Lims(lims),
    });
    let mut routes = RoutesBuilder::default();
    routes
        .add_service(spectra_mesh::compressed!(analysis_service_server::AnalysisServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(calibration_service_server::CalibrationServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(feature_set_service_server::FeatureSetServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(gauge_study_service_server::GaugeStudyServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(impact_service_server::ImpactServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(instrument_service_server::InstrumentServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(ml_model_service_server::MlModelServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(result_service_server::ResultServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(run_service_server::RunServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(spc_alert_service_server::SpcAlertServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(spc_chart_service_server::SpcChartServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(spc_evaluation_service_server::SpcEvaluationServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(spc_point_service_server::SpcPointServiceServer::from_arc(Arc::clone(&app))))
        .add_service(spectra_mesh::compressed!(spc_series_service_server::SpcSeriesServiceServer::from_arc(app)));
    routes.routes()
}
