//! The lexer of JSON: RFC 8259 to the letter, with the place of every fault.

use std::borrow::Cow;

use spectra_proto::JSON_DEPTH;

use super::error::{Malformed, Read};
use super::{number, text};

/// A cursor over the text of one JSON value.
#[derive(Clone, Copy)]
pub(super) struct Json<'t> {
    text: &'t str,
    at: usize,
    /// Where the last key began.
    key_at: usize,
    depth: usize,
}

impl<'t> Json<'t> {
    /// The whole text is checked to be UTF-8 here, once, so that every string in it is.
    pub(super) fn new(bytes: &'t [u8]) -> Read<Self> {
        match str::from_utf8(bytes) {
            Ok(text) => Ok(Self { text, at: 0, key_at: 0, depth: 0 }),
            Err(fault) => {
                let at = fault.valid_up_to();
                let text = String::from_utf8_lossy(&bytes[..at]);
                Err(place("the text is not UTF-8", &text, at))
            }
        }
    }

    /// The next byte that is not white space, which is left where it is.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// Whether no container is open.
    pub(super) fn is_outermost(&self) -> bool {
        self.depth == 0
    }

    /// Where the last key began, for a fault that is known only later.
    pub(super) fn key_at(&self) -> usize {
        self.key_at
    }

    /// Steps into the object or list that is to be here.
    pub(super) fn open(&mut self, bracket: u8) -> Read<()> {
        if self.peek() != Some(bracket) {
            return Err(self.mistyped(if bracket == b'{' { "an object" } else { "a list" }));
        }
        self.depth += 1;
        if self.depth > JSON_DEPTH {
            return Err(self.fault(&format!("containers are more than {JSON_DEPTH} deep")));
        }
        self.at += 1;
        Ok(())
    }

