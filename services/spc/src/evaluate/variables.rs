//! Charts of single values: moving ranges, averages, sums, and short runs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Object, insufficient, object,
    read::{Call, beyond, run, same_length, violations},
};
use crate::{
    ChartType, Code, Cusum, Error, Judged, Limits, Observation, Part, Plan, Settings,
    constants::range,
    estimate::{Estimate, Estimator, individuals as estimated, moving_ranges},
};

/// The values, and those of them that the limits rest on.
fn values(call: &Call<'_>) -> Result<(Vec<f64>, Vec<f64>), Error> {
    let mut values = call.series("x")?;
    let invalid = call.invalid(values.len())?;
    for (value, invalid) in values.iter_mut().zip(invalid) {
        *value = if invalid { f64::NAN } else { *value };
    }
    let included = call.included(values.len())?;
    let base = values.iter().zip(included).map(|(&value, included)| if included { value } else { f64::NAN }).collect();
    Ok((values, base))
}

/// What the values say of the process, by the estimator that the call names.
fn process(call: &Call<'_>, base: &[f64], span: u32) -> Result<Estimate, Error> {
    let name = call.text("sigma").unwrap_or("mr_bar/d2");
    let estimator = Estimator::of(name).ok_or_else(|| Error::parameter("sigma", "must be a number, or the name of an estimator"))?;
    estimated(base, estimator, span)
}

/// Limits as given, else of centre and sigma, each as given or estimated; sigma is NaN when nothing tells it.
fn limits(call: &Call<'_>, base: &[f64], span: u32) -> Result<Limits, Error> {
    if let Some(given) = call.limits()? {
        return Ok(given);
    }
    let estimate = process(call, base, span)?;
    let centre = call.any_number(&["target", "centre", "center"])?.unwrap_or(estimate.centre);
    let given = if call.text("sigma").is_some() { None } else { call.number("sigma")? };
    Ok(Limits::process(centre, given.or(estimate.sigma).unwrap_or(f64::NAN)))
}

/// Single values with their moving range.
pub(super) fn individuals(call: &Call<'_>) -> Result<Object, Error> {
    let (values, base) = values(call)?;
    let span =
        call.any_number(&["span", "w"])?.map_or(Ok(2), |_| call.count(if call.value("span").is_some() { "span" } else { "w" }, 2, 2))?;
    let limits = limits(call, &base, span)?;
    if limits.sigma().is_nan() {
        return Ok(insufficient(limits.centre()));
    }
    let width = call.width()?;
    let plan = Plan::new(ChartType::IMr, limits, call.ruleset("western_electric")?, Settings { width, ..Settings::default() })?;
    let (rules, sigma) = (plan.rules().clone(), limits.sigma());
    let judged = run(plan, values.iter().map(|&value| Observation::Value(value)))?;
    let moments = range(span).ok_or_else(|| Error::parameter("span", "must be at most 1000"))?;
    let ranges = moving_ranges(&values, usize::try_from(span).unwrap_or(usize::MAX));
    let mut answer = object(json!({
        "centre": limits.centre(),
        "sigma": sigma,
        "limits": lines(&judged),
        "mr": {
            "values": ranges,
            "centre": moments.mean * sigma,
            "ucl": sigma * (moments.mean + width * moments.deviation),
            "lcl": (sigma * (moments.mean - width * moments.deviation)).max(0.0),
        },
        "violations": violations(&rules, &judged),
        "beyond_limits": beyond(&judged),
    }));
    if sigma == 0.0 {
        answer.insert("status".to_owned(), "degenerate_sigma".into());
    }
    Ok(answer)
}

/// The limits of a chart that has the same at every point.
fn lines(judged: &[Judged]) -> Value {
    judged.first().map_or(Value::Null, |point| json!({"ucl": point.ucl, "lcl": point.lcl}))
}

/// What is observed at each point: means of `n` values where the call tells it, else single values.
fn sized<'a>(call: &Call<'_>, values: &[f64]) -> Result<Vec<Observation<'a>>, Error> {
    let Some(sizes) = call.series_or_number("n", values.len())? else {
        return Ok(values.iter().map(|&value| Observation::Value(value)).collect());
    };
    let of = |(place, (&mean, size)): (usize, (&f64, f64))| {
        if size.is_nan() {
            return Ok(Observation::Missing);
        }
        let whole = (size.fract() == 0.0 && (0.0..=1e9).contains(&size)).then(|| format!("{size:.0}").parse().ok()).flatten();
        let size = whole.ok_or_else(|| Error::input("n", "must be whole numbers of 0 or more").at(place))?;
        Ok(Observation::Subgroup { mean, spread: f64::NAN, size })
    };
    values.iter().zip(sizes).enumerate().map(of).collect()
}

