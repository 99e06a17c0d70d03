use serde::{Deserialize, Serialize};

/// Which rules of a ruleset signal at a point: a set of their places in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signals(u32);

impl Signals {
    /// Whether no rule signals.
    #[must_use]
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the rule at `place` signals.
    #[must_use]
    pub fn contains(self, place: usize) -> bool {
        place < 32 && self.0 >> place & 1 == 1
    }

    /// The places of the rules that signal, lowest first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..32).filter(move |&place| self.contains(place))
    }

    /// The rules of these that are not among the others.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// The same with the rule at `place`, below 32, when `signal` holds.
    #[inline]
    pub(crate) fn with(self, place: usize, signal: bool) -> Self {
        Self(self.0 | u32::from(signal) << place)
    }
}
