//! The database that a command works on: one of your own, or the private one.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::Path, process::Command, str::FromStr};

use anyhow::{Context, Result, bail};
use percent_encoding::percent_decode_str;
use spectra_database::cluster::{self, Cluster, Options};
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use url::Url;

use crate::cli;

/// The database of the private PostgreSQL.
const NAME: &str = "spectra";
/// Connections of the private PostgreSQL.
const CONNECTIONS: u16 = 100;
/// The setting that names a database of one's own.
pub(crate) const SETTING: &str = "DATABASE_URL";

/// A database with a role that may make roles and schemas.
pub(crate) struct Database {
    admin: PgConnectOptions,
    cluster: Option<Cluster>,
}

impl Database {
    /// The database, started when it is the private one. It ends with this value.
    pub(crate) async fn own(database: &cli::Database, data: &Path, tell: impl Fn(&str) + Sync) -> Result<Self> {
        if let Some(url) = database.url() {
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
    pub(crate) async fn shared(database: &cli::Database, data: &Path) -> Result<Self> {
        if database.url().is_none()
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

    /// The database, if there is one already: only the private one may be missing.
    pub(crate) async fn there(database: &cli::Database, data: &Path) -> Result<Self> {
        if database.url().is_none() && !cluster::exists(data) {
            bail!("there is no database in {} yet; `spectra migrate` makes it, and so does `spectra up`", data.display());
        }
        Self::shared(database, data).await
    }

    fn given(url: &str) -> Result<Self> {
        Ok(Self { admin: named(SETTING, Some(url))?, cluster: None })
    }
}

/// The database of the URL that a setting names.
pub(crate) fn named(setting: &str, url: Option<&str>) -> Result<PgConnectOptions> {
    url.and_then(at).with_context(|| {
        let fault = if url.is_some() { "is no" } else { "is missing: a" };
        format!("{setting} {fault} PostgreSQL URL such as postgres://user:password@host/database")
    })
}

/// How to connect to the PostgreSQL of a URL; none when it is not one.
fn at(url: &str) -> Option<PgConnectOptions> {
    // sqlx takes any scheme for its own.
    let known = url.starts_with("postgres://") || url.starts_with("postgresql://");
    known.then(|| PgConnectOptions::from_str(url).ok().map(quiet)).flatten()
}

/// Whether another process runs the private database of a data directory.
pub(crate) async fn is_running(database: &cli::Database, data: &Path) -> bool {
    database.url().is_none() && matches!(cluster::running(&options(database, data)).await, Ok(Some(_)))
}

/// The program psql, ready to open the database; the private one must be up, because psql outlives
/// this process.
pub(crate) async fn psql(database: &cli::Database, data: &Path) -> Result<Command> {
    if let Some(url) = database.url() {
        return psql_at(url);
    }
    let access = cluster::running(&options(database, data)).await?;
    access.context("no `spectra up` runs on this data directory; start it, or set DATABASE_URL")?.psql(NAME)
}

/// psql on a database of one's own. The arguments of a process are there for everyone to read, so the
/// password goes by the environment.
fn psql_at(url: &str) -> Result<Command> {
    named(SETTING, Some(url))?;
    let mut url = Url::parse(url)?;
    let mut password = url.password().map(str::to_owned);
    let mut rest = Vec::new();
    for pair in url.query().into_iter().flat_map(|query| query.split('&')) {
        match pair.strip_prefix("password=") {
            Some(given) => password = Some(given.to_owned()),
            None => rest.push(pair),
        }
    }
    let rest = rest.join("&");
    url.set_query(if rest.is_empty() { None } else { Some(&rest) });
    // Refused of a URL without a host, which has no password either.
    _ = url.set_password(None);
    let mut psql = Command::new("psql");
    if let Some(password) = password {
        psql.env("PGPASSWORD", OsString::from_vec(percent_decode_str(&password).collect()));
    }
    psql.arg(url.as_str());
    Ok(psql)
}

fn options(database: &cli::Database, data: &Path) -> Options {
    Options { data: data.to_owned(), durable: true, max_connections: CONNECTIONS, bin: database.pg_bin.clone() }
}

fn quiet(options: PgConnectOptions) -> PgConnectOptions {
    options.disable_statement_logging()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psqls_arguments_hold_no_password() {
        for (url, argument, password) in [
            ("postgres://lab:s%40fe@db.lab:5433/lab?sslmode=require", "postgres://lab@db.lab:5433/lab?sslmode=require", Some("s@fe")),
            ("postgres:///lab?host=/run/pg&password=s%40fe", "postgres:///lab?host=/run/pg", Some("s@fe")),
            ("postgres://db.lab/lab", "postgres://db.lab/lab", None),
        ] {
            let psql = psql_at(url).expect("a good URL");
            assert_eq!(psql.get_args().collect::<Vec<_>>(), [argument]);
            let given = psql.get_envs().find_map(|(name, value)| (name == "PGPASSWORD").then_some(value?.to_str()?));
            assert_eq!(given, password, "{url}");
        }
        assert!(psql_at("nowhere").is_err_and(|told| told.to_string().contains("is no PostgreSQL URL")));
    }
}
