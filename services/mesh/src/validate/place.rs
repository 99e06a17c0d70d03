//! Where in a request a value stands. Lives on the stack and becomes text only for a violation.

use std::fmt::{self, Display, Formatter};

use super::wire::Value;

/// How much of a map's key is shown.
const KEY_SHOWN: usize = 40;

/// The way from a request to one of its values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// The request itself.
    Request,
    Field(&'a Self, &'a str),
    Item(&'a Self, usize),
    Entry(&'a Self, Value<'a>),
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => Ok(()),
            Self::Field(Self::Request, name) => f.write_str(name),
            Self::Field(above, name) => write!(f, "{above}.{name}"),
            Self::Item(above, index) => write!(f, "{above}[{index}]"),
            Self::Entry(above, Value::Bytes(key)) => write!(f, "{above}[\"{}\"]", Quoted(&String::from_utf8_lossy(key))),
            Self::Entry(above, Value::Varint(key)) => write!(f, "{above}[{}]", key.cast_signed()),
            Self::Entry(above, Value::Fixed32(_) | Value::Fixed64(_)) => write!(f, "{above}[]"),
        }
    }
}

/// A client's word, cut and escaped, so that it can be told back in one line.
#[derive(Debug)]
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut left = self.0.chars();
        for shown in left.by_ref().take(KEY_SHOWN) {
            Display::fmt(&shown.escape_debug(), f)?;
        }
        f.write_str(if left.as_str().is_empty() { "" } else { "..." })
    }
}
