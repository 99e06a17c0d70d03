//! The document in the hands of other people's tools: a linter, and clients that are generated from it and used.

use std::{fs, path::PathBuf, sync::OnceLock};

use spectra_tests::Mesh;
use tempfile::TempDir;

use crate::tree::{complete, root, run};

/// What is fetched from npm, each with its version.
const NPM: [&str; 3] = ["@redocly/cli@2.77.0", "openapi-typescript@7.13.0", "typescript@5.9.3"];
/// What is fetched for Python.
const PYPI: &str = "openapi-python-client==0.29.1";

#[test]
fn a_linter_finds_nothing() {
    let Some(npm) = npm() else { return };
    let work = Work::new();
    let config = work.path("redocly.yaml");
    fs::write(&config, "extends: [recommended-strict]\ntelemetry: off\n").unwrap();
    run(&format!("{npm}/redocly"), &["lint", "--config", &config, &work.document], ".").unwrap();
}

#[tokio::test]
async fn a_generated_python_client_goes_a_round_trip() {
    let Some(python) = python() else { return };
    let (mesh, work) = (Mesh::start().await, Work::new());
    let (url, script) = (mesh.url(), source("round_trip.py"));
    aside(move || {
        let client = work.path("spectra_client");
        let generate = ["generate", "--meta", "none", "--path", &work.document, "--output-path", &client];
        run(&format!("{python}/openapi-python-client"), &generate, ".")?;
        run(&format!("{python}/python"), &[&script, &work.path(""), &url], ".")
    })
    .await;
}

#[tokio::test]
async fn generated_typescript_types_go_a_round_trip() {
    let Some(npm) = npm() else { return };
    let (mesh, work) = (Mesh::start().await, Work::new());
    let url = mesh.url();
    fs::copy(source("round_trip.ts"), work.path("round_trip.ts")).unwrap();
    aside(move || {
        run(&format!("{npm}/openapi-typescript"), &[&work.document, "--output", &work.path("contract.ts")], ".")?;
        let compile = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", &work.path("round_trip.ts")];
        run(&format!("{npm}/tsc"), &compile, ".")?;
        run("node", &[&work.path("round_trip.js"), &url], ".")
    })
    .await;
}

/// A folder with the document in it, gone when it is dropped.
struct Work {
    folder: TempDir,
    document: String,
}

impl Work {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let document = folder.path().join("openapi.json").to_str().unwrap().to_owned();
        fs::write(&document, spectra_gateway::openapi()).unwrap();
        fs::write(folder.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
        Self { folder, document }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

/// Does what takes long beside the mesh, which answers meanwhile.
async fn aside(work: impl FnOnce() -> Result<(), String> + Send + 'static) {
    tokio::task::spawn_blocking(work).await.unwrap().unwrap();
}

fn source(name: &str) -> String {
    root().join("tests/mesh/openapi").join(name).to_str().unwrap().to_owned()
}

/// Where the programs of npm are, fetched once into the target folder.
fn npm() -> Option<String> {
    static FETCHED: OnceLock<Option<String>> = OnceLock::new();
    let fetch =
        |folder: &str| run("npm", &[&["install", "--silent", "--no-fund", "--no-audit", "--prefix", folder], &NPM[..]].concat(), ".");
    FETCHED.get_or_init(|| fetched("openapi-npm", "node_modules/.bin", &NPM.join(" "), fetch)).clone()
}

/// Where the programs of Python are, fetched once into the target folder.
fn python() -> Option<String> {
    static FETCHED: OnceLock<Option<String>> = OnceLock::new();
    let fetch = |folder: &str| {
        run("python3", &["-m", "venv", folder], ".")?;
        run(&format!("{folder}/bin/pip"), &["install", "--quiet", PYPI], ".")
    };
    FETCHED.get_or_init(|| fetched("openapi-python", "bin", PYPI, fetch)).clone()
}

/// The folder of a tool's programs; a file in it says which versions are there.
fn fetched(tool: &str, programs: &str, versions: &str, fetch: impl FnOnce(&str) -> Result<(), String>) -> Option<String> {
    let folder: PathBuf = root().join("target/tools").join(tool);
    let stamp = folder.join("versions");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(versions) {
        fs::create_dir_all(&folder).unwrap();
        if let Err(told) = fetch(folder.to_str()?) {
            assert!(!complete(), "{versions} cannot be fetched: {told}");
            println!("skipped: {versions} cannot be fetched: {told}");
            return None;
        }
        fs::write(stamp, versions).unwrap();
    }
    Some(folder.join(programs).to_str()?.to_owned())
}
