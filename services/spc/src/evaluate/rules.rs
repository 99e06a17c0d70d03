//! Rules alone, over points whose lines are given.

use serde_json::{Value, json};

use super::{
    Object, object,
    read::{Call, signalling},
};
use crate::{Error, Ruleset, error::present, history::Course};

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
    for (place, (centre, sigma)) in centres.iter().zip(&sigmas).enumerate() {
        present(centre + 100.0 * sigma, "sigma").map_err(|error| error.at(place))?;
    }
    let course = Course::Varying { centres: &centres, sigmas: &sigmas };
    let Some(names) = call.value("rulesets") else {
        return Ok(object(json!({"violations": judged(&call.ruleset("western_electric")?, &points, course)?})));
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
        by_name.insert(name.to_owned(), judged(&call.named(name)?, &points, course)?.into());
    }
    Ok(object(json!({"violations": by_name})))
}

fn judged(ruleset: &Ruleset, points: &[f64], course: Course<'_>) -> Result<Vec<Value>, Error> {
    Ok(signalling(ruleset, &ruleset.judge_along(points, course)?))
}
