//! The database that a command works on: one of your own, or the private one.

use std::{path::Path, process::Command, str::FromStr};

use anyhow::{Context, Result};
use spectra_database::cluster::{self, Cluster, Options};
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use crate::cli::Database;

/// The database of the private PostgreSQL.
const NAME: &str = "spectra";
/// Connections of the private PostgreSQL.
const CONNECTIONS: u16 = 100;

/// A database with a role that may make roles and schemas.
pub(crate) struct Store {
    admin: PgConnectOptions,
    cluster: Option<Cluster>,
}

impl Store {
    /// The database, started when it is the private one. It ends with this value.
    pub(crate) async fn own(database: &Database, data: &Path, tell: impl Fn(&str) + Sync) -> Result<Self> {
        if let Some(url) = &database.database_url {
            return Self::given(url);
        }
        let cluster = Cluster::start(&options(database, data), tell).await?;
        let access = cluster.access().clone();
        let mut conn = PgConnection::connect_with(&access.admin("postgres")).await?;
        let there = sqlx::query("SELECT FROM pg_database WHERE datname = $1").bind(NAME).fetch_optional(&mut conn).await?;
        if there.is_none() {
            sqlx::raw_sql("CREATE DATABASE spectra").execute(&mut conn).await?;
        }
        conn.close().await?;
        Ok(Self { admin: quiet(access.admin(NAME)), cluster: Some(cluster) })
    }

    /// The database, shared with a `spectra up` that runs on it, else started.
    pub(crate) async fn shared(database: &Database, data: &Path) -> Result<Self> {
        if database.database_url.is_none()
            && let Some(access) = cluster::running(&options(database, data)).await?
        {
            return Ok(Self { admin: quiet(access.admin(NAME)), cluster: None });
        }
        Self::own(database, data, |told| eprintln!("{told}")).await
    }

    /// How to connect as the role that may make roles and schemas.
    #[must_use]
    pub(crate) fn admin(&self) -> &PgConnectOptions {
        &self.admin
    }

    /// Waits until the private PostgreSQL ends unasked; for ever when the database is one of your own.
    pub(crate) async fn died(&mut self) -> anyhow::Error {
        match &mut self.cluster {
            Some(cluster) => cluster.died().await,
            None => std::future::pending().await,
        }
    }

    /// Ends the private PostgreSQL.
    pub(crate) async fn stop(self) -> Result<()> {
        match self.cluster {
            Some(cluster) => cluster.stop().await,
            None => Ok(()),
        }
    }

    fn given(url: &str) -> Result<Self> {
        let admin = PgConnectOptions::from_str(url)
            .ok()
            .context("DATABASE_URL is no PostgreSQL URL such as postgres://user:password@host/database")?;
        Ok(Self { admin: quiet(admin), cluster: None })
    }
}

/// The program psql, ready to open the database; the private one must be up, because psql outlives
/// this process.
pub(crate) async fn psql(database: &Database, data: &Path) -> Result<Command> {
    if let Some(url) = &database.database_url {
        let mut psql = Command::new("psql");
        psql.arg(url);
        return Ok(psql);
    }
    let access = cluster::running(&options(database, data)).await?;
    access.context("no `spectra up` runs on this data directory; start it, or set DATABASE_URL")?.psql(NAME)
}

fn options(database: &Database, data: &Path) -> Options {
    Options { data: data.to_owned(), durable: true, max_connections: CONNECTIONS, bin: database.pg_bin.clone() }
}

fn quiet(options: PgConnectOptions) -> PgConnectOptions {
    options.disable_statement_logging()
}
