//! Why there is no answer, and what an answer is to be read with.

use std::fmt::Write as _;

/// An analysis that is not made: the word for programs, the sentence for people, and the input that is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The word for programs, in lower case.
    pub code: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
    /// The input or option that is at fault, such as `inputs.vgs[3]`; none when it is the data as a whole.
    pub field: Option<String>,
}

impl Refused {
    /// A refusal of the data as a whole.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None }
    }

    /// A refusal of one input.
    pub(crate) fn at(code: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        let field = field.into();
        let mut told = field.clone();
        // Writing to a text does not fail.
        let _ = write!(told, " {}", message.into());
        Self { code, message: told, field: Some(field) }
    }
}

/// What an answer is to be read with: words for programs, each once, in the order in which they came up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags(Vec<&'static str>);

impl Flags {
    /// Adds a word.
    pub(crate) fn raise(&mut self, flag: &'static str) {
        if !self.0.contains(&flag) {
            self.0.push(flag);
        }
    }

    /// Adds a word when it holds.
    pub(crate) fn raise_if(&mut self, holds: bool, flag: &'static str) {
        if holds {
            self.raise(flag);
        }
    }

    /// The words.
    #[must_use]
    pub fn list(&self) -> &[&'static str] {
        &self.0
    }
}
