//! How the program is linked.

use std::{env, process::Command};

/// The C library that reads packed relocations.
const PACKED: (u32, u32) = (2, 36);

/// Packs what tells the loader where addresses are to be adjusted: two megabytes less to read at each start, and four less resident in
/// each process. A program that is packed asks for a C library that is new enough, so it is not packed where the one here is not, nor
/// where `SPECTRA_PORTABLE` says that it is to run elsewhere.
#[expect(clippy::disallowed_methods, reason = "cargo tells a build by the environment")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SPECTRA_PORTABLE");
    let told = |name| env::var(name).unwrap_or_default();
    let native = told("HOST") == told("TARGET") && told("CARGO_CFG_TARGET_OS") == "linux" && told("CARGO_CFG_TARGET_ENV") == "gnu";
    if native && told("SPECTRA_PORTABLE").is_empty() && glibc().is_some_and(|version| version >= PACKED) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of the C library here; none where there is another.
fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let (major, minor) = std::str::from_utf8(&told.stdout).ok()?.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