    /// The next key of the open object, up to its colon; `None` closes the object.
    pub(super) fn key(&mut self, first: &mut bool) -> Read<Option<Cow<'t, str>>> {
        if !self.more(first, b'}')? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.fault("expected a key in double quotes"));
        }
        self.key_at = self.at;
        let key = self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.fault("expected `:` after the key"));
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// Whether the open list has one more element; if not, it is closed.
    pub(super) fn item(&mut self, first: &mut bool) -> Read<bool> {
        self.more(first, b']')
    }

    #[inline]
    fn more(&mut self, first: &mut bool, close: u8) -> Read<bool> {
        let next = self.peek();
        if next == Some(close) {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        }
        if std::mem::take(first) {
            return Ok(true);
        }
        if next != Some(b',') {
            let close = char::from(close);
            return Err(self.fault(&format!("expected `,` or `{close}`")));
        }
        self.at += 1;
        if self.peek() == Some(close) {
            return Err(self.fault("nothing follows the `,`"));
        }
        Ok(true)
    }

    /// The string that is to be here; borrowed unless it holds escapes.
    #[inline]
    pub(super) fn string(&mut self) -> Read<Cow<'t, str>> {
        if self.peek() != Some(b'"') {
            return Err(self.mistyped("a string"));
        }
        self.at += 1;
        let run = self.run();
        if self.text.as_bytes().get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(run));
        }
        self.escaped(run.to_owned()).map(Cow::Owned)
    }

    /// What follows in the string up to a quote, an escape or a fault. It ends at an ASCII byte, thus at a character.
    fn run(&mut self) -> &'t str {
        let rest = &self.text[self.at..];
        let run = &rest[..text::plain(rest.as_bytes())];
        self.at += run.len();
        run
    }

    fn escaped(&mut self, mut string: String) -> Read<String> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                Some(_) => return Err(self.fault("a control character must be escaped")),
                None => return Err(self.fault("the string is not closed")),
            }
            string.push_str(self.run());
        }
    }

    fn escape(&mut self) -> Read<char> {
        let char = match self.text.as_bytes().get(self.at + 1) {
            Some(quoted @ (b'"' | b'\\' | b'/')) => char::from(*quoted),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.fault("the escape is unknown")),
        };
        self.at += 2;
        Ok(char)
    }

    fn unicode_escape(&mut self) -> Read<char> {
        let unit = self.code_unit()?;
        let code = match unit {
            0xd800..0xdc00 => match self.code_unit() {
                Ok(low @ 0xdc00..0xe000) => 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00),
                _ => return Err(self.fault("half of a surrogate pair is missing")),
            },
            _ => unit,
        };
        char::from_u32(code).ok_or_else(|| self.fault("half of a surrogate pair is missing"))
    }

    /// One `\uXXXX`.
    fn code_unit(&mut self) -> Read<u32> {
        let escape = self.text.as_bytes().get(self.at..self.at + 6);
        let Some([b'\\', b'u', digits @ ..]) = escape else {
            return Err(self.fault("expected `\\u` and four hexadecimal digits"));
        };
        let mut unit = 0;
        for digit in digits {
            match char::from(*digit).to_digit(16) {
                Some(value) => unit = unit << 4 | value,
                None => return Err(self.fault("expected four hexadecimal digits")),
            }
        }
        self.at += 6;
        Ok(unit)
    }

    /// The digits of the number that is to be here.
    pub(super) fn number(&mut self) -> Read<&'t str> {
        let Some(b'-' | b'0'..=b'9') = self.peek() else {
            return Err(self.mistyped("a number"));
        };
        let rest = &self.text[self.at..];
        let Some(length) = number::length(rest.as_bytes()) else {
            return Err(self.fault("the number is incomplete"));
        };
        self.at += length;
        Ok(&rest[..length])
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self) -> Read<bool> {
        match self.peek() {
            Some(b't') => self.word("true").map(|()| true),
            Some(b'f') => self.word("false").map(|()| false),
            _ => Err(self.mistyped("true or false")),
        }
    }

    /// Takes `null`, if it is here.
    #[inline]
    pub(super) fn null(&mut self) -> Read<bool> {
        if self.peek() != Some(b'n') {
            return Ok(false);
        }
        self.word("null").map(|()| true)
    }

    fn word(&mut self, word: &str) -> Read<()> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.fault("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Passes over a value of any type.
    pub(super) fn skip(&mut self) -> Read<()> {
        let mut first = true;
        match self.peek() {
            Some(b'{') => {
                self.open(b'{')?;
                while self.key(&mut first)?.is_some() {
                    self.skip()?;
                }
            }
            Some(b'[') => {
                self.open(b'[')?;
                while self.item(&mut first)? {
                    self.skip()?;
                }
            }
            Some(b'"') => drop(self.string()?),
            Some(b't' | b'f') => drop(self.boolean()?),
            Some(b'n') => self.word("null")?,
            _ => drop(self.number()?),
        }
        Ok(())
    }

    /// Refuses whatever follows the value.
    pub(super) fn end(&mut self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.fault("more text follows the value")),
        }
    }

    /// A fault of the text, at the cursor.
    pub(super) fn fault(&self, message: &str) -> Malformed {
        self.fault_at(message, self.at)
    }

    /// A fault of the text, where the cursor was before.
    pub(super) fn fault_at(&self, message: &str, at: usize) -> Malformed {
        place(message, &self.text[..at], at)
    }

    /// A value of another type than the field's, or no value at all.
    pub(super) fn mistyped(&mut self, expected: &str) -> Malformed {
        let found = match self.peek() {
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(_) => return self.fault("expected a value"),
            None => return self.fault("the text ends where a value is expected"),
        };
        Malformed::new(format!("must be {expected}, not {found}"))
    }
}

fn place(message: &str, before: &str, at: usize) -> Malformed {
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before[start..].chars().count() + 1;
    Malformed::new(format!("{message} at line {line}, column {column} (byte {at})"))
}
