//! `spectra up`: the newcomer's default. A private database, every service, demo data.

use std::{net::SocketAddr, time::Instant};

use anyhow::{Context, Result, bail};
use spectra_identity::Cost;
use spectra_mesh::{Pools, telemetry::Telemetry};
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    audit,
    cli::Up,
    database::{self, Database},
    secrets::Secrets,
    seed,
    stack::{self, Listeners, Stack},
    stop::Stop,
    welcome,
};

/// Connections per service: together well below what the private PostgreSQL takes.
const POOLS: Pools = Pools { max: 16, min: 1 };

/// Brings the mesh up and keeps it until it is told to stop.
pub async fn run(options: Up, telemetry: &Telemetry) -> Result<()> {
    let begun = Instant::now();
    let mut stop = Stop::listen()?;
    let bound = async { Ok((bind("the metrics", "--telemetry-listen", options.telemetry_listen).await?, listen(&options).await?)) };
    let (metrics, listeners) = match bound.await {
        Ok(bound) => bound,
        Err(_) if database::is_running(&options.database, &options.data).await => {
            bail!("another spectra runs on {} already; stop it, or name another directory with --data", options.data.display())
        }
        Err(error) => return Err(error),
    };

    let mut database = tokio::select! {
        database = Database::own(&options.database, &options.data, |told| welcome::step(begun, told)) => database?,
        () = stop.asked() => return Ok(()),
    };
    let admin = database.admin().clone();
    let outcome = tokio::select! {
        outcome = mesh(&options, &admin, listeners, begun, &mut stop) => outcome,
        () = telemetry.serve(metrics, CancellationToken::new()) => Ok(()),
        error = database.died() => Err(error),
    };
    let stopped = database.stop().await;
    // Why it ended comes before how.
    outcome.and(stopped)
}

async fn mesh(options: &Up, admin: &PgConnectOptions, listeners: Listeners, begun: Instant, stop: &mut Stop) -> Result<()> {
    let starting = async {
        spectra_database::schema::migrate(admin).await?;
        let secrets = Secrets::of(&options.data)?;
        welcome::step(begun, "starting identity, lims, analysis and the gateway");
        let config = stack::identity(&secrets, Cost::FLOOR);
        let files = options.attachments.open(Some(&options.data))?;
        let stack = Stack::start(admin, &secrets, config, listeners, POOLS, &options.protection, files).await?;
        if !options.no_seed && seed::write(&stack).await? {
            spectra_database::schema::analyze(admin).await?;
            welcome::step(begun, "wrote the demo data");
        }
        anyhow::Ok(stack)
    };
    let mut stack = tokio::select! {
        stack = starting => stack?,
        () = stop.asked() => return Ok(()),
    };
    welcome::ready(&stack, options, begun);
    tokio::select! {
        () = stop.asked() => {}
        error = stack.failed() => return Err(error),
        never = audit::keep(admin, &options.data) => match never {},
    }
    welcome::step(begun, "stopping; calls in flight have twenty seconds, Ctrl-C again cuts them");
    tokio::select! {
        () = stack.stop() => {}
        () = stop.asked() => {}
    }
    audit::keep_now(admin, &options.data).await;
    Ok(())
}

async fn listen(options: &Up) -> Result<Listeners> {
    let mut gateway = Vec::new();
    for address in &options.listen {
        gateway.push(bind("the gateway", "--listen", *address).await?);
    }
    Ok(Listeners {
        gateway,
        identity: bind("identity", "--identity-listen", options.identity_listen).await?,
        lims: bind("LIMS", "--lims-listen", options.lims_listen).await?,
        analysis: bind("analysis", "--analysis-listen", options.analysis_listen).await?,
    })
}

/// Binds a port before anything is started, so that one that is taken is told at once.
pub(crate) async fn bind(what: &str, flag: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{what} cannot listen on {address}; name another address with {flag} (port 0 picks a free one)"))
}
