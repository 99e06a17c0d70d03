//! JSON strings: which bytes need an escape, and how they are written.

use super::{error::Corrupt, error::Written};

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = ONES << 7;

/// How many leading bytes may stand in a JSON string as they are: all but quote, backslash and controls.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let found = special(u64::from_le_bytes(*word));
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| matches!(byte, 0..0x20 | b'"' | b'\\');
    bytes.len() - tail.len() + tail.iter().position(special).unwrap_or(tail.len())
}

/// Whether no byte needs an escape, or a check that it is UTF-8: true of most strings, and told without a branch.
#[inline]
fn is_plain_ascii(bytes: &[u8]) -> bool {
    let (words, tail) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let found = words.fold(0, |found, word| found | special(word) | word & HIGH);
    let odd = |byte: &u8| !matches!(byte, 0x20..0x80) || matches!(byte, b'"' | b'\\');
    found == 0 && !tail.iter().any(odd)
}

/// Eight bytes at once: the high bit of the first byte that needs an escape is set, lower bytes have none.
///
/// A borrow may set bits above the first hit, so only the lowest one counts.
#[inline]
fn special(word: u64) -> u64 {
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let quote = below(word ^ (ONES * u64::from(b'"')), 1);
    let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
    (below(word, 0x20) | quote | backslash) & HIGH
}

/// Writes the text that `bytes` should be as a JSON string.
#[inline]
pub(super) fn write_string(out: &mut Vec<u8>, bytes: &[u8]) -> Written<()> {
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    if is_plain_ascii(bytes) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return Ok(());
    }
    if str::from_utf8(bytes).is_err() {
        return Err(Corrupt::new("a string is not UTF-8"));
    }
    let mut rest = bytes;
    loop {
        let (run, more) = rest.split_at(plain(rest));
        out.extend_from_slice(run);
        let [byte, more @ ..] = more else { break };
        escape(out, *byte);
        rest = more;
    }
    out.push(b'"');
    Ok(())
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0..0x20 => {
            out.extend_from_slice(b"\\u00");
            out.extend([byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]));
            return;
        }
        _ => byte,
    };
    out.extend([b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_stops_at_the_first_special_byte_wherever_it_stands() {
        for special in (0..0x20).chain(*b"\"\\") {
            for length in 0..40 {
                let mut bytes = vec![b'a'; 40];
                bytes[length] = special;
                // A second one must not hide the first, nor high bytes raise a false alarm.
                bytes[39] = special;
                bytes[..length].fill(0xc3);
                assert_eq!(plain(&bytes), length, "byte {special} after {length}");
            }
        }
        assert_eq!(plain("zwölf Böcke, ganz schlicht".as_bytes()), 28);
    }

    #[test]
    fn a_string_is_written_with_its_escapes() {
        let mut out = Vec::new();
        write_string(&mut out, "a\"b\\c\nd\u{1}\u{7f}é".as_bytes()).expect("UTF-8");
        assert_eq!(out, "\"a\\\"b\\\\c\\nd\\u0001\u{7f}é\"".as_bytes());
        assert!(write_string(&mut out, b"\xff").is_err());
    }
}
