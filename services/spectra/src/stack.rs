//! The whole mesh in one process: three services and the gateway, talking over loopback as they
//! would over a network.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use spectra_identity::{Config, Cost, Lives, directory::Directory};
use spectra_lims::Files;
use spectra_mesh::{Db, Peer, Pools, SystemDb, authority::Authority, token::Expected};
use sqlx::postgres::PgConnectOptions;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::Protection,
    secrets::Secrets,
    services::{self, Peers},
};

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
    /// Identity.
    pub identity: Peer,
    /// LIMS.
    pub lims: Peer,
    /// Analysis.
    pub analysis: Peer,
    /// The sign-in directory, for the seed.
    pub directory: Directory,
    system: SystemDb,
    addresses: [SocketAddr; 3],
    stop: CancellationToken,
    tasks: JoinSet<Result<()>>,
}

impl Stack {
    /// Starts every service over a migrated database.
    pub async fn start(
        admin: &PgConnectOptions,
        secrets: &Secrets,
        config: Config,
        listeners: Listeners,
        pools: Pools,
        protection: &Protection,
        files: Files,
    ) -> Result<Self> {
        secrets.admit(admin).await?;
        let as_role = |role: &str| secrets.application(admin, role);
        let connect = async |role: &'static str| Db::connect(as_role(role), pools).await.with_context(|| format!("connecting as {role}"));

        let addresses = [listeners.identity.local_addr()?, listeners.lims.local_addr()?, listeners.analysis.local_addr()?];
        let [identity, lims, analysis] = addresses.map(|address| format!("http://{address}"));
        let peers = Peers::at(&identity, &lims, &analysis)?;
        let authority = Authority::of(&peers.identity, config.expected.clone());
        let system = SystemDb::connect(as_role("spectra_identity_system"), Pools { min: 0, ..pools }).await?;
        let directory = Directory::open(system.clone(), &config).await?;
        let stop = CancellationToken::new();

        let db = connect("spectra_identity").await?;
        let identity = services::identity(config, db, system.clone(), authority.clone(), stop.clone()).await?;
        let lims = services::lims(connect("spectra_lims").await?, &peers, files, authority.clone(), stop.clone());
        let analysis = services::analysis(connect("spectra_analysis").await?, &peers, authority.clone(), stop.clone());
        let gateway = services::gateway(&peers)?.protected(protection.under(|| Arc::clone(&authority)));

        let mut tasks = JoinSet::new();
        for (service, listener) in [(identity, listeners.identity), (lims, listeners.lims), (analysis, listeners.analysis)] {
            let stop = stop.clone();
            tasks.spawn(async move { Ok(service.serve(listener, stop).await?) });
        }
        let front = listeners.gateway.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
        let ended = stop.clone();
        tasks.spawn(async move { Ok(gateway.serve_on_all_cores(listeners.gateway, ended).await?) });
        let Peers { identity, lims, analysis } = peers;
        let mut stack = Self { gateway: front, identity, lims, analysis, directory, system, addresses, stop, tasks };
        stack.ready().await?;
        Ok(stack)
    }

    /// The gRPC services: names and addresses.
    #[must_use]
    pub fn services(&self) -> [(&'static str, SocketAddr); 3] {
        let [identity, lims, analysis] = self.addresses;
        [("identity", identity), ("LIMS", lims), ("analysis", analysis)]
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
