//! The command line of `spectra audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Database;

/// The audit trail.
#[derive(Clone, Debug, Args)]
pub struct Audit {
    /// What to do with it.
    #[command(subcommand)]
    pub action: AuditAction,
    /// Where the private database is kept.
    #[arg(long, env = "SPECTRA_DATA", default_value = ".spectra", global = true)]
    pub data: PathBuf,
    /// Where the database is.
    #[command(flatten)]
    pub database: Database,
}

/// What to do with the audit trail.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditAction {
    /// Checks that no event was changed, taken out, put in or moved.
    ///
    /// Ends with 0 when every chain is whole, 1 when one is broken, 2 when it cannot be read.
    Verify {
        /// The organization, by its slug or its id; every one when unset.
        #[arg(long = "org", value_name = "ORG")]
        organization: Option<String>,
        /// The link to begin at.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
        from: i64,
        /// Heads that were kept, as `heads` prints them; those that `up` keeps in the data directory when unset.
        #[arg(long)]
        head: Option<PathBuf>,
    },
    /// Prints where every chain ends, a line of JSON for each. Kept out of the database's reach, it shows when the end is
    /// cut off, all is rewritten, or an old backup restored.
    Heads,
}
