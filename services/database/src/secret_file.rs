//! Files that hold a secret: one line, readable by their owner alone.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// The secret in a file, or nothing where there is no such file.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Keeps a secret in a file of a directory that is there. It appears under its name whole or not at
/// all, and stays when the power is cut.
pub fn write(path: &Path, secret: &str) -> io::Result<()> {
    let draft = path.with_added_extension("new");
    if let Err(error) = fs::remove_file(&draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn is_kept_for_the_owner_alone() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join("secret");
        assert_eq!(read(&path).expect("nothing is no error"), None);
        fs::write(place.path().join("secret.new"), "half").expect("a draft that was left behind");
        write(&path, "whole").expect("a secret");
        assert_eq!(read(&path).expect("the secret").as_deref(), Some("whole"));
        let mode = fs::metadata(&path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!place.path().join("secret.new").exists());
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_missing() {
        let place = tempfile::tempdir().expect("a temporary directory");
        read(place.path()).expect_err("a directory holds no secret");
        let path = place.path().join("secret");
        fs::write(&path, [0xff]).expect("a file");
        read(&path).expect_err("this is no text");
    }
}
