//! The commands over the database of an installation: migrate, seed, psql; and over the contract.

use std::{io::Write, os::unix::process::CommandExt};

use anyhow::{Context, Result, bail};
use spectra_database::schema;
use spectra_identity::Cost;
use spectra_mesh::Pools;

use crate::{
    cli::{Migrate, Migration, Protection, Psql, Seed},
    database::{self, Database},
    secrets::Secrets,
    seed,
    stack::{self, Listeners, Stack},
};

/// Applies the missing migrations, or says which are missing.
pub async fn migrate(options: Migrate) -> Result<()> {
    let database = match options.what {
        Migration::Up => Database::shared(&options.database, &options.data).await?,
        Migration::Status => Database::there(&options.database, &options.data).await?,
    };
    if options.what == Migration::Up {
        schema::migrate(database.admin()).await?;
    }
    let mut behind = false;
    for progress in schema::status(database.admin()).await? {
        println!("{:<10} {} of {} migrations", progress.schema.name(), progress.applied, progress.known);
        behind |= progress.applied < progress.known;
    }
    database.stop().await?;
    if behind {
        bail!("the database is behind this program; run `spectra migrate`");
    }
    Ok(())
}

/// Writes what is missing of the demo data.
pub async fn seed(options: Seed) -> Result<()> {
    let database = Database::shared(&options.database, &options.data).await?;
    schema::migrate(database.admin()).await?;
    let secrets = Secrets::of(&options.data)?;
    let config = stack::identity(&secrets, Cost::FLOOR);
    let files = options.attachments.open(Some(&options.data))?;
    let (listeners, pools) = (Listeners::anywhere().await?, Pools { max: 4, min: 0 });
    let stack = Stack::start(database.admin(), &secrets, config, listeners, pools, &Protection::default(), files).await?;
    let wrote = seed::write(&stack).await?;
    stack.stop().await;
    if wrote {
        schema::analyze(database.admin()).await?;
    }
    database.stop().await?;
    println!("{}", if wrote { "the demo data is written" } else { "the demo data was there already" });
    Ok(())
}

/// Becomes psql; the private database must be up, because psql outlives this process.
pub async fn psql(options: Psql) -> Result<()> {
    let mut psql = database::psql(&options.database, &options.data).await?;
    Err(psql.args(options.args).exec()).context("psql cannot be started; is PostgreSQL's client installed?")
}

/// Prints the contract as an encoded `google.protobuf.FileDescriptorSet`.
pub fn descriptors() -> Result<()> {
    Ok(std::io::stdout().write_all(spectra_proto::DESCRIPTORS)?)
}

/// Prints the contract as an OpenAPI document.
pub fn openapi() -> Result<()> {
    let mut out = std::io::stdout();
    out.write_all(&spectra_gateway::openapi())?;
    Ok(out.write_all(b"\n")?)
}
