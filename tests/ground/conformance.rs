//! JSON as another implementation of protobuf has it: messages drawn at random go through the gateway and come back.

use std::fs;

use spectra_tests::tools;

use crate::stage::{DESCRIPTORS, Stage};

/// What is fetched for Python.
const PYPI: [&str; 1] = ["protobuf==7.36.2"];

#[tokio::test]
async fn json_is_understood_both_ways_by_pythons_protobuf() {
    let Some(python) = tools::python("conformance", &PYPI) else { return };
    let stage = Stage::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let contract = folder.path().join("ground.bin");
    fs::write(&contract, DESCRIPTORS).expect("a file");
    let script = tools::root().join("tests/ground/conformance.py");
    let url = format!("http://{}", stage.gateway);
    tools::aside(move || {
        let (script, contract) = (script.to_str().ok_or("a path")?, contract.to_str().ok_or("a path")?);
        tools::run(&format!("{python}/python"), &[script, contract, &url], ".")
    })
    .await;
}
