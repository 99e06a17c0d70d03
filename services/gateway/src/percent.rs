//! Percent-encoding, as paths and queries have it.

use std::borrow::Cow;

/// The text that `encoded` spells; none when an escape is not whole or the bytes are no UTF-8.
pub(crate) fn decode(encoded: &str) -> Option<Cow<'_, str>> {
    unescape(encoded, None)
}

/// The same, with an encoded slash left as it is: in a value of several segments it differs from a plain one.
pub(crate) fn decode_segments(encoded: &str) -> Option<Cow<'_, str>> {
    unescape(encoded, Some(b'/'))
}

/// `text` as one segment of a path.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    encoded
}

fn unescape(encoded: &str, kept: Option<u8>) -> Option<Cow<'_, str>> {
    if !encoded.contains('%') {
        return Some(Cow::Borrowed(encoded));
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = after else { return None };
        let byte = value(*high)? << 4 | value(*low)?;
        if kept == Some(byte) {
            bytes.extend([b'%', *high, *low]);
        } else {
            bytes.push(byte);
        }
        rest = after;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use arbtest::arbtest;

    use super::*;

    #[test]
    fn escapes_are_decoded() {
        for (encoded, text) in
            [("", ""), ("plain", "plain"), ("a%20b", "a b"), ("%2f%2F", "//"), ("%C3%A9+", "é+"), ("%00", "\0"), ("%25", "%")]
        {
            assert_eq!(decode(encoded).as_deref(), Some(text), "{encoded}");
        }
        assert_eq!(decode_segments("a%2Fb%20c%2f").as_deref(), Some("a%2Fb c%2f"));
    }

    #[test]
    fn broken_escapes_and_bytes_that_are_no_text_are_refused() {
        for odd in ["%", "%2", "a%", "%zz", "%+1", "%ff", "%C3", "%ed%a0%80"] {
            assert_eq!(decode(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_is_encoded_decodes() {
        let text = "a/b c:é%~";
        assert_eq!(encode(text), "a%2Fb%20c%3A%C3%A9%25~");
        assert_eq!(decode(&encode(text)).as_deref(), Some(text));
    }

    #[test]
    fn whatever_is_whole_is_decoded_as_others_decode_it() {
        arbtest(|u| {
            let parts: Vec<u8> = u.arbitrary()?;
            let some = ["%", "%2", "%2F", "%c3%a9", "%C3", "%80", "%f0%9f%98%80", "%ed%a0%80", "%25", "+", "a", "f", "0", "é"];
            let encoded: String = parts.iter().map(|part| some[usize::from(*part) % some.len()]).collect();
            let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
            let whole = encoded.split('%').skip(1).all(|after| is_digit(after.as_bytes().first()) && is_digit(after.as_bytes().get(1)));
            let theirs = percent_encoding::percent_decode_str(&encoded).decode_utf8().ok();
            assert_eq!(decode(&encoded), theirs.filter(|_| whole), "{encoded}");
            Ok(())
        });
    }
}
