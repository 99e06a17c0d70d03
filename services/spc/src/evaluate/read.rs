//! What is read from a request.

use serde_json::Value;

use super::Object;
use crate::{
    Code, Error, Judged, Limits, Missing, Observation, Online, Options, Plan, Rule, Ruleset, Sides, Signals,
    error::{finite, present},
};

/// What vectors call one way, series call another.
const OTHER_NAMES: &[(&str, &str)] =
    &[("lcl", "ctrl_lcl"), ("ucl", "ctrl_ucl"), ("lsl", "spec_lcl"), ("usl", "spec_ucl"), ("sigma", "estimator"), ("stage", "stages")];

/// A request's inputs and parameters.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) inputs: &'a Object,
    pub(super) params: &'a Object,
}

impl<'a> Call<'a> {
    /// The value of this name, from the inputs or else the parameters, by the name of the vectors or that of series; none when it is
    /// null.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        let other = OTHER_NAMES.iter().find(|(known, _)| *known == name).map(|(_, other)| *other);
        let found = |name: &str| self.inputs.get(name).or_else(|| self.params.get(name)).filter(|value| !value.is_null());
        found(name).or_else(|| found(other?))
    }

    pub(super) fn need(&self, name: &str) -> Result<&'a Value, Error> {
        self.value(name).ok_or_else(|| Error::input(name, "must be there"))
    }

    /// A finite number.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Error> {
        self.value(name).map(|value| finite(number(value, name)?, name)).transpose()
    }

    /// The first of these names that has a finite number.
    pub(super) fn any_number(&self, names: &[&str]) -> Result<Option<f64>, Error> {
        names.iter().find(|name| self.value(name).is_some()).map_or(Ok(None), |name| self.number(name))
    }

    /// A whole number of at least `least`, or what it is by default.
    pub(super) fn count(&self, name: &str, default: u32, least: u32) -> Result<u32, Error> {
        let Some(value) = self.value(name) else { return Ok(default) };
        let count = value.as_u64().or_else(|| value.as_f64().and_then(whole)).and_then(|count| u32::try_from(count).ok());
        count.filter(|&count| count >= least).ok_or_else(|| Error::parameter(name, format!("must be a whole number of {least} or more")))
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name).and_then(Value::as_str)
    }

    /// A word, where nothing else will do.
    pub(super) fn word(&self, name: &str) -> Result<Option<&'a str>, Error> {
        self.value(name).map(|value| value.as_str().ok_or_else(|| Error::parameter(name, "must be a word"))).transpose()
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        let demand = || Error::parameter(name, "must be true or false");
        self.value(name).map(|value| value.as_bool().ok_or_else(demand)).transpose()
    }

    /// Numbers of which null, as NaN, are missing; infinite ones are refused.
    pub(super) fn series(&self, name: &str) -> Result<Vec<f64>, Error> {
        numbers(self.need(name)?, name)
    }

    /// One number for all of `count` points, or a number each.
    pub(super) fn series_or_number(&self, name: &str, count: usize) -> Result<Option<Vec<f64>>, Error> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let series = if value.is_array() { numbers(value, name)? } else { vec![finite(number(value, name)?, name)?; count] };
        same_length(name, series.len(), count)?;
        Ok(Some(series))
    }

    /// Lists of numbers.
    pub(super) fn table(&self, name: &str) -> Result<Vec<Vec<f64>>, Error> {
        rows(self.need(name)?, name)?.iter().enumerate().map(|(place, row)| numbers(row, name).map_err(|error| error.at(place))).collect()
    }

    /// Places below `count`, as a mark each; none when there is no such list.
    pub(super) fn marks(&self, name: &str, count: usize) -> Result<Option<Vec<bool>>, Error> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let places = value.as_array().ok_or_else(|| Error::input(name, "must be a list of places"))?;
        let mut marks = vec![false; count];
        for place in places {
            let place = place.as_u64().or_else(|| place.as_f64().and_then(whole)).and_then(|place| usize::try_from(place).ok());
            let mark = place.and_then(|place| marks.get_mut(place));
            *mark.ok_or_else(|| Error::input(name, "must hold places of points, counted from 0"))? = true;
        }
        Ok(Some(marks))
    }

    /// Which points the limits rest on: those of phase 1, all unless said, without the excluded ones.
    pub(super) fn included(&self, count: usize) -> Result<Vec<bool>, Error> {
        let mut included = self.marks("phase1", count)?.unwrap_or_else(|| vec![true; count]);
        for name in ["excluded", "omit_from_limits"] {
            for (included, omitted) in included.iter_mut().zip(self.marks(name, count)?.unwrap_or_default()) {
                *included &= !omitted;
            }
        }
        Ok(included)
    }

    /// Which points are to be taken for missing.
    pub(super) fn invalid(&self, count: usize) -> Result<Vec<bool>, Error> {
        Ok(self.marks("invalid", count)?.unwrap_or_else(|| vec![false; count]))
    }

    /// How many sigmas off the limits are.
    pub(super) fn width(&self) -> Result<f64, Error> {
        Ok(self.any_number(&["k", "L", "width"])?.unwrap_or(3.0))
    }

    /// The ruleset asked for, with its options.
    pub(super) fn ruleset(&self, default: &str) -> Result<Ruleset, Error> {
        match self.value("ruleset") {
            None => self.named(default),
            Some(Value::String(name)) => self.named(name),
            Some(written) => parsed(written),
        }
    }

    /// A ruleset of this name with the options asked for; of `custom`, with the rules asked for.
    pub(super) fn named(&self, name: &str) -> Result<Ruleset, Error> {
        let mut written = Object::from_iter([("name".to_owned(), name.into())]);
        for (from, to) in [("ruleset_version", "version"), ("rules", "rules")] {
            written.extend(self.value(from).map(|value| (to.to_owned(), value.clone())));
        }
        Ok(parsed(&Value::Object(written))?.with(self.options()?))
    }

    fn options(&self) -> Result<Options, Error> {
        let mut options = match self.value("options") {
            Some(written) => {
                serde_json::from_value(written.clone()).map_err(|_| Error::parameter("options", "must be options of rulesets"))?
            }
            None => Options::default(),
        };
        let told = |names: [&str; 2]| names.into_iter().find_map(|name| self.flag(name).transpose()).transpose();
        options.partial_windows = told(["partial", "partial_windows"])?.unwrap_or(options.partial_windows);
        options.newest_beyond = told(["newest_beyond", "newest_inside_silent"])?.unwrap_or(options.newest_beyond);
        options.inside_inclusive = told(["inside_inclusive", "n7_inclusive"])?.unwrap_or(options.inside_inclusive);
        options.missing = match self.word("missing")? {
            None => options.missing,
            Some("break") => Missing::Break,
            Some("bridge") => Missing::Bridge,
            Some(_) => return Err(Error::parameter("missing", "must be break or bridge")),
        };
        options.mixture = match self.word("mixture")?.or(self.word("n8")?) {
            None => options.mixture,
            Some("both") => Some(Sides::Both),
            Some("either") => Some(Sides::Either),
            Some(_) => return Err(Error::parameter("mixture", "must be both or either")),
        };
        Ok(options)
    }

    /// Limits that are given: of what is plotted where there is a control limit, else of the process where both its centre and
    /// sigma are told.
    pub(super) fn limits(&self) -> Result<Option<Limits>, Error> {
        if let Some(Value::Object(given)) = self.value("limits") {
            return Call { inputs: given, params: &Object::new() }.limits();
        }
        let (lcl, ucl) = (self.number("lcl")?, self.number("ucl")?);
        let centre = self.any_number(&["centre", "center", "target"])?;
        let sigma = if self.text("sigma").is_some() { None } else { self.number("sigma")? };
        if lcl.is_some() || ucl.is_some() {
            return Limits::given(lcl, ucl, centre, sigma).map(Some);
        }
        Ok(centre.zip(sigma).map(|(centre, sigma)| Limits::process(centre, sigma)))
    }
}

