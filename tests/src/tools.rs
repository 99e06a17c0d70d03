//! Other people's programs: run where they are installed, fetched once into the target folder where they are not.
//!
//! What a machine lacks and cannot fetch is said to be skipped. Where `CI` is set, nothing may be lacking.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

/// The top of the tree.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

/// Runs a program in a folder of the tree; what it printed when it failed.
pub fn run(program: &str, args: &[&str], folder: &str) -> Result<(), String> {
    let output = Command::new(program).args(args).current_dir(root().join(folder)).env_remove("RUSTFLAGS").output();
    let output = output.map_err(|error| format!("{program} cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// Whether a program runs.
#[must_use]
pub fn has(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}

/// Whether this machine must lack nothing.
#[must_use]
pub fn complete() -> bool {
    #[expect(clippy::disallowed_methods, reason = "a test has no command line to be configured by")]
    std::env::var_os("CI").is_some()
}

/// Does what takes long beside the services of a test, which answer meanwhile.
pub async fn aside(work: impl FnOnce() -> Result<(), String> + Send + 'static) {
    tokio::task::spawn_blocking(work).await.expect("no panic").unwrap_or_else(|told| panic!("{told}"));
}

/// Where the programs of these packages of npm are; none, said aloud, where they cannot be had.
#[must_use]
pub fn npm(tool: &str, packages: &[&str]) -> Option<String> {
    let options = ["install", "--silent", "--no-fund", "--no-audit", "--prefix"];
    let fetch = |folder: &str| run("npm", &[&options[..], &[folder], packages].concat(), ".");
    fetched(&format!("{tool}-npm"), "node_modules/.bin", packages, fetch)
}

/// Where the programs of these packages of Python are; none, said aloud, where they cannot be had.
#[must_use]
pub fn python(tool: &str, packages: &[&str]) -> Option<String> {
    let fetch = |folder: &str| {
        run("python3", &["-m", "venv", folder], ".")?;
        run(&format!("{folder}/bin/pip"), &[&["install", "--quiet"], packages].concat(), ".")
    };
    fetched(&format!("{tool}-python"), "bin", packages, fetch)
}

/// The folder of a tool's programs; a file in it says which versions are there.
fn fetched(tool: &str, programs: &str, packages: &[&str], fetch: impl FnOnce(&str) -> Result<(), String>) -> Option<String> {
    /// Two tests may want the same.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let (folder, versions) = (root().join("target/tools").join(tool), packages.join(" "));
    let stamp = folder.join("versions");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(&versions) {
        // What a run that was cut left behind looks installed to the installers.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        if let Err(told) = fetch(folder.to_str()?) {
            assert!(!complete(), "{versions} cannot be fetched: {told}");
            println!("skipped: {versions} cannot be fetched: {told}");
            return None;
        }
        fs::write(stamp, versions).expect("a file");
    }
    Some(folder.join(programs).to_str()?.to_owned())
}