/// How many values each mean is of, where sigma hangs on it and all are of as many; 1 of single values.
fn common_size(observed: &[Observation<'_>]) -> Result<f64, Error> {
    let size = |observation: &Observation<'_>| match *observation {
        Observation::Subgroup { size, .. } if size > 0 => Some(size),
        _ => None,
    };
    let mut sizes = observed.iter().filter_map(size);
    let first = sizes.next().unwrap_or(1);
    if sizes.all(|size| size == first) {
        Ok(f64::from(first))
    } else {
        Err(Error::input("n", "must be the same at every point, unless what hangs on it is given"))
    }
}

/// Limits of single values where the points are means of them. What is estimated of means is the sigma of means.
fn limits_of_means(call: &Call<'_>, base: &[f64], observed: &[Observation<'_>]) -> Result<Limits, Error> {
    let limits = limits(call, base, 2)?;
    let told = call.value("sigma").is_some_and(|sigma| !sigma.is_string());
    match limits {
        Limits::Process { centre, sigma } if !told => Ok(Limits::process(centre, sigma * common_size(observed)?.sqrt())),
        limits => Ok(limits),
    }
}

/// The exponentially weighted moving average.
pub(super) fn ewma(call: &Call<'_>) -> Result<Object, Error> {
    let (values, base) = values(call)?;
    let observed = sized(call, &values)?;
    let limits = limits_of_means(call, &base, &observed)?;
    if limits.sigma().is_nan() {
        return Ok(insufficient(limits.centre()));
    }
    let exact = exact(call)?;
    let lambda = call.any_number(&["lambda", "lam"])?.unwrap_or(Settings::default().lambda);
    let settings = Settings { width: call.any_number(&["L", "k"])?.unwrap_or(3.0), lambda, exact, ..Settings::default() };
    let plan = Plan::new(ChartType::Ewma, limits, call.ruleset("western_electric")?, settings)?;
    let judged = run(plan, observed)?;
    let fold = !exact && call.value("n").is_none_or(|n| !n.is_array());
    let mut answer = object(json!({
        "centre": limits.centre(),
        "sigma": limits.sigma(),
        "stats": stats(&judged),
        "limits": {
            "ucl": super::folded(&judged.iter().map(|point| point.ucl).collect::<Vec<_>>(), fold),
            "lcl": super::folded(&judged.iter().map(|point| point.lcl).collect::<Vec<_>>(), fold),
        },
        "violations": beyond(&judged),
    }));
    if limits.sigma() == 0.0 {
        answer.insert("status".to_owned(), "degenerate_sigma".into());
    }
    Ok(answer)
}

/// Whether limits are those of each point, and not of where they end up.
pub(super) fn exact(call: &Call<'_>) -> Result<bool, Error> {
    match call.word("limits")? {
        None | Some("exact" | "time_varying") => Ok(true),
        Some("steady_state" | "steady" | "asymptotic") => Ok(false),
        Some(_) => Err(Error::parameter("limits", "must be exact or steady_state")),
    }
}

pub(super) fn stats(judged: &[Judged]) -> Vec<Option<f64>> {
    judged.iter().map(|point| point.statistic).collect()
}

