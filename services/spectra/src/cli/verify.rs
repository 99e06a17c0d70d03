//! The command line of `spectra verify-signature`.

use std::path::PathBuf;

use clap::Args;

/// An export to check.
#[derive(Clone, Debug, Args)]
pub struct VerifySignature {
    /// The file, in either form of the export.
    pub file: PathBuf,
    /// The public key of the lab, as `/api/identity/signature-keys` lists it, or a file that holds it; the one that the
    /// export names when unset.
    // In base64url, one key of 64 begins with a hyphen.
    #[arg(long, allow_hyphen_values = true)]
    pub key: Option<String>,
}
