//! The document in the hands of other people's tools: a linter, and clients that are generated from it and used.

use std::fs;

use spectra_tests::{
    Mesh,
    tools::{self, root, run},
};
use tempfile::TempDir;

/// What is fetched from npm, each with its version.
const NPM: [&str; 3] = ["@redocly/cli@2.77.0", "openapi-typescript@7.13.0", "typescript@5.9.3"];
/// What is fetched for Python.
const PYPI: [&str; 1] = ["openapi-python-client==0.29.1"];

#[test]
fn a_linter_finds_nothing() {
    let Some(npm) = tools::npm("openapi", &NPM) else { return };
    let work = Work::new();
    let config = work.path("redocly.yaml");
    fs::write(&config, "extends: [recommended-strict]\ntelemetry: off\n").unwrap();
    run(&format!("{npm}/redocly"), &["lint", "--config", &config, &work.document], ".").unwrap();
}

#[tokio::test]
async fn a_generated_python_client_goes_a_round_trip() {
    let Some(python) = tools::python("openapi", &PYPI) else { return };
    let (mesh, work) = (Mesh::start().await, Work::new());
    let (url, script) = (mesh.url(), source("round_trip.py"));
    tools::aside(move || {
        let client = work.path("spectra_client");
        let generate = ["generate", "--meta", "none", "--path", &work.document, "--output-path", &client];
        run(&format!("{python}/openapi-python-client"), &generate, ".")?;
        run(&format!("{python}/python"), &[&script, &work.path(""), &url], ".")
    })
    .await;
}

#[tokio::test]
async fn generated_typescript_types_go_a_round_trip() {
    let Some(npm) = tools::npm("openapi", &NPM) else { return };
    let (mesh, work) = (Mesh::start().await, Work::new());
    let url = mesh.url();
    fs::copy(source("round_trip.ts"), work.path("round_trip.ts")).unwrap();
    tools::aside(move || {
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

fn source(name: &str) -> String {
    root().join("tests/mesh/openapi").join(name).to_str().unwrap().to_owned()
}
