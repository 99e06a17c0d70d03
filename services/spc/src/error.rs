use std::fmt;

/// What kind of thing is wrong with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// A value is infinite, or grows beyond what a number holds.
    NonFiniteValue,
    /// Two inputs that belong together differ in length.
    LengthMismatch,
    /// Too few values for what is asked.
    InsufficientData,
    /// The control limits contradict one another.
    InvalidLimits,
    /// The specification limits contradict one another, or there are none.
    InvalidSpecLimits,
    /// No ruleset has that name and version, or its rules break a rule.
    InvalidRuleset,
    /// A parameter lies outside of its range, or is none at all.
    InvalidParameter,
    /// An input is not what the chart takes.
    InvalidInput,
    /// No chart is called so.
    UnknownChart,
    /// A part has no mean and sigma.
    UnknownPart,
    /// A covariance has no inverse.
    SingularCovariance,
}

impl Code {
    /// The code in lower case, as it is told over the wire.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NonFiniteValue => "non_finite_value",
            Self::LengthMismatch => "length_mismatch",
            Self::InsufficientData => "insufficient_data",
            Self::InvalidLimits => "invalid_limits",
            Self::InvalidSpecLimits => "invalid_spec_limits",
            Self::InvalidRuleset => "invalid_ruleset",
            Self::InvalidParameter => "invalid_parameter",
            Self::InvalidInput => "invalid_input",
            Self::UnknownChart => "unknown_chart",
            Self::UnknownPart => "unknown_part",
            Self::SingularCovariance => "singular_covariance",
        }
    }
}

/// Why an input is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of thing is wrong.
    pub code: Code,
    /// The input or parameter that is wrong.
    pub field: String,
    /// Where in the field, counted from zero, when it is a list.
    pub index: Option<usize>,
    /// What the field must be instead.
    pub demand: String,
}

impl Error {
    pub(crate) fn new(code: Code, field: impl Into<String>, demand: impl Into<String>) -> Self {
        Self { code, field: field.into(), index: None, demand: demand.into() }
    }

    pub(crate) fn parameter(field: impl Into<String>, demand: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameter, field, demand)
    }

    pub(crate) fn input(field: impl Into<String>, demand: impl Into<String>) -> Self {
        Self::new(Code::InvalidInput, field, demand)
    }

    pub(crate) fn non_finite(field: impl Into<String>) -> Self {
        Self::new(Code::NonFiniteValue, field, "must be finite, as must what is computed of it")
    }

    pub(crate) fn at(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.label(), self.field)?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        write!(f, " {}", self.demand)
    }
}

impl std::error::Error for Error {}

/// The value, when it is finite.
#[inline]
pub(crate) fn finite(value: f64, field: &str) -> Result<f64, Error> {
    if value.is_finite() { Ok(value) } else { Err(Error::non_finite(field)) }
}

/// The value, none when it is missing. An infinite value is refused.
#[inline]
pub(crate) fn present(value: f64, field: &str) -> Result<Option<f64>, Error> {
    if value.is_nan() { Ok(None) } else { finite(value, field).map(Some) }
}

/// The value, when it is finite and above zero.
pub(crate) fn positive(value: f64, field: &str) -> Result<f64, Error> {
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err(Error::parameter(field, "must be a finite number above 0")) }
}
