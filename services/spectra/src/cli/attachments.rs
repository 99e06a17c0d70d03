//! Where LIMS keeps files.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use spectra_lims::{Files, Place};

/// The most that the contract lets through.
const MOST: u64 = 5 << 30;

/// Where attachments are kept, how large they may be, and what they leave free.
#[derive(Clone, Debug, Args)]
pub struct Attachments {
    /// A directory, `file:///DIRECTORY`, or `s3://BUCKET/PREFIX`; a directory among the data of `up`, or `.spectra/attachments`, when unset.
    ///
    /// Of a bucket, the standard `AWS_` variables say where it is and who we are there: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_REGION`, and for other servers than Amazon's `AWS_ENDPOINT_URL` and `AWS_ALLOW_HTTP=true`.
    #[arg(long = "attachments", env = "SPECTRA_ATTACHMENTS", value_name = "PLACE")]
    pub place: Option<String>,
    /// How large an attachment may be, in bytes.
    #[arg(long = "attachment-bytes", env = "SPECTRA_ATTACHMENT_BYTES", default_value_t = MOST, value_parser = clap::value_parser!(u64).range(1..=MOST))]
    pub most: u64,
    /// How much of the disk of a directory is left free, in bytes; a twentieth of it, and 256 MiB at most, when unset.
    #[arg(long = "attachment-reserve", env = "SPECTRA_ATTACHMENT_RESERVE", value_name = "BYTES")]
    pub reserve: Option<u64>,
}

impl Attachments {
    /// Opens the store of files; by default below the data directory, where there is one.
    pub(crate) fn open(&self, data: Option<&Path>) -> Result<Files> {
        let place = match (&self.place, data) {
            (Some(place), _) => read(place)?,
            (None, data) => Place::Directory(data.unwrap_or(Path::new(".spectra")).join("attachments")),
        };
        Ok(Files::open(&place, self.most, self.reserve)?)
    }

    pub(super) fn fault(&self) -> Option<String> {
        self.place.as_deref().and_then(|place| read(place).err()).map(|fault| fault.to_string())
    }
}

fn read(place: &str) -> Result<Place> {
    Place::read(place).map_err(|fault| anyhow::anyhow!("--attachments {fault}"))
}
