//! One PostgreSQL a run, a template, and a copy of it for each mesh.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc,
};

use anyhow::{Context, Result};
use spectra::{secrets::Secrets, seed};
use spectra_database::{
    cluster::{Access, Cluster, Options},
    schema,
};
use spectra_identity::directory::Directory;
use spectra_mesh::{Pools, SystemDb};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

/// The cluster of this run, and the secrets that its roles' passwords follow from.
pub(crate) struct Run {
    access: Access,
    pub(crate) secrets: Secrets,
}

const TEMPLATE: &str = "spectra_template";

static RUN: OnceCell<Run> = OnceCell::const_new();

/// The cluster, started by whoever asks first.
pub(crate) async fn run() -> &'static Run {
    RUN.get_or_init(|| async { start().await.expect("a private PostgreSQL for the tests") }).await
}

impl Run {
    /// A new database, with everything the template has or with nothing at all.
    pub(crate) async fn database(&self, empty: bool) -> Result<PgConnectOptions> {
        let name = format!("t_{}", spectra_mesh::new_id().simple());
        let template = if empty { "template0" } else { TEMPLATE };
        let mut conn = PgConnection::connect_with(&self.access.admin("postgres")).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {template}"))).execute(&mut conn).await?;
        Ok(self.access.admin(&name))
    }
}

async fn start() -> Result<Run> {
    let (send, receive) = mpsc::channel();
    // The cluster outlives the test that happened to come first, and its runtime.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            let started = async {
                let options = Options { data: folder()?, durable: false, max_connections: 300, bin: None };
                Cluster::start(&options, |_| {}).await
            };
            match started.await {
                Ok(cluster) => {
                    _ = send.send(Ok(cluster.access().clone()));
                    std::future::pending::<()>().await;
                    drop(cluster);
                }
                Err(error) => _ = send.send(Err(error)),
            }
        });
    });
    let access: Access = tokio::task::spawn_blocking(move || receive.recv()).await??.context("starting the tests' cluster")?;
    let run = Run { access, secrets: Secrets::fleeting() };
    template(&run).await?;
    Ok(run)
}

/// Makes the template: migrated, with the people of both organizations.
async fn template(run: &Run) -> Result<()> {
    let mut conn = PgConnection::connect_with(&run.access.admin("postgres")).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {TEMPLATE}"))).execute(&mut conn).await?;
    let admin = run.access.admin(TEMPLATE);
    schema::migrate(&admin).await?;
    run.secrets.admit(&admin).await?;
    let system = run.secrets.application(&admin, "spectra_identity_system");
    let system = SystemDb::connect(system, Pools { max: 1, min: 0 }).await?;
    seed::enrol(&Directory::open(system.clone(), &crate::mesh::config(&run.secrets)).await?).await?;
    system.close().await;
    Ok(())
}

/// The run's own folder; those of runs that are over are removed.
fn folder() -> Result<PathBuf> {
    const PREFIX: &str = "spectra-tests-";
    let all = std::env::temp_dir();
    for entry in fs::read_dir(&all)?.flatten() {
        let name = entry.file_name();
        let run = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|pid| pid.parse::<u32>().ok());
        if run.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(all.join(format!("{PREFIX}{}", std::process::id())))
}
