//! Capability from values and a specification.

use super::{Object, members, read::Call};
use crate::{
    Error,
    capability::{Capability, Distribution, Percentiles, Specification, Within, best_lambda, transformed},
    error::positive,
    estimate::{Estimator, Subgroup, individuals, number, subgroups},
};

/// Indices by a normal distribution, by percentiles of another one, or after a transformation.
pub(super) fn capability(call: &Call<'_>) -> Result<Object, Error> {
    let specification = Specification::new(call.number("lsl")?, call.number("usl")?, call.number("target")?)?;
    let nested = call.need("x")?.get(0).is_some_and(serde_json::Value::is_array);
    let rows = if nested { call.table("x")? } else { vec![call.series("x")?] };
    let values: Vec<f64> = rows.iter().flatten().copied().filter(|value| !value.is_nan()).collect();
    if let Some(name) = call.word("distribution")?.filter(|&name| name != "normal" || call.text("method") == Some("percentile")) {
        let distribution = Distribution::of(name)
            .ok_or_else(|| Error::parameter("distribution", "must be normal, lognormal, weibull, gamma or exponential"))?;
        return members(&Percentiles::of(distribution.fit(&values)?, &specification));
    }
    let level = call.number("level")?.unwrap_or(0.95);
    let Some(name) = call.word("transform")? else {
        let within = within(call, &rows, nested, values.len())?;
        return members(&Capability::of(&values, within, &specification, level)?);
    };
    if !matches!(name, "box-cox" | "box_cox" | "boxcox") {
        return Err(Error::parameter("transform", "must be box_cox"));
    }
    let lambda = match call.number("lambda")? {
        Some(lambda) => lambda,
        None => best_lambda(&values)?,
    };
    let (moved, specification) = transformed(&values, &specification, lambda)?;
    let mut left = moved.iter();
    let mut move_one = |&value: &f64| if value.is_nan() { value } else { left.next().copied().unwrap_or(f64::NAN) };
    let rows: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(&mut move_one).collect()).collect();
    let within = within(call, &rows, nested, values.len())?;
    let mut answer = members(&Capability::of(&moved, within, &specification, level)?)?;
    answer.insert("lambda".to_owned(), lambda.into());
    Ok(answer)
}

/// The sigma within, given or estimated: of subgroups by their ranges, of single values by moving ranges, unless the call names
/// another estimator. Its degrees of freedom are those of the whole, as in qcc, unless told.
fn within(call: &Call<'_>, rows: &[Vec<f64>], nested: bool, count: usize) -> Result<Within, Error> {
    let df = match call.value("df_within") {
        Some(df) if df.is_number() => positive(call.number("df_within")?.unwrap_or(f64::NAN), "df_within")?,
        _ => number(count) - 1.0,
    };
    let name = ["sigma_within", "sigma"].into_iter().find(|name| call.value(name).is_some());
    if let Some(name) = name.filter(|name| call.text(name).is_none()) {
        return Ok(Within { sigma: positive(call.number(name)?.unwrap_or(f64::NAN), name)?, df });
    }
    let method = name.and_then(|name| call.text(name)).unwrap_or(if nested { "rbar" } else { "mr_bar/d2" });
    let method = Estimator::of(method).ok_or_else(|| Error::parameter("sigma_within", "must be a number, or the name of an estimator"))?;
    let estimate = if method.of_individuals() {
        individuals(&rows.concat(), method, call.count("span", 2, 2)?)?
    } else {
        subgroups(&rows.iter().map(|row| Subgroup::of(row)).collect::<Result<Vec<_>, _>>()?, method)?
    };
    let few = || Error::new(crate::Code::InsufficientData, "x", "must have values enough to tell the sigma within");
    Ok(Within { sigma: estimate.sigma.ok_or_else(few)?, df })
}
