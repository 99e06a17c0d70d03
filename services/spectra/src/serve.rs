//! `spectra serve`: one service a process, as in production.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use spectra_identity::{Config, Cost, Lives};
use spectra_mesh::{Db, Pools, SystemDb, authority::Authority, telemetry::Telemetry, token::Expected};
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Role, Serve},
    database,
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
        let db = Db::connect(database("DATABASE_URL", options.database_url.as_deref())?, pools).await?;
        db.expect_schema(schema).await?;
        anyhow::Ok(db)
    };
    let expected = Expected { issuer: options.issuer.clone(), audience: AUDIENCE.to_owned() };
    let authority = || Authority::of(&peers.identity, expected.clone());
    let service = match options.role {
        Role::Gateway => {
            services::gateway(&peers)?.serve(vec![listener], stop).await;
            return Ok(());
        }
        Role::Lims => services::lims(db("lims").await?, authority()),
        Role::Analysis => services::analysis(db("analysis").await?, peers.lims.clone(), authority()),
        Role::Identity => {
            let system = SystemDb::connect(database("SPECTRA_SYSTEM_DATABASE_URL", options.system_database_url.as_deref())?, pools).await?;
            let key = key_encryption_key(options.key_encryption_key_file.as_deref())?;
            let authority = authority();
            let config = Config { expected, lives: Lives::default(), key_encryption_key: key, cost: Cost::FLOOR };
            services::identity(config, db("identity").await?, system, authority, stop.clone()).await?
        }
    };
    Ok(service.serve(listener, stop).await?)
}

/// The database of the URL that a setting names.
pub(crate) fn database(setting: &str, url: Option<&str>) -> Result<PgConnectOptions> {
    url.and_then(database::at).with_context(|| {
        let fault = if url.is_some() { "is no PostgreSQL URL" } else { "is missing: a PostgreSQL URL" };
        format!("{setting} {fault} such as postgres://user:password@host/database")
    })
}

/// Reads a key-encryption key.
pub(crate) fn key_encryption_key(file: Option<&Path>) -> Result<[u8; 32]> {
    let file = file.context("SPECTRA_KEY_ENCRYPTION_KEY_FILE is missing: the file of the key that seals signing keys")?;
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let text = text.trim();
    ensure!(text.len() == 64 && text.is_ascii(), "{} does not hold 32 bytes in hexadecimal", file.display());
    let mut key = [0; 32];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .with_context(|| format!("{} does not hold 32 bytes in hexadecimal", file.display()))?;
    }
    Ok(key)
}

/// The configuration as it was understood; secrets are said to be there, never shown.
fn printed(options: &Serve) -> serde_json::Value {
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
        "issuer": options.issuer,
        "insecure": options.insecure,
    })
}
