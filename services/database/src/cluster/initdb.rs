//! Making a cluster: beside its place, then moved there whole, so that a start cut short leaves none that is half done.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::{
    account::{Account, LOCALE},
    home::Home,
    programs::Programs,
};

/// Begins the names of directories in which a cluster is being made.
const STAGING: &str = "new-";

/// The superuser of every cluster.
pub(super) const SUPERUSER: &str = "postgres";

/// Makes the cluster of a home, with a password for its superuser and no other way in.
pub(super) async fn run(programs: &Programs, home: &Home, password: &str, durable: bool) -> Result<()> {
    let staging = tempfile::Builder::new()
        .prefix(STAGING)
        .tempdir_in(home.path())
        .with_context(|| format!("cannot write in {}", home.path().display()))?;
    let account = home.account();
    account.give(staging.path()).context("cannot hand a directory over to the cluster's account")?;
    let secret = staging.path().join("password");
    hand_over(account, &secret, password).context("cannot hand the password over to initdb")?;
    let draft = staging.path().join("data");
    let mut command = Command::from(account.command(programs.path("initdb")));
    command.arg("--pgdata").arg(&draft).arg("--pwfile").arg(&secret);
    command.arg(format!("--username={SUPERUSER}")).arg(format!("--locale={LOCALE}")).args([
        "--encoding=UTF8",
        // Text is ordered by its bytes, alike on every machine.
        "--lc-collate=C",
        "--auth-local=scram-sha-256",
        "--auth-host=reject",
        "--data-checksums",
    ]);
    if !durable {
        command.arg("--no-sync");
    }
    let done = command.kill_on_drop(true).output().await.context("cannot run initdb")?;
    if !done.status.success() {
        bail!("initdb could not make a database cluster: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    move_into_place(&draft, home).with_context(|| format!("cannot put the new cluster into {}", home.path().display()))
}

fn move_into_place(draft: &Path, home: &Home) -> io::Result<()> {
    fs::rename(draft, home.cluster())?;
    File::open(home.path())?.sync_all()
}

/// Removes what launchers that were killed while making a cluster left behind.
///
/// The lock keeps other launchers out, but an orphan of a killed one may still be writing: what resists goes next time.
pub(super) fn clear_leftovers(home: &Home) {
    for entry in fs::read_dir(home.path()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn hand_over(account: Account, secret: &Path, password: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(secret)?;
    writeln!(file, "{password}")?;
    account.give(secret)
}
