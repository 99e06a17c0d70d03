//! The whole mesh in one process: three services and the gateway, talking over loopback as they
//! would over a network.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, anyhow};
use spectra_database::schema::Schema;
use spectra_identity::{Config, Cost, Lives, directory::Directory};
use spectra_mesh::{Db, Peer, Pools, SystemDb, authority::Authority, serve::Service, token::Expected};
use sqlx::postgres::PgConnectOptions;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::secrets::Secrets;

/// Who issues tokens, unless it is configured.
pub const ISSUER: &str = "https://identity.spectra-lab";
/// Whom tokens are for.
pub const AUDIENCE: &str = "spectra-lab-api";

/// Identity's configuration, from an installation's secrets.
#[must_use]
pub fn identity(secrets: &Secrets, cost: Cost) -> Config {
    let expected = Expected { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned() };
    Config { expected, lives: Lives::default(), key_encryption_key: secrets.key_encryption_key(), cost }
}

/// How long a stack may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the services listen, bound already.
pub struct Listeners {
    /// HTTP and JSON.
    pub gateway: Vec<TcpListener>,
    /// gRPC of identity.
    pub identity: TcpListener,
    /// gRPC of LIMS.
    pub lims: TcpListener,
    /// gRPC of analysis.
    pub analysis: TcpListener,
}

impl Listeners {
    /// Ports that the system picks.
    pub async fn anywhere() -> Result<Self> {
        let any = || TcpListener::bind("127.0.0.1:0");
        Ok(Self { gateway: vec![any().await?], identity: any().await?, lims: any().await?, analysis: any().await? })
    }
}

/// A mesh that runs.
pub struct Stack {
    /// Where HTTP clients connect.
    pub gateway: Vec<SocketAddr>,
    /// The services as peers.
    pub identity: Peer,
    /// LIMS.
    pub lims: Peer,
    /// Analysis.
    pub analysis: Peer,
    /// The sign-in directory, for the seed.
    pub directory: Directory,
    system: SystemDb,
    services: [(&'static str, SocketAddr); 3],
    stop: CancellationToken,
    tasks: JoinSet<Result<()>>,
}

impl Stack {
    /// Starts every service over a migrated database.
    pub async fn start(admin: &PgConnectOptions, secrets: &Secrets, config: Config, listeners: Listeners, pools: Pools) -> Result<Self> {
        let passwords: Vec<_> =
            Schema::ALL.iter().flat_map(|schema| schema.applications()).map(|role| (*role, secrets.password(role))).collect();
        spectra_database::schema::admit(admin, passwords.iter().map(|(role, password)| (*role, password.as_str()))).await?;
        let as_role = |role: &str| admin.clone().username(role).password(&secrets.password(role));
        let connect = async |role: &'static str| Db::connect(as_role(role), pools).await.with_context(|| format!("connecting as {role}"));

        let services = [
            ("identity", listeners.identity.local_addr()?),
            ("LIMS", listeners.lims.local_addr()?),
            ("analysis", listeners.analysis.local_addr()?),
        ];
        let identity = peer("identity", &listeners.identity)?;
        let lims = peer("lims", &listeners.lims)?;
        let analysis = peer("analysis", &listeners.analysis)?;
        let authority = Authority::of(&identity, config.expected.clone());
        let system = SystemDb::connect(as_role("spectra_identity_system"), Pools { min: 0, ..pools }).await?;
        let directory = Directory::open(system.clone(), &config).await?;
        let stop = CancellationToken::new();

        let db = connect("spectra_identity").await?;
        let identity_routes = spectra_identity::service(config, db.clone(), system.clone(), authority.clone(), stop.clone()).await?;
        let service = |name, offers, routes, db| Service { name, offers, routes, db, authority: authority.clone() };
        let identity_service = service("identity", spectra_identity::OFFERS, identity_routes, db);
        let db = connect("spectra_lims").await?;
        let lims_service = service("lims", spectra_lims::OFFERS, spectra_lims::routes(db.clone()), db);
        let db = connect("spectra_analysis").await?;
        let analysis_service = service("analysis", spectra_analysis::OFFERS, spectra_analysis::routes(db.clone(), lims.clone()), db);
        let gateway = spectra_gateway::Gateway::new(&[
            ("spectra.identity.v1", identity.clone()),
            ("spectra.lims.v1", lims.clone()),
            ("spectra.analysis.v1", analysis.clone()),
        ])?;

        let mut tasks = JoinSet::new();
        for (service, listener) in
            [(identity_service, listeners.identity), (lims_service, listeners.lims), (analysis_service, listeners.analysis)]
        {
            let stop = stop.clone();
            tasks.spawn(async move { Ok(service.serve(listener, stop).await?) });
        }
        let addresses = listeners.gateway.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
        let ended = stop.clone();
        tasks.spawn(async move {
            gateway.serve(listeners.gateway, ended).await;
            Ok(())
        });
        let mut stack = Self { gateway: addresses, identity, lims, analysis, directory, system, services, stop, tasks };
        stack.ready().await?;
        Ok(stack)
    }

    /// The gRPC services: names and addresses.
    #[must_use]
    pub fn services(&self) -> [(&'static str, SocketAddr); 3] {
        self.services
    }

    /// Waits until a service ends unasked, and says why.
    pub async fn failed(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(fault)) => anyhow!(fault).context("a service broke"),
            Some(Ok(Ok(()))) | None => anyhow!("a service ended by itself"),
        }
    }

    /// Lets the calls in flight end, then ends every service.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.system.close().await;
    }

    async fn ready(&mut self) -> Result<()> {
        let peers = [self.identity.clone(), self.lims.clone(), self.analysis.clone()];
        let well = async {
            for peer in &peers {
                while !peer.well().await {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        };
        tokio::select! {
            answered = tokio::time::timeout(PATIENCE, well) => answered.context("a service does not become ready"),
            error = self.failed() => Err(error),
        }
    }
}

fn peer(name: &'static str, listener: &TcpListener) -> Result<Peer> {
    Ok(Peer::at(name, &format!("http://{}", listener.local_addr()?))?)
}
