//! The superuser's password: made once, kept beside the cluster, readable by its owner alone.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

/// The file that holds the password.
pub(super) fn file(data: &Path) -> PathBuf {
    data.join("postgres.password")
}

/// The password of a data directory, or nothing where none was made yet.
pub(super) fn read(data: &Path) -> Result<Option<String>> {
    let path = file(data);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let password = text.trim();
            ensure!(!password.is_empty(), "the password file {} is empty", path.display());
            Ok(Some(password.to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read the password file {}", path.display())),
    }
}

/// Makes a password and keeps it; it appears under its name whole or not at all.
pub(super) fn make(data: &Path) -> Result<String> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow!("the system gave no random bytes for a password"))?;
    let password = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let path = file(data);
    write_whole(data, &path, &password).with_context(|| format!("cannot write the password file {}", path.display()))?;
    Ok(password)
}

fn write_whole(data: &Path, path: &Path, password: &str) -> io::Result<()> {
    let draft = path.with_extension("password.new");
    if let Err(error) = fs::remove_file(&draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(file, "{password}")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(data)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn is_kept_for_the_owner_alone() {
        let data = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(read(data.path()).expect("nothing is no error"), None);
        let first = make(data.path()).expect("a password");
        assert_eq!(first.len(), 43);
        assert_eq!(read(data.path()).expect("a password"), Some(first.clone()));
        let mode = fs::metadata(file(data.path())).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(make(data.path()).expect("another password"), first);
    }
}
