//! Charts of several variables.

use serde_json::json;

use super::{
    Object, object,
    read::{Call, beyond, rows, run, same_length},
    variables::{exact, stats},
};
use crate::{
    ChartType, Code, Error, Judged, Limits, Multivariate, Observation, Plan, Settings,
    distribution::{beta_quantile, chi_squared_quantile, f_quantile},
    estimate::number,
    matrix::{Covariance, product},
};

/// Means and covariance that a chart rests on, and of how many vectors; none where they are known.
struct Base {
    variables: Multivariate,
    vectors: Option<f64>,
    /// The degrees of freedom of a covariance of successive differences.
    successive: Option<f64>,
}

/// Hotelling's T squared of vectors. A point of phase I is held against the limit of phase I, any other against that of phase II.
pub(super) fn t2(call: &Call<'_>) -> Result<Object, Error> {
    if let Some(first) = call.need("X")?.get(0).and_then(|row| row.get(0)).filter(|cell| cell.is_array()) {
        return Err(Error::input("X", format!("must be a list of vectors, whose members are numbers and not {first}")));
    }
    let vectors = vectors(call)?;
    let base = base(call, &vectors)?;
    let alpha = call.number("alpha")?.unwrap_or(0.0027);
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::parameter("alpha", "must lie between 0 and 1"));
    }
    let [ucl_phase1, ucl_phase2] = limits(&base, alpha)?;
    let (mean, cov) = (base.variables.mean.clone(), base.variables.covariance.clone());
    let settings = Settings { variables: Some(base.variables), ..Settings::default() };
    let plan = Plan::new(ChartType::T2, Limits::upper(ucl_phase1), call.ruleset("western_electric")?, settings)?;
    let judged = run(plan, vectors.iter().map(|vector| Observation::Vector(vector)))?;
    let included = call.included(vectors.len())?;
    let past = |(index, (point, included)): (usize, (&Judged, &bool))| {
        let limit = if *included { ucl_phase1 } else { ucl_phase2 };
        point.statistic.filter(|&statistic| statistic > limit).map(|_| index)
    };
    Ok(object(json!({
        "mean": mean,
        "det": Covariance::of(&cov)?.determinant(),
        "cov": cov,
        "stats": stats(&judged),
        "limits": {"ucl_phase1": ucl_phase1, "ucl_phase2": ucl_phase2},
        "violations": judged.iter().zip(&included).enumerate().filter_map(past).collect::<Vec<_>>(),
    })))
}

/// The upper limits of phase I and II. Sources: Tracy, Young and Mason 1992; of successive differences Scholz and Tosch 1994.
fn limits(base: &Base, alpha: f64) -> Result<[f64; 2], Error> {
    let p = number(base.variables.mean.len());
    // What both tend to as the vectors become many.
    let Some(m) = base.vectors else { return Ok([chi_squared_quantile(1.0 - alpha, p); 2]) };
    let free = base.successive.unwrap_or(m - 1.0);
    if free <= p || m <= p + 1.0 {
        return Err(Error::new(Code::InsufficientData, "X", "must have 2 vectors more than variables, or more where they are differenced"));
    }
    let first = (m - 1.0).powi(2) / m * beta_quantile(1.0 - alpha, 0.5 * p, 0.5 * (free - p));
    Ok([first, p * (m + 1.0) * (m - 1.0) / (m * m - m * p) * f_quantile(1.0 - alpha, p, m - p)])
}

