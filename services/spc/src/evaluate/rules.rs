//! Rules alone, over points whose lines are given.

use serde_json::{Value, json};

use super::{
    Object, object,
    read::{Call, signalling},
};
use crate::{Error, Ruleset, error::finite, limits::Lines};

/// The rules that signal, of one ruleset or of several by name. Centre and sigma are one number each, or one a point.
pub(super) fn rules(call: &Call<'_>) -> Result<Object, Error> {
    let points = call.series("x")?;
    let column = |name: &str, default: f64| {
        Ok::<_, Error>(call.series_or_number(name, points.len())?.unwrap_or_else(|| vec![default; points.len()]))
    };
    let (centres, sigmas) = (column("centre", 0.0)?, column("sigma", 1.0)?);
    if let Some(place) = sigmas.iter().position(|&sigma| sigma < 0.0) {
        return Err(Error::input("sigma", "must be 0 or more").at(place));
    }
    let lines: Vec<Lines> = centres.iter().zip(&sigmas).map(|(&centre, &sigma)| Lines::around(centre, sigma, 3.0, None)).collect();
    for (place, line) in lines.iter().enumerate().filter(|(_, line)| !line.centre.is_nan() && !line.sigma.is_nan()) {
        finite(line.centre + 100.0 * line.sigma, "sigma").map_err(|error| error.at(place))?;
    }
    let Some(names) = call.value("rulesets") else {
        return Ok(object(json!({"violations": judged(&call.ruleset("western_electric")?, &points, &lines)?})));
    };
    let names: Vec<&str> = names
        .as_array()
        .and_then(|names| names.iter().map(Value::as_str).collect())
        .ok_or_else(|| Error::parameter("rulesets", "must be a list of names"))?;
    if names.len() > 20 {
        return Err(Error::parameter("rulesets", "must be at most 20 names"));
    }
    let mut by_name = Object::new();
    for name in names {
        by_name.insert(name.to_owned(), judged(&call.named(name)?, &points, &lines)?.into());
    }
    Ok(object(json!({"violations": by_name})))
}

fn judged(ruleset: &Ruleset, points: &[f64], lines: &[Lines]) -> Result<Vec<Value>, Error> {
    let signals = ruleset.judge_between(points.iter().copied().zip(lines.iter().copied()))?;
    Ok(signalling(ruleset, &signals))
}
