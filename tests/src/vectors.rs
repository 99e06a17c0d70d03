//! Test material with known answers, which may lie beside the checkout.

use std::{fs, path::PathBuf};

use serde_json::Value;

/// The vectors in `file`, or nothing, said aloud, where there are none.
///
/// They are looked for where `SPECTRA_VECTORS` points, else in `shared/vectors` beside the checkout.
#[must_use]
pub fn vectors(file: &str) -> Option<Value> {
    #[expect(clippy::disallowed_methods, reason = "a test has no command line to be configured by")]
    let named = std::env::var_os("SPECTRA_VECTORS").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"));
    let path = folder.join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: no vectors at {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("vectors are JSON"))
}
