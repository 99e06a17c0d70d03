//! The superuser's password: made once, kept beside the cluster, readable by its owner alone.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::secret_file;

/// The file that holds the password.
pub(super) fn file(data: &Path) -> PathBuf {
    data.join("postgres.password")
}

/// The password of a data directory, or nothing where none was made yet.
pub(super) fn read(data: &Path) -> Result<Option<String>> {
    let path = file(data);
    let password = secret_file::read(&path).with_context(|| format!("cannot read the password file {}", path.display()))?;
    ensure!(password.as_deref() != Some(""), "the password file {} is empty", path.display());
    Ok(password)
}

/// Makes a password and keeps it.
pub(super) fn make(data: &Path) -> Result<String> {
    let mut bytes = [0_u8; 32];
    #[expect(clippy::disallowed_methods, reason = "the cluster is made before there is a mesh")]
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow!("the system gave no random bytes for a password"))?;
    let password = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let path = file(data);
    secret_file::write(&path, &password).with_context(|| format!("cannot write the password file {}", path.display()))?;
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_and_read_again() {
        let data = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(read(data.path()).expect("nothing is no error"), None);
        let first = make(data.path()).expect("a password");
        assert_eq!(first.len(), 43);
        assert_eq!(read(data.path()).expect("a password"), Some(first.clone()));
        assert_ne!(make(data.path()).expect("another password"), first);
        std::fs::write(file(data.path()), "\n").expect("a file");
        read(data.path()).expect_err("an empty password");
    }
}
