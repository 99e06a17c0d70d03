//! Checks every statement of the workspace against a freshly migrated database, and writes the
//! metadata that builds without a database read.

use std::{
    fs,
    path::Path,
    process::{Command, ExitStatus},
    time::SystemTime,
};

use anyhow::{Context, Result, ensure};
use spectra_database::{
    cluster::{Cluster, Options},
    schema,
};
use sqlx::ConnectOptions;

const CRATES: [&str; 4] = ["mesh", "identity", "lims", "analysis"];

#[tokio::main]
async fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let scratch = std::env::temp_dir().join(format!("spectra-prepare-{}", std::process::id()));
    let options = Options { data: scratch.clone(), durable: false, max_connections: 50, bin: None };
    let cluster = Cluster::start(&options, |told| eprintln!("{told}")).await?;
    let admin = cluster.admin("postgres");
    schema::migrate(&admin).await?;

    let metadata = root.join(".sqlx");
    _ = fs::remove_dir_all(&metadata);
    fs::create_dir(&metadata)?;
    let checked = check(&root, &metadata, &format!("{}&options[search_path]=identity,lims,analysis", admin.to_url_lossy()))?;
    cluster.stop().await?;
    _ = fs::remove_dir_all(&scratch);
    ensure!(checked.success(), "the statements above do not fit the schema");
    println!("{} statements checked", fs::read_dir(metadata)?.count());
    Ok(())
}

fn check(root: &Path, metadata: &Path, url: &str) -> Result<ExitStatus> {
    for name in CRATES {
        // The macros look at the database again when the crate is compiled again.
        #[expect(clippy::disallowed_methods, reason = "a file's time, for cargo")]
        fs::File::options().append(true).open(root.join(format!("services/{name}/src/lib.rs")))?.set_modified(SystemTime::now())?;
    }
    Command::new("cargo")
        .args(["check", "--workspace"])
        .current_dir(root)
        .env("DATABASE_URL", url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", metadata)
        .status()
        .context("cargo cannot be started")
}
