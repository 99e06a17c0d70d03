//! The secrets of one installation of `spectra up`: made at its first start, and all from one.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use aws_lc_rs::hmac;
use spectra_database::{schema, secret_file};
use spectra_mesh::{hex, random};
use sqlx::postgres::PgConnectOptions;

/// The file in the data directory.
const FILE: &str = "secret";

/// One random number, from which every other secret follows. Without it the sealed signing keys
/// of the database cannot be opened.
#[derive(Clone)]
pub struct Secrets(hmac::Key);

impl Secrets {
    /// Reads the secret of a data directory, or makes it.
    pub fn of(data: &Path) -> Result<Self> {
        if let Some(secrets) = Self::read(data)? {
            return Ok(secrets);
        }
        let file = data.join(FILE);
        let text = hex(&random::<32>().context("the system gives no random numbers")?);
        fs::create_dir_all(data)?;
        secret_file::write(&file, &text).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self::from_text(&text))
    }

    /// Reads the secret of a data directory, if there is one.
    pub fn read(data: &Path) -> Result<Option<Self>> {
        let file = data.join(FILE);
        let Some(text) = secret_file::read(&file).with_context(|| format!("cannot read {}", file.display()))? else { return Ok(None) };
        ensure!(text.len() == 64, "{} is damaged; put back the one that was made with this database", file.display());
        Ok(Some(Self::from_text(&text)))
    }

    /// Secrets that last as long as this value; for tests.
    #[must_use]
    pub fn fleeting() -> Self {
        Self::from_text(&spectra_mesh::new_id().to_string())
    }

    /// Lets every application role sign in to the database with its password.
    pub async fn admit(&self, admin: &PgConnectOptions) -> Result<()> {
        schema::admit(admin, |role| self.password(role)).await
    }

    /// How to connect to the database as one of its application roles.
    #[must_use]
    pub fn application(&self, admin: &PgConnectOptions, role: &str) -> PgConnectOptions {
        admin.clone().username(role).password(&self.password(role))
    }

    /// The key that seals what the database keeps sealed.
    #[must_use]
    pub fn key_encryption_key(&self) -> [u8; 32] {
        self.derive("key encryption", "")
    }

    /// The password of a database role.
    fn password(&self, role: &str) -> String {
        hex(&self.derive("database role", role))
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

/// Reads a key-encryption key.
pub(crate) fn key_encryption_key(file: Option<&Path>) -> Result<[u8; 32]> {
    let file = file.context("SPECTRA_KEY_ENCRYPTION_KEY_FILE is missing: the file of the key that seals signing keys")?;
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let text = text.trim();
    ensure!(text.len() == 64 && text.is_ascii(), "{} does not hold 32 bytes in hexadecimal", file.display());
    let mut key = [0; 32];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .with_context(|| format!("{} does not hold 32 bytes in hexadecimal", file.display()))?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once() {
        let data = tempfile::tempdir().expect("a temporary directory");
        let made = Secrets::of(data.path()).expect("a secret");
        let read = Secrets::of(data.path()).expect("the same secret");
        assert_eq!(made.key_encryption_key(), read.key_encryption_key());
    }

    #[test]
    fn one_that_cannot_be_read_is_not_made_anew() {
        let data = tempfile::tempdir().expect("a temporary directory");
        let file = data.path().join(FILE);
        for damaged in [&b"half"[..], &[0xff; 64]] {
            fs::write(&file, damaged).expect("a file");
            assert!(Secrets::of(data.path()).is_err());
            assert_eq!(fs::read(&file).expect("the file"), damaged);
        }
    }
}
