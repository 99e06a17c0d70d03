use serde::{Deserialize, Serialize};

use crate::{Code, Error};

/// No rule looks at more points: what they did is a bit each of one word.
pub(crate) const LONGEST: u8 = 32;

/// A pattern of points that an undisturbed process seldom makes, and what it is called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The rule's id within its ruleset, such as `we1` or `R_4s`.
    pub id: String,
    /// The pattern that makes it signal.
    #[serde(flatten)]
    pub pattern: Pattern,
}

/// A pattern of the newest points. Distances are in sigmas of each point from its centre line, and strict: a point that
/// lies on a line is not beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pattern", rename_all = "snake_case")]
pub enum Pattern {
    /// So many of the window's points lie beyond a distance. Distance zero is the centre line: a run on one side.
    Beyond {
        /// How many points, at least.
        points: u8,
        /// Of how many consecutive ones.
        window: u8,
        /// Beyond which distance.
        sigmas: f64,
        /// On which sides.
        sides: Sides,
    },
    /// That many points in a row lie within a distance: the exact complement of beyond, unless the options say otherwise.
    Inside {
        /// How many points.
        points: u8,
        /// Within which distance.
        sigmas: f64,
    },
    /// That many points in a row, each higher than the one before, or each lower.
    Trend {
        /// How many points, the first one counted.
        points: u8,
    },
    /// That many points in a row that go up and down in turn.
    Alternating {
        /// How many points, the first one counted.
        points: u8,
    },
    /// Two consecutive points beyond a distance on opposite sides.
    Opposite {
        /// Beyond which distance each of them.
        sigmas: f64,
    },
}

/// On which sides of the centre line the points of a pattern lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sides {
    /// All on the same.
    Same,
    /// On any.
    Either,
    /// On any, with at least one on each.
    Both,
}

/// How grave a rule's signal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A pattern within the control limits.
    Warning,
    /// A point beyond the control limits.
    Critical,
}

impl Rule {
    pub(crate) fn new(id: impl Into<String>, pattern: Pattern) -> Self {
        Self { id: id.into(), pattern }
    }

    /// How grave the rule's signal is: a single point three sigmas off or more is critical, the rest is a warning.
    #[must_use]
    pub fn severity(&self) -> Severity {
        if self.pattern.outlying().is_some_and(|sigmas| sigmas >= 3.0) { Severity::Critical } else { Severity::Warning }
    }

    /// The id as charts print it: `WE1` of `we1`. An id that is more than letters and a number is printed as it is.
    #[must_use]
    pub fn label(&self) -> String {
        let number = self.id.trim_start_matches(|c: char| c.is_ascii_lowercase());
        let plain = number.len() < self.id.len() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        if plain { self.id.to_ascii_uppercase() } else { self.id.clone() }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let broken = |demand: &str| Err(Error::new(Code::InvalidRuleset, format!("rules.{}", self.id), demand));
        if self.id.is_empty() || self.id.len() > 20 || !self.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            return Err(Error::new(Code::InvalidRuleset, "rules.id", "must be 1 to 20 letters, digits, _ and -"));
        }
        if self.pattern.sigmas().is_some_and(|sigmas| !(0.0..=100.0).contains(&sigmas)) {
            return broken("must have sigmas from 0 to 100");
        }
        match self.pattern {
            Pattern::Beyond { points, window, .. } if points == 0 || points > window || window > LONGEST => {
                broken("must have 1 to 32 points, and a window of as many or more, up to 32")
            }
            Pattern::Beyond { points: 1, sides: Sides::Both, .. } => broken("must have 2 points or more to lie on both sides"),
            Pattern::Inside { points, sigmas } if points == 0 || points > LONGEST || sigmas == 0.0 => {
                broken("must have 1 to 32 points, and sigmas above 0")
            }
            Pattern::Trend { points } if !(2..=LONGEST).contains(&points) => broken("must have 2 to 32 points"),
            Pattern::Alternating { points } if !(3..=LONGEST).contains(&points) => broken("must have 3 to 32 points"),
            _ => Ok(()),
        }
    }
}

impl Pattern {
    /// How many points the pattern looks at, the newest one counted.
    #[must_use]
    pub fn span(self) -> usize {
        usize::from(match self {
            Self::Beyond { window, .. } => window,
            Self::Inside { points, .. } | Self::Trend { points } | Self::Alternating { points } => points,
            Self::Opposite { .. } => 2,
        })
    }

    /// The distance beyond which a single point signals, where the pattern is of one point.
    pub(crate) fn outlying(self) -> Option<f64> {
        match self {
            Self::Beyond { window: 1, sigmas, .. } => Some(sigmas),
            _ => None,
        }
    }

    pub(crate) fn sigmas(self) -> Option<f64> {
        match self {
            Self::Beyond { sigmas, .. } | Self::Inside { sigmas, .. } | Self::Opposite { sigmas } => Some(sigmas),
            Self::Trend { .. } | Self::Alternating { .. } => None,
        }
    }
}