/// T squared of exponentially weighted moving averages (Lowry et al. 1992), under a limit that is given.
pub(super) fn mewma(call: &Call<'_>) -> Result<Object, Error> {
    let vectors = vectors(call)?;
    let base = base(call, &vectors)?;
    let limit = call
        .any_number(&["h", "H", "ucl", "h4"])?
        .ok_or_else(|| Error::parameter("h", "must be there: the limit for the run length that is wanted"))?;
    let usual = Settings::default();
    let lambda = call.any_number(&["lambda", "lam"])?.unwrap_or(usual.lambda);
    let (mean, cov) = (base.variables.mean.clone(), base.variables.covariance.clone());
    let settings = Settings { lambda, exact: exact(call)?, variables: Some(base.variables), ..usual };
    let plan = Plan::new(ChartType::Mewma, Limits::upper(limit), call.ruleset("western_electric")?, settings)?;
    let judged = run(plan, vectors.iter().map(|vector| Observation::Vector(vector)))?;
    Ok(object(json!({"mean": mean, "cov": cov, "stats": stats(&judged), "limits": {"ucl": limit}, "violations": beyond(&judged)})))
}

/// The vectors; one of an invalid point, or with a value missing, is missing.
fn vectors(call: &Call<'_>) -> Result<Vec<Vec<f64>>, Error> {
    let mut vectors = call.table("X")?;
    let width = vectors.first().map_or(0, Vec::len);
    for (place, vector) in vectors.iter().enumerate() {
        same_length("X", vector.len(), width).map_err(|error| error.at(place))?;
    }
    for (vector, invalid) in vectors.iter_mut().zip(call.invalid(rows(call.need("X")?, "X")?.len())?) {
        if invalid {
            vector.fill(f64::NAN);
        }
    }
    Ok(vectors)
}

/// Means and covariance as given, else of the vectors that the limits rest on.
fn base(call: &Call<'_>, vectors: &[Vec<f64>]) -> Result<Base, Error> {
    let included = call.included(vectors.len())?;
    let there = |(vector, included): (&Vec<f64>, bool)| (included && vector.iter().all(|value| !value.is_nan())).then(|| vector.clone());
    let sample: Vec<Vec<f64>> = vectors.iter().zip(included).filter_map(there).collect();
    let mean = ["mean", "mu", "target"].into_iter().find(|name| call.value(name).is_some());
    match (mean, ["cov", "covariance"].into_iter().find(|name| call.value(name).is_some_and(|value| !value.is_string()))) {
        (Some(mean), Some(covariance)) => {
            let variables = Multivariate { mean: call.series(mean)?, covariance: call.table(covariance)?, size: 1 };
            return Ok(Base { variables, vectors: call.number("m")?, successive: None });
        }
        (Some(mean), None) => return Err(Error::input(mean, "must come with cov, the covariance as a matrix")),
        (None, Some(covariance)) => return Err(Error::input(covariance, "must come with mean, or be sample or successive_differences")),
        (None, None) => {}
    }
    if sample.len() < 2 {
        return Err(Error::new(Code::InsufficientData, "X", "must have 2 vectors or more"));
    }
    let m = number(sample.len());
    let mean: Vec<f64> = (0..sample[0].len()).map(|column| sample.iter().map(|vector| vector[column]).sum::<f64>() / m).collect();
    let (covariance, successive) = match call.text("cov") {
        None | Some("sample") => {
            let off: Vec<Vec<f64>> = sample.iter().map(|vector| vector.iter().zip(&mean).map(|(x, mean)| x - mean).collect()).collect();
            (product(&off, m - 1.0), None)
        }
        Some("successive" | "successive_differences" | "mssd") => {
            let steps: Vec<Vec<f64>> = sample.windows(2).map(|pair| pair[1].iter().zip(&pair[0]).map(|(b, a)| b - a).collect()).collect();
            (product(&steps, 2.0 * (m - 1.0)), Some(2.0 * (m - 1.0).powi(2) / (3.0 * m - 4.0)))
        }
        Some(_) => return Err(Error::parameter("cov", "must be sample, successive_differences, or a matrix")),
    };
    if mean.iter().chain(covariance.iter().flatten()).any(|value| !value.is_finite()) {
        return Err(Error::non_finite("X"));
    }
    Ok(Base { variables: Multivariate { mean, covariance, size: 1 }, vectors: Some(m), successive })
}
