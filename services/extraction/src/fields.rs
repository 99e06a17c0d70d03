//! The JSON edge: named inputs, read into numbers and lists of them.

use num_complex::Complex64;
use serde::Serialize;
use serde_json::Value;

use crate::{Refused, spellings::meant};

/// How many samples a list may hold.
pub const LONGEST: usize = 1_000_000;

/// How many cases may be asked of at once, each with an answer of its own; and how many points of a profile are told.
pub(crate) const MOST_ANSWERS: usize = 10_000;

/// The inputs or the options of an analysis, of which every name is known.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    group: &'static str,
    given: Vec<Given<'a>>,
}

/// A field that is given: by its name in the contract, and as it was spelled.
#[derive(Debug)]
struct Given<'a> {
    name: &'static str,
    spelled: &'a str,
    value: &'a Value,
}

impl<'a> Fields<'a> {
    /// Takes an object whose names are all `known`; null is the empty object, and no value of a field.
    pub(crate) fn of(group: &'static str, value: &'a Value, known: &[&'static str]) -> Result<Self, Refused> {
        let fields = match value {
            Value::Null => None,
            Value::Object(map) => Some(map),
            _ => return Err(Refused::at("wrong_type", group, "must be an object")),
        };
        let mut given: Vec<Given<'a>> = Vec::new();
        for (spelled, value) in fields.into_iter().flatten() {
            let name = meant(known, spelled).ok_or_else(|| unknown(group, spelled, known))?;
            if value.is_null() {
                continue;
            }
            if let Some(other) = given.iter().find(|other| other.name == name) {
                let message = format!("must not stand beside {group}.{}, which means the same", other.spelled);
                return Err(Refused::at("conflict", format!("{group}.{spelled}"), message));
            }
            given.push(Given { name, spelled, value });
        }
        Ok(Self { group, given })
    }

    fn find(&self, name: &str) -> Option<&Given<'a>> {
        self.given.iter().find(|given| given.name == name)
    }

    /// Where a field stands, as a refusal names it.
    pub(crate) fn place(&self, name: &str) -> String {
        format!("{}.{}", self.group, self.find(name).map_or(name, |given| given.spelled))
    }

    /// Where the first of these names stands that a list is given for.
    pub(crate) fn first_list(&self, names: &[&str]) -> Option<String> {
        names.iter().find(|name| self.value(name).is_some_and(Value::is_array)).map(|name| self.place(name))
    }