/// Tabular cumulative sums. `K` and `H` are in the data's units, `k` and `h` in sigmas; so is the head start, after `H` or `h`.
pub(super) fn cusum(call: &Call<'_>) -> Result<Object, Error> {
    let (values, base) = values(call)?;
    let given = [call.number("K")?, call.number("H")?];
    let told = call.any_number(&["target", "centre", "center"])?.filter(|_| given.iter().all(Option::is_some));
    let observed = sized(call, &values)?;
    let (target, sigma) = if let Some(target) = told {
        (target, 1.0)
    } else {
        // In sigmas of what is summed up.
        let limits = limits_of_means(call, &base, &observed)?;
        (limits.centre(), limits.sigma() / common_size(&observed)?.sqrt())
    };
    if sigma.is_nan() {
        return Ok(insufficient(target));
    }
    let usual = Settings::default();
    let in_sigmas = |value: Option<f64>| value.map(|value| value / sigma);
    let allowance = in_sigmas(given[0]).or(call.number("k")?).unwrap_or(usual.allowance);
    let decision = in_sigmas(given[1]).or(call.number("h")?).unwrap_or(usual.decision);
    let start = call.number("headstart")?.map(|start| if given[1].is_some() { start / sigma } else { start });
    let quick = call.flag("fir")?.unwrap_or(false).then_some(decision / 2.0);
    let settings = Settings { allowance, decision, headstart: start.or(quick).unwrap_or(0.0), ..usual };
    let plan = Plan::new(ChartType::Cusum, Limits::process(target, sigma), call.ruleset("western_electric")?, settings)?;
    let judged = run(plan, observed)?;
    let sums = |of: fn(Cusum) -> Value| -> Vec<Value> {
        judged.iter().map(|point| point.statistic.and(point.cusum).map_or(Value::Null, of)).collect()
    };
    let (mut violations, mut changes) = (Vec::new(), Vec::new());
    for (side, place) in [("C+", 0), ("C-", 1)] {
        for (index, point) in judged.iter().enumerate().filter(|(_, point)| point.signals.contains(place)) {
            violations.push(json!([side, index]));
            let run = point.cusum.map_or(0, |sums| if place == 0 { sums.ups } else { sums.downs });
            changes.push(
                json!({"side": side, "index": index, "change_point": index.saturating_sub(usize::try_from(run).unwrap_or(usize::MAX))}),
            );
        }
    }
    Ok(object(json!({
        "target": target,
        "sigma": sigma,
        "K": allowance * sigma,
        "H": decision * sigma,
        "cpos": sums(|sums| sums.up.into()),
        "cneg": sums(|sums| sums.down.into()),
        "npos": sums(|sums| sums.ups.into()),
        "nneg": sums(|sums| sums.downs.into()),
        "violations": violations,
        "change_points": changes,
    })))
}

/// Short runs of parts, each standardised.
pub(super) fn short_run(call: &Call<'_>) -> Result<Object, Error> {
    let (values, base) = values(call)?;
    let names: Vec<&str> = call
        .need("part")?
        .as_array()
        .and_then(|names| names.iter().map(Value::as_str).collect())
        .ok_or_else(|| Error::input("part", "must be a list of names"))?;
    same_length("part", names.len(), values.len())?;
    let parts = parts(call, &names, &base)?;
    let width = call.width()?;
    let settings = Settings { width, parts, ..Settings::default() };
    let plan = Plan::new(ChartType::ZMr, Limits::process(0.0, 1.0), call.ruleset("nelson")?, settings)?;
    let rules = plan.rules().clone();
    let judged = run(plan, names.iter().zip(&values).map(|(&part, &value)| Observation::Part { part, value }))?;
    let moments = range(2).ok_or_else(|| Error::parameter("span", "must be 2"))?;
    Ok(object(json!({
        "stats": stats(&judged),
        "mr": judged.iter().map(|point| point.spread.map(|spread| spread.value)).collect::<Vec<_>>(),
        "limits": {"ucl": width, "lcl": -width, "mr_ucl": moments.mean + width * moments.deviation},
        "violations": violations(&rules, &judged),
        "beyond_limits": beyond(&judged),
    })))
}

/// Means and sigmas as given, else of each part's own values: their mean, and their standard deviation over c4.
fn parts(call: &Call<'_>, names: &[&str], base: &[f64]) -> Result<BTreeMap<String, Part>, Error> {
    if let Some(given) = call.value("targets") {
        return serde_json::from_value(given.clone()).map_err(|_| Error::input("targets", "must hold mean and sigma of each part"));
    }
    let mut own: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (&name, &value) in names.iter().zip(base) {
        own.entry(name).or_default().push(value);
    }
    own.into_iter()
        .map(|(name, values)| {
            let estimate = estimated(&values, Estimator::Sd, 2)?;
            let few =
                || Error::new(Code::InsufficientData, format!("targets.{name}"), "must be given, as the part has fewer than 2 values");
            Ok((name.to_owned(), Part { mean: estimate.centre, sigma: estimate.sigma.ok_or_else(few)? }))
        })
        .collect()
}
