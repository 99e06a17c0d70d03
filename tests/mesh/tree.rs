//! The tree itself: formatting, lints, dependencies, contracts, file lengths.
//!
//! A tool that a machine lacks and that cannot be fetched is said to be skipped, with how to get it.
//! Where `CI` is set, those of the toolchain may not be lacking.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// No file is longer: what does not fit has two homes in it.
const LONGEST: usize = 400;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

/// Runs a tool in the workspace; what it printed when it failed.
pub(crate) fn run(program: &str, args: &[&str], folder: &str) -> Result<(), String> {
    let output = Command::new(program).args(args).current_dir(root().join(folder)).env_remove("RUSTFLAGS").output();
    let output = output.map_err(|error| format!("{program} cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

fn has(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}

/// Whether to go on without a component of the toolchain; an error where all of them must be there.
fn skipped(tool: &str, component: &str, complete: bool) -> Result<bool, String> {
    if has("cargo", &[tool, "--version"]) {
        return Ok(false);
    }
    let lacking = format!("{component} is not installed; `rustup component add {component}` installs it");
    if complete {
        return Err(lacking);
    }
    println!("skipped: {lacking}");
    Ok(true)
}

/// Whether this machine's toolchain must be complete.
pub(crate) fn complete() -> bool {
    #[expect(clippy::disallowed_methods, reason = "a test has no command line to be configured by")]
    std::env::var_os("CI").is_some()
}

#[test]
fn a_lacking_tool_is_skipped_but_where_all_must_be_there() {
    assert_eq!(skipped("no-such-tool", "nothing", false), Ok(true));
    assert!(skipped("no-such-tool", "nothing", true).unwrap_err().contains("`rustup component add nothing`"));
}

#[test]
fn the_code_is_formatted() {
    if skipped("fmt", "rustfmt", complete()).unwrap() {
        return;
    }
    run("cargo", &["fmt", "--all", "--check"], ".").unwrap();
}

#[test]
fn the_lints_hold() {
    if skipped("clippy", "clippy", complete()).unwrap() {
        return;
    }
    run("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"], ".").unwrap();
}

#[test]
fn the_dependencies_keep_the_rules() {
    if !has("cargo", &["deny", "--version"]) {
        println!("skipped: cargo-deny is not installed; `cargo install cargo-deny` installs it");
        return;
    }
    run("cargo", &["deny", "check", "bans", "licenses", "sources"], ".").unwrap();
}

#[test]
fn the_contracts_pass_buf() {
    if let Some(buf) = buf() {
        run(buf.to_str().unwrap(), &["lint"], "proto").unwrap();
    }
}

/// The buf binary: installed, or fetched once into the target folder.
fn buf() -> Option<PathBuf> {
    if has("buf", &["--version"]) {
        return Some("buf".into());
    }
    let folder = root().join("target/tools/buf");
    let program = folder.join("bin/buf");
    if !program.exists() {
        let install = ["-m", "pip", "install", "--quiet", "--target", folder.to_str()?, "buf-bin==1.71.0"];
        if let Err(told) = run("python3", &install, ".") {
            println!("skipped: buf is not installed and cannot be fetched: {told}");
            return None;
        }
    }
    Some(program)
}

#[test]
fn no_file_is_too_long() {
    let mut long = Vec::new();
    visit(&root(), &mut |path, text| {
        let lines = text.lines().count();
        let counts = ["rs", "proto", "sql", "toml", "sh"].iter().any(|kind| path.extension().is_some_and(|extension| extension == *kind));
        if counts && lines > LONGEST {
            long.push(format!("{} has {lines} lines", path.display()));
        }
    });
    assert_eq!(long, Vec::<String>::new());
}

/// Shows every text file of the tree, but for what is built.
fn visit(folder: &Path, show: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if name == "target" || name.to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            visit(&path, show);
        } else if let Ok(text) = fs::read_to_string(&path) {
            show(&path, &text);
        }
    }
}
