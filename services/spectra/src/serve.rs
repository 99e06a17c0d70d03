//! `spectra serve`: one service a process, as in production.

use anyhow::Result;
use spectra_identity::{Config, Cost, Lives};
use spectra_mesh::{Db, Pools, SystemDb, authority::Authority, telemetry::Telemetry, token::Expected};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Role, Serve},
    database::named,
    secrets::key_encryption_key,
    services::{self, Peers},
    stack::AUDIENCE,
    stop::Stop,
    up::bind,
};

/// Runs the service until it is told to stop, and lets its calls end.
pub async fn run(options: Serve, telemetry: &Telemetry) -> Result<()> {
    if options.print_config {
        println!("{}", printed(&options));
        return Ok(());
    }
    let mut stop = Stop::listen()?;
    let metrics = async {
        match options.telemetry_listen {
            Some(address) => {
                let listener = bind("the metrics", "--telemetry-listen", address).await?;
                telemetry.serve(listener, CancellationToken::new()).await;
                anyhow::Ok(())
            }
            None => std::future::pending().await,
        }
    };
    let ending = CancellationToken::new();
    let mut serving = std::pin::pin!(service(&options, ending.clone()));
    tokio::select! {
        ended = &mut serving => return ended,
        failed = metrics => return failed,
        () = stop.asked() => ending.cancel(),
    }
    tokio::select! {
        ended = serving => ended,
        // The second wish cuts what is still in flight.
        () = stop.asked() => Ok(()),
    }
}

async fn service(options: &Serve, stop: CancellationToken) -> Result<()> {
    let peers = Peers::at(&options.identity_url, &options.lims_url, &options.analysis_url)?;
    let listener = bind("the service", "--listen", options.listen).await?;
    let pools = Pools { max: options.database_connections, min: 1 };
    let db = async |schema| {
        let db = Db::connect(named("DATABASE_URL", options.database_url.as_deref())?, pools).await?;
        db.expect_schema(schema).await?;
        anyhow::Ok(db)
    };
    let expected = Expected { issuer: options.issuer.clone(), audience: AUDIENCE.to_owned() };
    let authority = || Authority::of(&peers.identity, expected.clone());
    let service = match options.role {
        Role::Gateway => {
            services::gateway(&peers)?.protected(options.protection.under(authority)).serve_on_all_cores(vec![listener], stop).await?;
            return Ok(());
        }
        Role::Lims => {
            let (db, files) = (db("lims").await?, options.attachments.open(None)?);
            services::lims(db, &peers, files, authority(), stop.clone())
        }
        Role::Analysis => services::analysis(db("analysis").await?, &peers, authority(), stop.clone()),
        Role::Identity => {
            let system = SystemDb::connect(named("SPECTRA_SYSTEM_DATABASE_URL", options.system_database_url.as_deref())?, pools).await?;
            system.expect_schema("identity").await?;
            let key = key_encryption_key(options.key_encryption_key_file.as_deref())?;
            let authority = authority();
            let config = Config { expected, lives: Lives::default(), key_encryption_key: key, cost: Cost::FLOOR };
            services::identity(config, db("identity").await?, system, authority, stop.clone()).await?
        }
    };
    Ok(service.serve(listener, stop).await?)
}

/// The configuration as it was understood; secrets are said to be there, never shown.
fn printed(options: &Serve) -> serde_json::Value {
    let protection = &options.protection;
    serde_json::json!({
        "role": format!("{:?}", options.role).to_lowercase(),
        "listen": options.listen,
        "identity_url": options.identity_url,
        "lims_url": options.lims_url,
        "analysis_url": options.analysis_url,
        "telemetry_listen": options.telemetry_listen,
        "database_url": options.database_url.as_ref().map(|_| "(set)"),
        "system_database_url": options.system_database_url.as_ref().map(|_| "(set)"),
        "key_encryption_key_file": options.key_encryption_key_file,
        "database_connections": options.database_connections,
        "attachments": options.attachments.place,
        "attachment_bytes": options.attachments.most,
        "attachment_reserve": options.attachments.reserve,
        "issuer": options.issuer,
        "insecure": options.insecure,
        "rate_limit": protection.rates().map(|rates| rates.client),
        "organization_rate_limit": protection.rates().map(|rates| rates.organization),
        "trusted_proxies": protection.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "connections_per_client": protection.connections_per_client,
    })
}
