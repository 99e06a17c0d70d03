//! Each service of the mesh, put together from its database and its peers.

use std::sync::Arc;

use anyhow::Result;
use spectra_gateway::Gateway;
use spectra_identity::Config;
use spectra_lims::Files;
use spectra_mesh::{Db, Peer, SystemDb, authority::Authority, serve::Service};
use tokio_util::sync::CancellationToken;

/// The gRPC services, as those that call them see them.
pub(crate) struct Peers {
    pub(crate) identity: Peer,
    pub(crate) lims: Peer,
    pub(crate) analysis: Peer,
}

impl Peers {
    /// The services at these URLs.
    pub(crate) fn at(identity: &str, lims: &str, analysis: &str) -> Result<Self> {
        Ok(Self { identity: Peer::at("identity", identity)?, lims: Peer::at("lims", lims)?, analysis: Peer::at("analysis", analysis)? })
    }
}

/// HTTP and JSON in front of all.
pub(crate) fn gateway(peers: &Peers) -> Result<Gateway> {
    Ok(Gateway::new(&[
        ("spectra.identity.v1", peers.identity.clone()),
        ("spectra.lims.v1", peers.lims.clone()),
        ("spectra.analysis.v1", peers.analysis.clone()),
    ])?)
}

/// Who may do what. The streams that it feeds end at `stop`.
pub(crate) async fn identity(
    config: Config,
    db: Db,
    system: SystemDb,
    authority: Arc<Authority>,
    stop: CancellationToken,
) -> Result<Service> {
    let routes = spectra_identity::routes(config, db.clone(), system, Arc::clone(&authority), stop).await?;
    Ok(Service { name: "identity", offers: spectra_identity::OFFERS, routes, db, authority })
}

/// What there is; it asks identity for people and signatures, and analysis for runs and the like. Uploads that were given up are cleared
/// away until `stop`.
pub(crate) fn lims(db: Db, peers: &Peers, files: Files, authority: Arc<Authority>, stop: CancellationToken) -> Service {
    let routes = spectra_lims::routes(db.clone(), peers.identity.clone(), peers.analysis.clone(), files, stop);
    Service { name: "lims", offers: spectra_lims::OFFERS, routes, db, authority }
}

/// What was measured; it asks LIMS for recipes and samples, and identity for signatures. The streams that it feeds end at `stop`.
pub(crate) fn analysis(db: Db, peers: &Peers, authority: Arc<Authority>, stop: CancellationToken) -> Service {
    let routes = spectra_analysis::routes(db.clone(), peers.identity.clone(), peers.lims.clone(), stop);
    Service { name: "analysis", offers: spectra_analysis::OFFERS, routes, db, authority }
}
