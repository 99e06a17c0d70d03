//! Numbers as JSON spells them, to and from integers and floats, without a silent change of value.

use super::error::Refusal;

const WHOLE: Refusal = Refusal::Borrowed("must be a whole number");
const RANGE: Refusal = Refusal::Borrowed("is out of range");
const NUMBER: Refusal = Refusal::Borrowed("must be a number");

/// Above this, neighbouring whole numbers share a double: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The length of the JSON number that `bytes` begin with.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    at += match bytes.get(at)? {
        b'0' => 1,
        _ => digits(bytes, at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        at += digits(bytes, at)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        at += digits(bytes, at)?;
    }
    Some(at)
}

/// How many digits stand at `at`, if any.
fn digits(bytes: &[u8], at: usize) -> Option<usize> {
    let count = bytes.get(at..)?.iter().take_while(|b| b.is_ascii_digit());
    Some(count.count()).filter(|count| *count > 0)
}

/// Whether a whole number is spelt as output spells it, so that two texts for one key of a map are one text.
pub(super) fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    text == "0" || matches!(digits, [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit))
}

/// A JSON number taken apart: `digits` x 10^`exponent`, without zeros at either end of the digits.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// `None` when the text is no JSON number.
    fn parse(text: &str) -> Option<Self> {
        if length(text.as_bytes()) != Some(text.len()) {
            return None;
        }
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        // An exponent beyond 64 bits is beyond every range; its sign is all that counts.
        let exponent = exponent.parse().unwrap_or(match exponent.as_bytes() {
            [b'-', ..] => i64::MIN / 2,
            _ => i64::MAX / 2,
        });
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        let significant = digits.trim_end_matches('0');
        let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
        let fraction = i64::try_from(fraction.len()).ok()?;
        Some(Self { negative, digits: significant.trim_start_matches('0').into(), exponent: exponent.saturating_add(dropped - fraction) })
    }
}

/// The whole number that a JSON number spells; `1.0` and `1e2` are whole, too.
pub(super) fn integer(text: &str) -> Result<i128, Refusal> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // Nearly every number is a few plain digits.
    if matches!(digits, [b'1'..=b'9', ..] | b"0") && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit) {
        let value = digits.iter().fold(0, |value, d| value * 10 + i64::from(d - b'0'));
        return Ok(i128::from(if negative { -value } else { value }));
    }
    let decimal = Decimal::parse(text).ok_or(WHOLE)?;
    if decimal.digits.is_empty() {
        return Ok(0);
    }
    if decimal.exponent < 0 {
        return Err(WHOLE);
    }
    let zeros = usize::try_from(decimal.exponent).unwrap_or(usize::MAX);
    // The longest 64-bit integer has 20 digits.
    if decimal.digits.len().saturating_add(zeros) > 20 {
        return Err(RANGE);
    }
    let zeros = std::iter::repeat_n(&b'0', zeros);
    let value = decimal.digits.iter().chain(zeros);
    let value = value.fold(0, |value, d| value * 10 + i128::from(d - b'0'));
    Ok(if decimal.negative { -value } else { value })
}

/// The double that a JSON number, or one of the three words for the rest, spells.
///
/// A whole number must come back as it went in: beyond 2^53 doubles are rarer than whole numbers, and
/// one that would turn into its neighbour (an identifier, say) is refused rather than altered.
pub(super) fn double(text: &str) -> Result<f64, Refusal> {
    let value: f64 = match word(text) {
        Some(word) => return Ok(word),
        None => finite(text)?,
    };
    check(text, value.is_finite(), value == 0.0)?;
    if value.abs() >= EXACT && text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        let kept = zmij::Buffer::new().format_finite(value).to_owned();
        if Decimal::parse(&kept).map(|kept| kept.digits) != Decimal::parse(text).map(|d| d.digits) {
            return Err("has more digits than a number can hold; send it as a string".into());
        }
    }
    Ok(value)
}

/// The float that a JSON number, or one of the three words for the rest, spells.
pub(super) fn float(text: &str) -> Result<f32, Refusal> {
    let value: f32 = match word(text) {
        #[expect(clippy::cast_possible_truncation, reason = "neither NaN nor an infinity")]
        Some(word) => return Ok(word as f32),
        None => finite(text)?,
    };
    check(text, value.is_finite(), value == 0.0)?;
    Ok(value)
}

