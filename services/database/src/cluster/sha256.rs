//! SHA-256, written as people compare it.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use aws_lc_rs::digest::{Context, Digest, SHA256, digest};

/// The sum of some bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    hex(&digest(&SHA256, bytes))
}

/// The sum of a file's content.
pub(super) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&context.finish())),
            length => context.update(buffer.get(..length).unwrap_or_default()),
        }
    }
}

fn hex(sum: &Digest) -> String {
    sum.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_that_of_the_standards_example() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), expected);
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join("abc");
        std::fs::write(&path, "abc").expect("a file");
        assert_eq!(of_file(&path).expect("its sum"), expected);
    }
}
