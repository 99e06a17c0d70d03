//! Hashes of content, as records pin them.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 of some bytes.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
    sum
}

/// SHA-256 of some bytes, in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&fingerprint(bytes))
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string does not fail.
        _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes that hexadecimal says.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|digit| digit.is_ascii_hexdigit()) || text.len() % 2 == 1 {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hexadecimal_says_is_read() {
        assert_eq!(unhex(&hex(&[0, 1, 127, 255])), Some(vec![0, 1, 127, 255]));
        assert_eq!(unhex("fF"), Some(vec![255]));
        for odd in ["f", "0g", "+1", "0ä"] {
            assert_eq!(unhex(odd), None, "{odd}");
        }
    }
}
