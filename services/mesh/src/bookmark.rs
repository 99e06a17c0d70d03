//! Places that clients keep and come back to: opaque, and good for what they were given out for alone.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::fingerprint;

/// How many bytes tell a bookmark from chance, typing errors and that of something else. It opens nothing that its
/// holder would not be shown anyway.
const SUM: usize = 4;

/// The text of a place in what `bound` tells from all others.
pub(crate) fn text(place: &[u8], bound: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([place, &sum(place, bound)].concat())
}

/// The place of a text that was given out for `bound`.
pub(crate) fn read<const N: usize>(text: &str, bound: &[u8]) -> Option<[u8; N]> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (place, given) = bytes.split_first_chunk::<N>()?;
    (given == sum(place, bound)).then_some(*place)
}

fn sum(place: &[u8], bound: &[u8]) -> [u8; SUM] {
    let mut sum = [0; SUM];
    sum.copy_from_slice(&fingerprint(&[place, bound].concat())[..SUM]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bookmark_is_good_for_its_own() {
        let text = text(&[7; 24], b"ours");
        assert_eq!(read(&text, b"ours"), Some([7; 24]));
        assert_eq!(read::<24>(&text, b"theirs"), None);
        assert_eq!(read::<23>(&text, b"ours"), None);
        for broken in ["", "A", "' or 1=1--", &text[1..], &"9".repeat(500)] {
            assert_eq!(read::<24>(broken, b"ours"), None, "{broken}");
        }
    }
}
