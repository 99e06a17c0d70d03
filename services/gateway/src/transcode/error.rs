//! What is wrong with a client's text, or with a message, and where.

use std::{borrow::Cow, fmt};

/// What a reader of JSON returns.
pub(super) type Read<T> = Result<T, Malformed>;
/// What a reader of the wire returns.
pub(super) type Written<T> = Result<T, Corrupt>;
/// Why a text does not spell a value: the end of a sentence that begins with the field.
pub(super) type Refusal = Cow<'static, str>;

/// The most of a name that a client chose which an error repeats.
const ECHO: usize = 64;

/// Why a client's text cannot become a message, and where. Small, so that the good case stays fast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(Box<Fault>);

/// Why bytes that should be a message of the contract are none. This is the peer's fault, never the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrupt(Box<Place>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    place: Place,
    too_large: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    field: String,
    message: Refusal,
}

impl Malformed {
    /// The path of the field, such as `sample.metadata.x` or `items[3].name`; empty when the text as a whole is meant.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.0.place.field
    }

    /// What is wrong; together with the field's path it reads as a sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.place.message
    }

    /// Whether reading ended because the message had grown larger than services take.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.0.too_large
    }

    #[cold]
    pub(super) fn new(message: impl Into<Refusal>) -> Self {
        Self(Box::new(Fault { place: Place::new(message.into()), too_large: false }))
    }

    #[cold]
    pub(super) fn too_large() -> Self {
        Self(Box::new(Fault { place: Place::new("the message is too large".into()), too_large: true }))
    }

    /// The same fault, seen from the message that holds the field.
    pub(super) fn within(mut self, name: &str) -> Self {
        self.0.place.prepend(echo(name));
        self
    }

    /// The same fault, seen from the list that holds the element.
    pub(super) fn at(mut self, index: usize) -> Self {
        self.0.place.prepend(&format!("[{index}]"));
        self
    }
}

impl From<Refusal> for Malformed {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal)
    }
}

impl Corrupt {
    #[cold]
    pub(super) fn new(message: &'static str) -> Self {
        Self(Box::new(Place::new(message.into())))
    }

    #[cold]
    pub(super) fn truncated() -> Self {
        Self::new("the message is cut short")
    }

    pub(super) fn within(mut self, name: &str) -> Self {
        self.0.prepend(name);
        self
    }
}

impl Place {
    fn new(message: Refusal) -> Self {
        Self { field: String::new(), message }
    }

    fn prepend(&mut self, step: &str) {
        if !self.field.is_empty() && !self.field.starts_with('[') {
            self.field.insert(0, '.');
        }
        self.field.insert_str(0, step);
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.field, self.message) }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.place.fmt(f)
    }
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Malformed {}
impl std::error::Error for Corrupt {}

/// As much of a client's own words as an answer should repeat.
pub(super) fn echo(text: &str) -> &str {
    &text[..text.floor_char_boundary(ECHO)]
}
