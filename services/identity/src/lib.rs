//! Organizations, users and sessions: who may do what. Identity alone makes tokens.

use std::sync::Arc;

use spectra_mesh::{Db, Error, SystemDb, authority::Authority};
use spectra_proto::identity::{
    key_service_server, organization_service_server, people_service_server, proof_service_server, revocation_service_server,
    session_service_server, signature_service_server, user_service_server,
};
use tokio_util::sync::CancellationToken;
use tonic::service::{Routes, RoutesBuilder};

mod config;
pub mod directory;
pub mod keys;
mod organizations;
mod password;
mod people;
mod proofs;
mod revocations;
mod seal;
mod secrets;
mod sessions;
mod signatures;
mod token;
mod users;

pub use config::{Config, Cost, Lives};

use crate::{keys::Ring, password::Passwords, revocations::Feed, seal::Seal, secrets::Secrets, signatures::RecordKey, token::Issuer};

/// The gRPC services offered here.
pub const OFFERS: &[&str] = &[
    key_service_server::SERVICE_NAME,
    organization_service_server::SERVICE_NAME,
    people_service_server::SERVICE_NAME,
    proof_service_server::SERVICE_NAME,
    revocation_service_server::SERVICE_NAME,
    session_service_server::SERVICE_NAME,
    signature_service_server::SERVICE_NAME,
    user_service_server::SERVICE_NAME,
];

/// The handlers of every service offered here share one.
struct App {
    db: Db,
    system: SystemDb,
    authority: Arc<Authority>,
    lives: Lives,
    secrets: Secrets,
    passwords: Passwords,
    issuer: Issuer,
    record_key: RecordKey,
    ring: Arc<Ring>,
    feed: Arc<Feed>,
}

/// The handlers, over the database of identity and its sign-in directory.
///
/// Makes the first signing keys when there are none. Fails when the key-encryption key is not the one
/// that the keys were sealed with. The tasks started here, and the streams they feed, end at `stop`.
pub async fn routes(config: Config, db: Db, system: SystemDb, authority: Arc<Authority>, stop: CancellationToken) -> Result<Routes, Error> {
    let secrets = Secrets::load(&system, &Seal::of(&config.key_encryption_key)?).await?;
    let app = Arc::new(App {
        passwords: Passwords::new(secrets.pepper(), config.cost).await?,
        issuer: Issuer::new(config.expected, config.lives.access)?,
        record_key: RecordKey::of(secrets.records())?,
        ring: Ring::open(system.clone(), &config.key_encryption_key, stop.clone()).await?,
        feed: Feed::start(system.clone(), stop),
        lives: config.lives,
        secrets,
        authority,
        system,
        db,
    });
    let mut routes = RoutesBuilder::default();
    routes.add_service(spectra_mesh::compressed!(key_service_server::KeyServiceServer::from_arc(Arc::clone(&app))));
    routes.add_service(spectra_mesh::compressed!(organization_service_server::OrganizationServiceServer::from_arc(Arc::clone(&app))));
    routes.add_service(spectra_mesh::compressed!(people_service_server::PeopleServiceServer::from_arc(Arc::clone(&app))));
    routes.add_service(spectra_mesh::compressed!(proof_service_server::ProofServiceServer::from_arc(Arc::clone(&app))));
    routes.add_service(spectra_mesh::compressed!(revocation_service_server::RevocationServiceServer::from_arc(Arc::clone(&app))));
    routes.add_service(spectra_mesh::compressed!(session_service_server::SessionServiceServer::from_arc(Arc::clone(&app))));
    routes.add_service(spectra_mesh::compressed!(signature_service_server::SignatureServiceServer::from_arc(Arc::clone(&app))));
    routes.add_service(spectra_mesh::compressed!(user_service_server::UserServiceServer::from_arc(app)));
    Ok(routes.routes())
}
