//! How a running cluster is reached.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use sqlx::{
    Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::{initdb::SUPERUSER, postmaster::PORT, programs::Programs};

/// Says how to reach a running cluster as its superuser.
#[derive(Clone)]
pub struct Access {
    socket_directory: PathBuf,
    password: String,
    psql: Option<PathBuf>,
}

impl Access {
    pub(super) fn new(socket_directory: &Path, password: String, programs: &Programs) -> Self {
        Self { socket_directory: socket_directory.to_owned(), password, psql: programs.psql() }
    }

    /// Connection options of the superuser for a database.
    #[must_use]
    pub fn admin(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.socket_directory)
            .port(PORT)
            .username(SUPERUSER)
            .password(&self.password)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    /// The program psql, made ready to connect to a database as the superuser; the caller adds arguments and runs it.
    pub fn psql(&self, database: &str) -> Result<Command> {
        let psql = self
            .psql
            .as_ref()
            .context("psql was not found; install PostgreSQL's client programs, for example with `apt install postgresql-client`")?;
        let mut command = Command::new(psql);
        // Each of these would outdo what is set below.
        for foreign in ["PGHOSTADDR", "PGSERVICE", "PGOPTIONS"] {
            command.env_remove(foreign);
        }
        command
            .env("PGHOST", &self.socket_directory)
            .env("PGPORT", PORT.to_string())
            .env("PGUSER", SUPERUSER)
            .env("PGPASSWORD", &self.password)
            .env("PGDATABASE", database)
            .env("PGSSLMODE", "disable");
        Ok(command)
    }

    /// Signs in and leaves again.
    pub(super) async fn try_once(&self) -> sqlx::Result<()> {
        PgConnection::connect_with(&self.admin("postgres")).await?.close().await
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("socket_directory", &self.socket_directory).finish_non_exhaustive()
    }
}