/// What is said of each point, and of a point that is refused its place.
pub(super) fn run<'a>(plan: Plan, observations: impl IntoIterator<Item = Observation<'a>>) -> Result<Vec<Judged>, Error> {
    let mut online = Online::new(plan.into());
    let judge = |(place, observation)| online.push(observation).map_err(|error: Error| error.at(place));
    observations.into_iter().enumerate().map(judge).collect()
}

/// Where rules signal, rule by rule, as charts print them.
pub(super) fn violations(rules: &Ruleset, judged: &[Judged]) -> Vec<Value> {
    let signals: Vec<Signals> = judged.iter().map(|point| point.signals).collect();
    signalling(rules, &signals)
}

/// The same of signals alone.
pub(super) fn signalling(rules: &Ruleset, signals: &[Signals]) -> Vec<Value> {
    let at = |(place, rule): (usize, &Rule)| {
        let label = rule.label();
        let holds =
            move |(index, signals): (usize, &Signals)| signals.contains(place).then(|| serde_json::json!({"rule": label, "index": index}));
        signals.iter().enumerate().filter_map(holds).collect::<Vec<_>>()
    };
    rules.rules().iter().enumerate().flat_map(at).collect()
}

/// Where points lie beyond their limits.
pub(super) fn beyond(judged: &[Judged]) -> Vec<usize> {
    judged.iter().enumerate().filter_map(|(index, point)| point.beyond.then_some(index)).collect()
}

pub(super) fn same_length(name: &str, length: usize, count: usize) -> Result<(), Error> {
    if length == count { Ok(()) } else { Err(Error::new(Code::LengthMismatch, name, format!("must have {count} items"))) }
}

pub(super) fn rows<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], Error> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| Error::input(name, "must be a list"))
}

fn numbers(value: &Value, name: &str) -> Result<Vec<f64>, Error> {
    let read = |(place, value)| {
        let read = number(value, name).and_then(|number| present(number, name));
        read.map(|number| number.unwrap_or(f64::NAN)).map_err(|error| error.at(place))
    };
    rows(value, name)?.iter().enumerate().map(read).collect()
}

/// A number; NaN when it is null. What JSON has no digits for is written out, as in `Infinity`.
pub(super) fn number(value: &Value, name: &str) -> Result<f64, Error> {
    match value {
        Value::Null => Ok(f64::NAN),
        Value::Number(number) => number.as_f64().ok_or_else(|| Error::non_finite(name)),
        Value::String(word) if word == "NaN" => Ok(f64::NAN),
        Value::String(word) if word == "Infinity" || word == "-Infinity" => Err(Error::non_finite(name)),
        _ => Err(Error::input(name, "must be a number, or null")),
    }
}

fn whole(number: f64) -> Option<u64> {
    // Where numbers have no whole kind, they are whole when they print so.
    (number.fract() == 0.0 && (0.0..1e15).contains(&number)).then(|| format!("{number:.0}").parse().ok()).flatten()
}

fn parsed(written: &Value) -> Result<Ruleset, Error> {
    let demand = |error: serde_json::Error| Error::new(Code::InvalidRuleset, "ruleset", format!("must be a ruleset: {error}"));
    serde_json::from_value(integral(written.clone())).map_err(demand)
}

/// Whole numbers as such, where they came as fractions of nothing.
fn integral(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().and_then(whole).map_or(Value::Number(number), Value::from),
        Value::Array(items) => items.into_iter().map(integral).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, integral(value))).collect(),
        other => other,
    }
}
