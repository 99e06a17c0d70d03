//! What is wrong with a client's text, or with a message, and where.

use std::{borrow::Cow, fmt};

/// What a reader of JSON returns; boxed, so that the good case stays small.
pub(super) type Read<T> = Result<T, Box<Malformed>>;
/// What a reader of the wire returns.
pub(super) type Written<T> = Result<T, Box<Corrupt>>;
/// Why a text does not spell a value: the end of a sentence that begins with the field.
pub(super) type Refusal = Cow<'static, str>;

/// The most of a name that a client chose which an error repeats.
const ECHO: usize = 64;

/// Why a client's text cannot become a message, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The path of the field, such as `sample.metadata.x` or `items[3].name`; empty when the text as a whole is meant.
    pub field: String,
    /// What is wrong; together with the field's path it reads as a sentence.
    pub message: String,
    /// Whether the text is no JSON, or does not fit the message.
    pub kind: Fault,
}

/// The two ways in which a text can be malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The text is not JSON, or not one value of it, or repeats a key; the message names line, column and byte.
    Syntax,
    /// The text is JSON, but a field is unknown, or its value of the wrong type or out of range.
    Field,
}

impl Malformed {
    pub(super) fn syntax(message: String) -> Box<Self> {
        Self::new(message, Fault::Syntax)
    }

    pub(super) fn value(message: impl Into<String>) -> Box<Self> {
        Self::new(message.into(), Fault::Field)
    }

    pub(super) fn field(field: &str, message: impl Into<String>) -> Box<Self> {
        Self::value(message).within(field)
    }

    fn new(message: String, kind: Fault) -> Box<Self> {
        let field = String::new();
        Box::new(Self {
            field,
            message,
            kind,
        })
    }

    /// The same fault, seen from the message that holds the field.
    pub(super) fn within(mut self: Box<Self>, name: &str) -> Box<Self> {
        prepend(&mut self.field, echo(name));
        self
    }

    /// The same fault, seen from the list that holds the element.
    pub(super) fn at(mut self: Box<Self>, index: usize) -> Box<Self> {
        prepend(&mut self.field, &format!("[{index}]"));
        self
    }
}

impl From<Refusal> for Box<Malformed> {
    fn from(refusal: Refusal) -> Self {
        Malformed::value(refusal)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sentence(f, &self.field, &self.message)
    }
}

impl std::error::Error for Malformed {}

/// Why bytes that should be a message of the contract are none. This is the peer's fault, never the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrupt {
    /// The path of the field; empty when the message itself is meant.
    pub field: String,
    /// What is wrong.
    pub message: &'static str,
}

impl Corrupt {
    pub(super) fn new(message: &'static str) -> Box<Self> {
        let field = String::new();
        Box::new(Self { field, message })
    }

    pub(super) fn truncated() -> Box<Self> {
        Self::new("the message is cut short")
    }

    pub(super) fn within(mut self: Box<Self>, name: &str) -> Box<Self> {
        prepend(&mut self.field, name);
        self
    }
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sentence(f, &self.field, self.message)
    }
}

impl std::error::Error for Corrupt {}

fn sentence(f: &mut fmt::Formatter<'_>, field: &str, message: &str) -> fmt::Result {
    if field.is_empty() {
        f.write_str(message)
    } else {
        write!(f, "{field}: {message}")
    }
}

fn prepend(path: &mut String, step: &str) {
    if !path.is_empty() && !path.starts_with('[') {
        path.insert(0, '.');
    }
    path.insert_str(0, step);
}

/// As much of a client's own words as an answer should repeat.
pub(super) fn echo(text: &str) -> &str {
    &text[..text.floor_char_boundary(ECHO)]
}
