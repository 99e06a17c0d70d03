//! What a text must look like.

use std::borrow::Cow;

use regex::Regex;

use super::{
    scalar::{Fault, Size},
    wire::Malformed,
};

/// The rules of a text. Every text is free of control characters, whatever else is asked of it.
#[derive(Debug)]
pub(super) struct Text {
    /// In Unicode characters.
    pub(super) size: Size,
    pub(super) pattern: Option<Pattern>,
    pub(super) form: Option<Form>,
}

/// What must be found in a text.
#[derive(Debug)]
pub(super) enum Pattern {
    /// `\S`, by far the most frequent one, has a wording and a loop of its own.
    NotBlank,
    Expression(Regex),
}

/// A well-known form of text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Email,
    Uuid,
}

impl Pattern {
    pub(super) fn new(expression: &str) -> Result<Self, String> {
        match expression {
            r"\S" => Ok(Self::NotBlank),
            _ => Regex::new(expression).map(Self::Expression).map_err(|error| error.to_string()),
        }
    }

    fn fault(&self, text: &str) -> Option<Fault> {
        match self {
            Self::NotBlank => text.chars().all(char::is_whitespace).then_some(Cow::Borrowed("must not be blank")),
            Self::Expression(regex) => (!regex.is_match(text)).then(|| format!("must match `{regex}`").into()),
        }
    }
}

impl Form {
    fn fault(self, text: &str) -> Option<Fault> {
        let (fits, fault) = match self {
            Self::Email => (is_email(text), "must be an email address"),
            Self::Uuid => (is_uuid(text), "must be a UUID"),
        };
        (!fits).then_some(Cow::Borrowed(fault))
    }
}

impl Text {
    /// The first rule that `bytes` break.
    pub(super) fn fault(&self, bytes: &[u8]) -> Result<Option<Fault>, Malformed> {
        let text = str::from_utf8(bytes).map_err(|_| Malformed)?;
        Ok(control(text)
            .or_else(|| self.size.fault(|| text.chars().count()))
            .or_else(|| self.pattern.as_ref().and_then(|pattern| pattern.fault(text)))
            .or_else(|| self.form.and_then(|form| form.fault(text))))
    }
}

/// Refuses control characters other than tab and line ends, those above U+0080 too.
pub(super) fn control(text: &str) -> Option<Fault> {
    // The bytes that a control character begins with; most text holds none of them, and bytes are read faster.
    let suspicious = |byte: u8| byte.is_ascii_control() || byte == 0xc2;
    let refused = |character: char| character.is_control() && !matches!(character, '\t' | '\n' | '\r');
    (text.bytes().any(suspicious) && text.contains(refused)).then_some(Cow::Borrowed("holds a control character"))
}

/// Whether `text` is an address by the definition of HTML's email input, which clients check as well,
/// within the lengths that mail servers take.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    text.len() <= 254 && (1..=64).contains(&local.len()) && local.bytes().all(atom) && domain.split('.').all(is_host_label)
}

fn is_host_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether `text` is a UUID in its hyphenated form, the only one that is the same everywhere.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_told_from_tabs_and_line_ends() {
        for fine in ["", "a\tb\r\nc", "µm ± 0,5", "\u{202e}admin", "Ωメ\u{1f52c}"] {
            assert_eq!(control(fine), None, "{fine:?}");
        }
        for faulty in ["\0", "a\u{1}", "\u{b}", "\u{c}", "\u{1b}[31m", "\u{7f}", "\u{80}", "\u{85}", "\u{9f}"] {
            assert_eq!(control(faulty).as_deref(), Some("holds a control character"), "{faulty:?}");
        }
    }

    #[test]
    fn email_addresses_are_told_from_other_text() {
        let longest = format!("{}@{}.{}.{}", "l".repeat(64), "d".repeat(63), "d".repeat(63), "d".repeat(61));
        assert_eq!(longest.len(), 254);
        for fine in ["a@b.example", "user+tag@x.example", "o'hara@lab-1.example", "root@localhost", &longest] {
            assert!(is_email(fine), "{fine}");
        }
        let local_too_long = format!("{}@x.example", "l".repeat(65));
        let too_long = longest.replace("@d", "@dd.d");
        for faulty in [
            "",
            "@",
            "a",
            "a@",
            "@b.example",
            "a@b@c.example",
            "a b@x.example",
            "a@b..example",
            "a@.example",
            "a@b.example.",
            "a@-b.example",
            "a@b-.example",
            "\u{fb01}ne@x.example",
            "a@bücher.example",
            "a@b.example\r\nBcc: x@y",
            "Ada <a@b.example>",
            &local_too_long,
            &too_long,
        ] {
            assert!(!is_email(faulty), "{faulty}");
        }
    }

    #[test]
    fn uuids_are_told_from_other_text() {
        for fine in ["01890a5d-ac96-774b-bcce-b302099a8057", "01890A5D-AC96-774B-BCCE-B302099A8057"] {
            assert!(is_uuid(fine), "{fine}");
        }
        for faulty in [
            "",
            "01890a5dac96774bbcceb302099a8057",
            "{01890a5d-ac96-774b-bcce-b302099a8057}",
            "01890a5d-ac96-774b-bcce-b302099a805",
            "01890a5d-ac96-774b-bcce-b302099a805g",
            "01890a5d-ac96-774b-bcceb-302099a8057",
            "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
        ] {
            assert!(!is_uuid(faulty), "{faulty}");
        }
    }
}