    /// A field's value; null is none.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.find(name).map(|given| given.value)
    }

    /// Whether a field is given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Refuses for lack of a field.
    pub(crate) fn missing(&self, name: &str) -> Refused {
        Refused::at("missing_field", self.place(name), "is needed")
    }

    /// A number, if it is given.
    pub(crate) fn optional(&self, name: &str) -> Result<Option<f64>, Refused> {
        self.value(name).map(|value| finite(value, &self.place(name))).transpose()
    }

    /// A number that must be given.
    pub(crate) fn number(&self, name: &str) -> Result<f64, Refused> {
        self.optional(name)?.ok_or_else(|| self.missing(name))
    }

    /// A number above zero, if it is given.
    pub(crate) fn optional_positive(&self, name: &str) -> Result<Option<f64>, Refused> {
        let number = self.optional(name)?;
        if number.is_some_and(|number| number <= 0.0) {
            return Err(Refused::at("out_of_range", self.place(name), "must be above zero"));
        }
        Ok(number)
    }

    /// A number above zero that must be given.
    pub(crate) fn positive(&self, name: &str) -> Result<f64, Refused> {
        self.optional_positive(name)?.ok_or_else(|| self.missing(name))
    }

    /// A number within bounds, or what stands for it.
    pub(crate) fn within(&self, name: &str, least: f64, most: f64, default: f64) -> Result<f64, Refused> {
        let number = self.optional(name)?.unwrap_or(default);
        if number < least || number > most {
            return Err(Refused::at("out_of_range", self.place(name), format!("must be between {least} and {most}")));
        }
        Ok(number)
    }

    /// A whole number within bounds, if it is given.
    pub(crate) fn whole(&self, name: &str, least: usize, most: usize) -> Result<Option<usize>, Refused> {
        let Some(number) = self.optional(name)? else { return Ok(None) };
        let whole = (least..=most).find(|whole| (crate::numeric::count(*whole) - number).abs() < 1e-9);
        whole
            .map(Some)
            .ok_or_else(|| Refused::at("out_of_range", self.place(name), format!("must be a whole number from {least} to {most}")))
    }

    /// A text, if it is given.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Refused> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let text = value.as_str().filter(|text| text.len() <= 1000);
        text.map(Some).ok_or_else(|| Refused::at("wrong_type", self.place(name), "must be a text of at most 1000 characters"))
    }

    /// A list, if it is given.
    pub(crate) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, Refused> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let list = value.as_array().ok_or_else(|| Refused::at("wrong_type", self.place(name), "must be a list"))?;
        if list.len() > LONGEST {
            return Err(Refused::at("too_many_samples", self.place(name), format!("holds more than {LONGEST} samples")));
        }
        Ok(Some(list))
    }

    /// Samples, if they are given; what is missing among them is NaN.
    pub(crate) fn optional_samples(&self, name: &str) -> Result<Option<Vec<f64>>, Refused> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let samples = list.iter().enumerate().map(|(index, value)| sample(value, || format!("{}[{index}]", self.place(name))));
        samples.collect::<Result<_, _>>().map(Some)
    }

    /// Samples that must be given.
    pub(crate) fn samples(&self, name: &str) -> Result<Vec<f64>, Refused> {
        self.optional_samples(name)?.ok_or_else(|| self.missing(name))
    }

    /// Samples as many as there are of another name.
    pub(crate) fn samples_beside(&self, name: &str, other: &str, length: usize) -> Result<Vec<f64>, Refused> {
        let samples = self.samples(name)?;
        self.same_length(name, samples.len(), other, length)?;
        Ok(samples)
    }

    /// Refuses lists of different lengths.
    pub(crate) fn same_length(&self, name: &str, length: usize, other: &str, others: usize) -> Result<(), Refused> {
        if length == others {
            return Ok(());
        }
        let message = format!("holds {length} samples, but {} holds {others}", self.place(other));
        Err(Refused::at("length_mismatch", self.place(name), message))
    }

    /// Refuses more cases than are answered at once.
    pub(crate) fn few(&self, name: &str, length: usize) -> Result<(), Refused> {
        if length <= MOST_ANSWERS {
            return Ok(());
        }
        Err(Refused::at("too_many_samples", self.place(name), format!("holds more than {MOST_ANSWERS} cases")))
    }

    /// One number, or a list of them, none of which may be missing.
    pub(crate) fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, Refused> {
        match self.value(name) {
            Some(Value::Array(_)) => {
                let list = self.list(name)?.unwrap_or_default();
                let numbers = list.iter().enumerate().map(|(index, value)| finite(value, &format!("{}[{index}]", self.place(name))));
                numbers.collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Ok(Some(vec![self.number(name)?])),
            None => Ok(None),
        }
    }

    /// A refractive index: a number, or a pair of its real part and its imaginary part, as they are written.
    pub(crate) fn index(&self, name: &str) -> Result<Option<Complex64>, Refused> {
        self.value(name).map(|value| complex(value, &self.place(name))).transpose()
    }

    /// Refractive indices: one, or a list of one for each sample.
    pub(crate) fn indices(&self, name: &str, length: usize) -> Result<Option<Vec<Complex64>>, Refused> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match value.as_array() {
            // Two numbers are one index, unless there are two samples of a real one.
            Some(list) if length != 2 && list.len() == 2 && list.iter().all(Value::is_number) => {
                Ok(self.index(name)?.map(|index| vec![index; length]))
            }
            Some(_) => {
                let list = self.list(name)?.unwrap_or_default();
                self.same_length(name, list.len(), "wavelength_nm", length)?;
                let indices = list.iter().enumerate().map(|(at, value)| complex(value, &format!("{}[{at}]", self.place(name))));
                indices.collect::<Result<_, _>>().map(Some)
            }
            None => Ok(self.index(name)?.map(|index| vec![index; length])),
        }
    }
}

/// Refuses a name that no known field has.
fn unknown(group: &str, spelled: &str, known: &[&str]) -> Refused {
    let names = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let short: String = spelled.chars().take(100).collect();
    Refused::at("unknown_field", format!("{group}.{short}"), format!("is not known here; known are: {names}"))
}

/// Answers as they were asked for: a list of a list, one number of one.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answers {
    /// Of one number.
    One(Option<f64>),
    /// Of a list.
    List(Vec<f64>),
}

impl Answers {
    /// The answers, of which the first is the only one unless they are `listed`.
    pub(crate) fn of(answers: Vec<f64>, listed: bool) -> Self {
        if listed { Self::List(answers) } else { Self::One(answers.first().copied()) }
    }
}

/// A number of JSON that is one, and neither missing nor infinite.
pub(crate) fn finite(value: &Value, place: &str) -> Result<f64, Refused> {
    let number = sample(value, || place.to_owned())?;
    if number.is_nan() { Err(Refused::at("missing_value", place, "must not be missing")) } else { Ok(number) }
}

/// A sample: a number, or NaN where it is missing. Infinity is a fault of who sends it, however it is written.
fn sample(value: &Value, place: impl Fn() -> String) -> Result<f64, Refused> {
    let infinite = || Refused::at("non_finite_value", place(), "is infinite; a missing value is null");
    match value {
        Value::Null => Ok(f64::NAN),
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()).ok_or_else(infinite),
        Value::String(text) => match text.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str() {
            "nan" => Ok(f64::NAN),
            "inf" | "infinity" => Err(infinite()),
            _ => Err(Refused::at("wrong_type", place(), "must be a number")),
        },
        _ => Err(Refused::at("wrong_type", place(), "must be a number")),
    }
}

fn complex(value: &Value, place: &str) -> Result<Complex64, Refused> {
    match value.as_array().map(Vec::as_slice) {
        None => Ok(Complex64::new(finite(value, place)?, 0.0)),
        Some([real, imaginary]) => Ok(Complex64::new(finite(real, place)?, finite(imaginary, place)?)),
        Some(_) => Err(Refused::at("wrong_type", place, "must be a number, or a pair of real and imaginary part")),
    }
}