fn word(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// The standard library takes more spellings than JSON has, so the grammar is checked first.
fn finite<F: std::str::FromStr>(text: &str) -> Result<F, Refusal> {
    if length(text.as_bytes()) != Some(text.len()) {
        return Err(NUMBER);
    }
    text.parse().map_err(|_| NUMBER)
}

/// Neither 1e400 nor 1e-400 may turn into something else.
fn check(text: &str, finite: bool, zero: bool) -> Result<(), Refusal> {
    let mantissa = || text.split(['e', 'E']).next().unwrap_or_default();
    if finite && !(zero && mantissa().contains(|c| matches!(c, '1'..='9'))) { Ok(()) } else { Err(RANGE) }
}

/// Writes an integer.
pub(super) fn write_integer<I: itoa::Integer>(out: &mut Vec<u8>, value: I) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes a double; a whole one without a fraction, so that `{"n": 1}` comes back as it went in.
pub(super) fn write_double(out: &mut Vec<u8>, value: f64) {
    if value.fract() == 0.0 && value.abs() < EXACT && (value != 0.0 || value.is_sign_positive()) {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and below 2^53")]
        write_integer(out, value as i64);
    } else if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        write_word(out, value);
    }
}

/// Writes a float, with no more digits than a float has.
pub(super) fn write_float(out: &mut Vec<u8>, value: f32) {
    let whole = f64::from(value);
    if value.fract() == 0.0 && value.abs() < 16_777_216.0 {
        write_double(out, whole);
    } else if value.abs().to_bits() == f32::MAX.to_bits() {
        // Rounded to the digits of a float it is larger, and readers of 64 bits refuse it.
        out.extend_from_slice(zmij::Buffer::new().format_finite(whole).as_bytes());
    } else if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        write_word(out, whole);
    }
}

fn write_word(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(match value {
        f64::INFINITY => b"\"Infinity\"",
        f64::NEG_INFINITY => b"\"-Infinity\"",
        _ => b"\"NaN\"",
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_ends_where_its_grammar_ends() {
        for (text, expected) in
            [("0", Some(1)), ("-0.5e+10,", Some(8)), ("01", Some(1)), ("1.", None), ("-", None), ("1e", None), (".5", None), ("+1", None)]
        {
            assert_eq!(length(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn integers_are_exact() {
        for (text, expected) in [
            ("-0", Ok(0)),
            ("0.000e99999999999999999999", Ok(0)),
            ("1.50e1", Ok(15)),
            ("100e-2", Ok(1)),
            ("9223372036854775807.0", Ok(9_223_372_036_854_775_807)),
            ("18446744073709551615", Ok(18_446_744_073_709_551_615)),
            ("-9223372036854775808", Ok(-9_223_372_036_854_775_808)),
            ("1e99999999999999999999", Err(RANGE)),
            ("123456789012345678901", Err(RANGE)),
            ("1e-99999999999999999999", Err(WHOLE)),
            ("0.5", Err(WHOLE)),
            ("007", Err(WHOLE)),
            ("+1", Err(WHOLE)),
            (" 1", Err(WHOLE)),
            ("", Err(WHOLE)),
            ("١٢", Err(WHOLE)),
            ("0x10", Err(WHOLE)),
            ("1_000", Err(WHOLE)),
        ] {
            assert_eq!(integer(text), expected, "{text}");
        }
    }

    #[test]
    fn doubles_never_change_their_value_in_silence() {
        for text in ["1e400", "-1e400", "1e-400", "9007199254740993", "12345678901234567890"] {
            assert!(double(text).is_err(), "{text}");
        }
        // What JavaScript prints for doubles beyond 2^53 is not their exact value, but comes back the same.
        for text in ["9007199254740992", "3712345678900000000", "-100000000000000000000"] {
            assert_eq!(double(text), Ok(text.parse().expect("a number")), "{text}");
        }
        for text in ["inf", "nan", "infinity", "+1", "1.", ".5", "1e", "", " 1"] {
            assert!(double(text).is_err(), "{text}");
            assert!(float(text).is_err(), "{text}");
        }
        assert!(float("3.5e38").is_err() && float("1e-60").is_err());
        assert_eq!(double("-0").map(f64::to_bits), Ok((-0.0f64).to_bits()));
    }

    #[test]
    fn doubles_are_written_as_short_as_they_read_back() {
        for (value, expected) in [
            (1.0, "1"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e300, "1e+300"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (f64::NAN, "\"NaN\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            let mut out = Vec::new();
            write_double(&mut out, value);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
        for (value, expected) in [(0.1, "0.1"), (f32::MAX, "3.4028234663852886e+38"), (f32::MIN, "-3.4028234663852886e+38")] {
            let mut out = Vec::new();
            write_float(&mut out, value);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
