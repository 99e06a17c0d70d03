//! Organizations, users and sessions: who may do what. Identity alone makes tokens.

use std::sync::Arc;

use spectra_mesh::{Db, Error, SystemDb, authority::Authority};
use spectra_proto::identity::{
    key_service_server as keys_v1, organization_service_server as organizations_v1, revocation_service_server as revocations_v1,
    session_service_server as sessions_v1, user_service_server as users_v1,
};
use tokio_util::sync::CancellationToken;
use tonic::service::{Routes, RoutesBuilder};

mod config;
pub mod directory;
mod keys;
mod organizations;
mod password;
mod revocations;
mod secrets;
mod sessions;
mod token;
mod users;

pub use config::{Config, Cost, Lives};

use crate::{password::Passwords, revocations::Feed, secrets::Secrets, token::Issuer};

/// The gRPC services offered here.
pub const OFFERS: &[&str] = &[
    keys_v1::SERVICE_NAME,
    organizations_v1::SERVICE_NAME,
    revocations_v1::SERVICE_NAME,
    sessions_v1::SERVICE_NAME,
    users_v1::SERVICE_NAME,
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
    feed: Arc<Feed>,
}

/// The handlers, over the database of identity and its sign-in directory.
///
/// Makes the first signing key when there is none. Fails when the key-encryption key is not the one
/// that the keys were sealed with. The tasks started here, and the streams they feed, end at `stop`.
pub async fn service(
    config: Config,
    db: Db,
    system: SystemDb,
    authority: Arc<Authority>,
    stop: CancellationToken,
) -> Result<Routes, Error> {
    let secrets = Secrets::of(&config.key_encryption_key)?;
    let signing = keys::Signing::load(&system, &secrets).await?;
    let app = Arc::new(App {
        passwords: Passwords::new(&secrets, config.cost).await?,
        issuer: Issuer::new(config.expected, config.lives.access, signing)?,
        feed: Feed::start(system.clone(), stop),
        lives: config.lives,
        secrets,
        authority,
        system,
        db,
    });
    let mut routes = RoutesBuilder::default();
    routes.add_service(spectra_mesh::compressed!(keys_v1::KeyServiceServer::from_arc(Arc::clone(&app))));
    routes.add_service(spectra_mesh::compressed!(organizations_v1::OrganizationServiceServer::from_arc(Arc::clone(&app))));
    routes.add_service(spectra_mesh::compressed!(revocations_v1::RevocationServiceServer::from_arc(Arc::clone(&app))));
    routes.add_service(spectra_mesh::compressed!(sessions_v1::SessionServiceServer::from_arc(Arc::clone(&app))));
    routes.add_service(spectra_mesh::compressed!(users_v1::UserServiceServer::from_arc(app)));
    Ok(routes.routes())
}
