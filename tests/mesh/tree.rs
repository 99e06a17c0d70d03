//! The tree itself: formatting, lints, dependencies, contracts, file lengths.
//!
//! A tool that a machine lacks and that cannot be fetched is said to be skipped, with how to get it.
//! Where `CI` is set, those of the toolchain may not be lacking.

use std::{fs, path::Path};

use spectra_tests::tools::{complete, has, python, root, run};

/// No file is longer: what does not fit has two homes in it.
const LONGEST: usize = 400;

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
        run(&buf, &["lint"], "proto").unwrap();
    }
}

/// The buf binary: installed, or fetched once into the target folder.
fn buf() -> Option<String> {
    if has("buf", &["--version"]) {
        return Some("buf".to_owned());
    }
    Some(format!("{}/buf", python("buf", &["buf-bin==1.71.0"])?))
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
