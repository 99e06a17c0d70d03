//! Bounds of numbers and sizes, and what an enum may hold.

use std::{
    borrow::Cow,
    fmt::Display,
    ops::Bound::{self, Excluded, Included, Unbounded},
};

/// What a value must do to obey, the rest of a sentence that begins with the field.
pub(super) type Fault = Cow<'static, str>;

/// What a size counts, in the singular and the plural.
pub(super) type Unit = (&'static str, &'static str);

/// Bounds of a length or a count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) unit: Unit,
}

impl Size {
    /// Any size.
    pub(super) fn any(unit: Unit) -> Self {
        Self { min: 0, max: u64::MAX, unit }
    }

    /// The bound that is broken; `measure` is called only where there is one to break.
    pub(super) fn fault(&self, measure: impl FnOnce() -> usize) -> Option<Fault> {
        if (self.min, self.max) == (0, u64::MAX) {
            return None;
        }
        let size = measure() as u64;
        match *self {
            Self { min: 1, .. } if size == 0 => Some("must not be empty".into()),
            Self { min, .. } if size < min => Some(format!("must have at least {}", self.worded(min)).into()),
            Self { max, .. } if size > max => Some(format!("must have at most {}", self.worded(max)).into()),
            _ => None,
        }
    }

    fn worded(&self, count: u64) -> String {
        let (one, many) = self.unit;
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

/// Bounds of a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range<T> {
    pub(super) low: Bound<T>,
    pub(super) high: Bound<T>,
}

impl<T: PartialOrd + Display + Copy> Range<T> {
    /// Any number.
    pub(super) const ANY: Self = Self { low: Unbounded, high: Unbounded };

    pub(super) fn is_bounded(&self) -> bool {
        !matches!((&self.low, &self.high), (Unbounded, Unbounded))
    }

    /// Whether some number lies within.
    pub(super) fn is_possible(&self) -> bool {
        match (self.low, self.high) {
            (Unbounded, _) | (_, Unbounded) => true,
            (Included(low), Included(high)) => low <= high,
            (Included(low) | Excluded(low), Included(high) | Excluded(high)) => low < high,
        }
    }

    /// The bound that `number` breaks.
    pub(super) fn fault(&self, number: T) -> Option<Fault> {
        let below = match self.low {
            Included(low) if number < low => Some(format!("must be at least {low}")),
            Excluded(low) if number <= low => Some(format!("must be greater than {low}")),
            _ => None,
        };
        let above = || match self.high {
            Included(high) if number > high => Some(format!("must be at most {high}")),
            Excluded(high) if number >= high => Some(format!("must be less than {high}")),
            _ => None,
        };
        below.or_else(above).map(Cow::Owned)
    }
}

/// The rules of a double.
#[derive(Debug, Clone, Copy)]
pub(super) struct Double {
    pub(super) range: Range<f64>,
    pub(super) finite: bool,
}

impl Double {
    pub(super) fn fault(&self, number: f64) -> Option<Fault> {
        let infinite = self.finite && number.is_infinite();
        // NaN compares with nothing: it would slip through every bound.
        let unordered = (self.finite || self.range.is_bounded()) && number.is_nan();
        if infinite || unordered {
            return Some("must be a finite number".into());
        }
        self.range.fault(number)
    }
}

/// The rules of an enum.
#[derive(Debug)]
pub(super) struct Enum {
    /// Whether zero means that nothing is said, which is left out rather than sent.
    pub(super) unspecified: bool,
    /// The numbers that have a name, in order, where only those are accepted.
    pub(super) defined: Option<Vec<i32>>,
    pub(super) refused: Vec<i32>,
}

impl Enum {
    pub(super) fn fault(&self, number: i32) -> Option<Fault> {
        let unspecified = self.unspecified && number == 0;
        let unknown = self.defined.as_ref().is_some_and(|defined| defined.binary_search(&number).is_err());
        if unspecified {
            Some("must not be unspecified".into())
        } else if unknown || self.refused.contains(&number) {
            Some("is not an accepted value".into())
        } else {
            None
        }
    }
}
