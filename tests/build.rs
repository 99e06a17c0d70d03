//! Compiles the contract of the proof ground: a service that proves the gateway beyond what the product offers today.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

const FILES: [&str; 4] = ["files.proto", "forms.proto", "kinds.proto", "streams.proto"];

/// What the product's contract compiled already.
const KNOWN: [(&str, &str); 2] = [(".spectra.type.v1", "::spectra_proto::types"), (".spectra.policy.v1", "::spectra_proto::policy")];

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by its environment")]
fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let folders = ["ground", "../services/gateway/tests/transcode", "../proto"].map(|folder| root.join(folder));
    let mut compiler = protox::Compiler::new(&folders)?;
    compiler.include_imports(true).open_files(FILES.map(Path::new))?;
    fs::write(out.join("ground.bin"), compiler.encode_file_descriptor_set())?;

    let configured = tonic_prost_build::configure();
    let configured = KNOWN.into_iter().fold(configured, |configured, (package, path)| configured.extern_path(package, path));
    configured.compile_fds(compiler.file_descriptor_set())?;
    for folder in folders {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    Ok(())
}
