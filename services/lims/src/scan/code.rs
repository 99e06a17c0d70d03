//! Codes that are made here: a letter for the kind, and the id in Crockford's base 32, which has no letters that people mistake.

use std::fmt;

use spectra_proto::lims::ScannedKind;
use uuid::Uuid;

/// The digits, by their value.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many of them an id takes.
const LENGTH: usize = 26;

/// What a code made here says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) kind: ScannedKind,
    pub(crate) id: Uuid,
}

impl Code {
    /// Reads what a scanner, or a person, made of a code.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (kind, digits) = text.split_at_checked(1)?;
        let kind = match kind {
            "S" | "s" => ScannedKind::Sample,
            "W" | "w" => ScannedKind::Wafer,
            "D" | "d" => ScannedKind::Device,
            _ => return None,
        };
        // 26 digits hold two bits more than an id has.
        if digits.len() != LENGTH || digits.bytes().next().and_then(value)? > 7 {
            return None;
        }
        let id = digits.bytes().try_fold(0_u128, |id, digit| Some(id << 5 | value(digit)?))?;
        Some(Self { kind, id: Uuid::from_u128(id) })
    }
}

/// The id by which a text names a record, and the kind where the text says that too: a code made here, or an id as it is. Any other
/// text can be a barcode alone.
pub(crate) fn named(text: &str) -> Option<(Uuid, Option<ScannedKind>)> {
    match Code::read(text) {
        Some(Code { kind, id }) => Some((id, Some(kind))),
        None => Uuid::try_parse(text).ok().map(|id| (id, None)),
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ScannedKind::Wafer => "W",
            ScannedKind::Device => "D",
            ScannedKind::Sample | ScannedKind::Unspecified => "S",
        })?;
        (0..LENGTH).rev().try_for_each(|place| {
            let digit = self.id.as_u128() >> (5 * place) & 31;
            write!(f, "{}", char::from(DIGITS[digit as usize]))
        })
    }
}

/// The value of a digit, in any case; what people read for another digit counts as that one.
fn value(digit: u8) -> Option<u128> {
    let digit = match digit.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        digit => digit,
    };
    DIGITS.iter().zip(0..).find_map(|(known, value)| (*known == digit).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_was_written_in_any_case() {
        for kind in [ScannedKind::Sample, ScannedKind::Wafer, ScannedKind::Device] {
            for id in [0, 1, 31, 32, u128::MAX, 0x0198_1234_5678_7abc_8def_0123_4567_89ab] {
                let code = Code { kind, id: Uuid::from_u128(id) };
                let text = code.to_string();
                assert_eq!(text.len(), 27);
                assert_eq!(Code::read(&text), Some(code));
                assert_eq!(Code::read(&text.to_lowercase()), Some(code));
                assert_eq!(Code::read(&text.replace('0', "o").replace('1', "l")), Some(code));
            }
        }
        let written = Code { kind: ScannedKind::Device, id: Uuid::from_u128(0x0198_1234_5678_7abc_8def_0123_4567_89ab) };
        assert_eq!(written.to_string(), "D01K0938NKRFAY8VVR14D2PF2DB");
    }

    #[test]
    fn what_is_no_code_is_none() {
        let zeros = "0".repeat(25);
        for text in [
            "",
            "S",
            &zeros,
            &format!("X0{zeros}"),
            &format!("S8{zeros}"),
            &format!("SU{zeros}"),
            &format!("S00{zeros}"),
            &format!("S-{zeros}"),
            "äS",
        ] {
            assert_eq!(Code::read(text), None, "{text}");
        }
    }
}
