//! The secrets of one installation of `spectra up`: made at its first start, and all from one.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::{Context, Result, ensure};
use aws_lc_rs::{hmac, rand};
use spectra_mesh::hex;

/// The file in the data directory.
const FILE: &str = "secret";

/// One random number, from which every other secret follows. Without it the sealed signing keys
/// of the database cannot be opened.
#[derive(Clone)]
pub struct Secrets(hmac::Key);

impl Secrets {
    /// Reads the secret of a data directory, or makes it.
    pub fn of(data: &Path) -> Result<Self> {
        let file = data.join(FILE);
        if let Ok(text) = fs::read_to_string(&file) {
            let text = text.trim();
            ensure!(text.len() == 64, "{} is damaged; put back the one that was made with this database", file.display());
            return Ok(Self::from_text(text));
        }
        let mut random = [0; 32];
        rand::fill(&mut random).ok().context("the system gives no random numbers")?;
        let text = hex(&random);
        fs::create_dir_all(data)?;
        // A half-written secret would be taken for the real one: write aside, then rename.
        let new = data.join(format!("{FILE}.new"));
        let mut handle = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        writeln!(handle, "{text}")?;
        handle.sync_all()?;
        fs::rename(new, file)?;
        Ok(Self::from_text(&text))
    }

    /// Secrets that last as long as this value; for tests.
    #[must_use]
    pub fn fleeting() -> Self {
        Self::from_text(&spectra_mesh::new_id().to_string())
    }

    /// The password of a database role.
    #[must_use]
    pub fn password(&self, role: &str) -> String {
        hex(&self.derive("database role", role))
    }

    /// The key that seals what the database keeps sealed.
    #[must_use]
    pub fn key_encryption_key(&self) -> [u8; 32] {
        self.derive("key encryption", "")
    }

    fn from_text(text: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes()))
    }

    fn derive(&self, purpose: &str, of: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.0, format!("spectra {purpose} {of}").as_bytes());
        let mut derived = [0; 32];
        derived.copy_from_slice(tag.as_ref());
        derived
    }
}
