//! The private PostgreSQL of `spectra up` and of the tests.
//!
//! One cluster per data directory, reached over a socket in a private directory, signed in to with a generated
//! password, and gone with the process that started it, however that process ends.

mod access;
mod account;
mod fetch;
mod home;
mod initdb;
mod lock;
mod log;
mod password;
mod postmaster;
mod programs;
mod server;
mod sha256;
mod unpack;

#[cfg(test)]
mod tests;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use sqlx::postgres::PgConnectOptions;

pub use self::access::Access;
use self::{home::Home, programs::Programs, server::Server};

/// Takes the short sentences that say what is being done.
type Tell<'a> = &'a (dyn Fn(&str) + Sync);

/// How a cluster is to be run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory that is the cluster's, made when it is missing.
    pub data: PathBuf,
    /// Whether commits are to survive a power cut; tests do without and are faster.
    pub durable: bool,
    /// How many connections the server takes at once.
    pub max_connections: u16,
    /// The directory of the server's programs, where the search is to be skipped.
    pub bin: Option<PathBuf>,
}

/// A running PostgreSQL that ends with this value, or at the latest with this process.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    access: Access,
    home: Home,
    // Last, so that it is given up after the server was told to end.
    _lock: File,
}

impl Cluster {
    /// Finds the server's programs, makes the cluster when there is none, starts it, and answers when it takes connections.
    ///
    /// `tell` is called with short sentences on what is being done.
    pub async fn start(options: &Options, tell: impl Fn(&str) + Sync) -> Result<Self> {
        let tell: Tell<'_> = &tell;
        let data = home::make_data_directory(&options.data)?;
        let lock = lock::take(&data).await?;
        let kept = password::read(&data)?;
        let home = Home::settle(&data, kept.is_some(), tell)?;
        initdb::clear_leftovers(&home);
        let made_by = home.made_by()?;
        if made_by.is_some() && kept.is_none() {
            bail!(
                "the database cluster in {} has lost its password file {}; put the file back, or move the cluster away to begin anew",
                home.cluster().display(),
                password::file(&data).display()
            );
        }
        let programs = Programs::find(options.bin.as_deref(), made_by, home.account(), &data, tell).await?;
        let password = match kept {
            Some(password) => password,
            None => password::make(&data)?,
        };
        if made_by.is_none() {
            tell(&format!("making a new database cluster in {}", home.cluster().display()));
            initdb::run(&programs, &home, &password, options.durable).await?;
        }
        tell(&format!("starting PostgreSQL {}", programs.release()));
        let server = Server::start(&programs, &home, options, &log::file(&data), tell).await?;
        let access = Access::new(&home.socket_directory(), password, &programs);
        access.try_once().await.with_context(|| format!("PostgreSQL runs in {}, but signing in to it failed", home.cluster().display()))?;
        Ok(Self { server, access, home, _lock: lock })
    }

    /// How to reach this cluster; outlives the borrow, and is of no use once the cluster has stopped.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Connection options of the superuser for a database.
    #[must_use]
    pub fn admin(&self, database: &str) -> PgConnectOptions {
        self.access.admin(database)
    }

    /// Waits until PostgreSQL ends unasked, and says what it said last; dropping the wait is harmless.
    pub async fn died(&mut self) -> anyhow::Error {
        self.server.died().await
    }

    /// Shuts PostgreSQL down, cutting its connections, and waits until it is gone.
    pub async fn stop(self) -> Result<()> {
        self.server.stop().await?;
        self.home.leave();
        Ok(())
    }
}

/// Whether a data directory has a cluster.
#[must_use]
pub fn exists(data: &Path) -> bool {
    data.canonicalize().is_ok_and(|data| matches!(Home::find(&data), Ok(Some(_)) | Err(_)))
}

/// How to reach the cluster of a data directory that another process runs, if one does.
pub async fn running(options: &Options) -> Result<Option<Access>> {
    let Ok(data) = options.data.canonicalize() else {
        return Ok(None);
    };
    let (Some(home), Some(password)) = (Home::find(&data)?, password::read(&data)?) else {
        return Ok(None);
    };
    let Some(socket) = postmaster::read(&home.cluster()).filter(postmaster::Postmaster::answers) else {
        return Ok(None);
    };
    let programs = Programs::find(options.bin.as_deref(), home.made_by()?, home.account(), &data, &|_| {}).await?;
    Ok(Some(Access::new(&socket.directory, password, &programs)))
}
