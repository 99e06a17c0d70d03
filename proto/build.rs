//! Compiles the contracts: messages and stubs for Rust, descriptors for everything else.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

#[expect(unreachable_pub, reason = "the crate exports it, this program does not")]
#[path = "src/short_name.rs"]
mod short_name;

use short_name::short_name;

/// Messages that hold passwords or tokens; `src/secret.rs` prints their names alone.
const SECRET: [&str; 8] = [
    "spectra.analysis.v1.ResolveSpcAlertRequest",
    "spectra.identity.v1.CreateProofRequest",
    "spectra.identity.v1.Proof",
    "spectra.identity.v1.RefreshSessionRequest",
    "spectra.identity.v1.SignInRequest",
    "spectra.identity.v1.SignRecordRequest",
    "spectra.identity.v1.TokenPair",
    "spectra.lims.v1.SignElnEntryRequest",
];

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by its environment")]
fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut files = Vec::new();
    contracts(&root.join("spectra"), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    // The bytes go on as they are: a trip through prost-types would drop the policy options.
    let contract = compiler.encode_file_descriptor_set();
    fs::write(out.join("contract.bin"), contract)?;
    let bare = compiler.include_source_info(false).encode_file_descriptor_set();
    fs::write(out.join("bare.bin"), bare)?;
    compiler.include_source_info(true);

    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    config.skip_debug(SECRET);
    tonic_prost_build::configure().build_transport(true).compile_fds_with_config(compiler.file_descriptor_set(), config)?;

    fs::write(out.join("labels.rs"), labels(&compiler.file_descriptor_set())?)?;

    println!("cargo::rerun-if-changed=spectra");
    println!("cargo::rerun-if-changed=google");
    println!("cargo::rerun-if-changed=buf");
    Ok(())
}

/// Every `.proto` below `folder`.
fn contracts(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            contracts(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    Ok(())
}

/// `Label` for every enum of the product: the short names in lower case, as JSON and the database know them.
fn labels(contract: &prost_types::FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let mut code = String::new();
    for file in &contract.file {
        let Some(package) = file.package().strip_prefix("spectra.") else { continue };
        let module = package.replace("type.", "r#type.").replace('.', "::");
        for declared in &file.enum_type {
            let (mut to, mut from) = (String::new(), String::new());
            for value in declared.value.iter().filter(|value| value.number() != 0) {
                let label = short_name(declared.name(), value.name());
                if label == value.name().to_lowercase() {
                    return Err(format!("{} of {} has not its enum's name before its own", value.name(), declared.name()).into());
                }
                writeln!(to, "            {} => \"{label}\",", value.number())?;
                writeln!(from, "            \"{label}\" => {},", value.number())?;
            }
            writeln!(
                code,
                "impl Label for crate::generated::spectra::{module}::{name} {{
    fn label(self) -> &'static str {{
        match self as i32 {{
{to}            _ => \"\",
        }}
    }}

    fn from_label(label: &str) -> Option<Self> {{
        Self::try_from(match label {{
{from}            _ => return None,
        }}).ok()
    }}
}}
",
                name = declared.name(),
            )?;
        }
    }
    Ok(code)
}
