//! Charts of counts.

use serde_json::{Value, json};

use super::{
    Object, folded, insufficient, object,
    read::{Call, beyond, run, same_length, violations},
    variables::stats,
};
use crate::{
    ChartType, Code, Error, Judged, Limits, Observation, Plan, Settings,
    estimate::{Estimator, individuals},
};

/// Charts of proportions, numbers and rates.
pub(super) fn counts(call: &Call<'_>, chart: ChartType) -> Result<Object, Error> {
    let mut counts = call.series("d")?;
    let total = counts.len();
    for (count, invalid) in counts.iter_mut().zip(call.invalid(total)?) {
        *count = if invalid { f64::NAN } else { *count };
    }
    let sizes = match call.series_or_number("n", total)? {
        Some(sizes) => sizes,
        None if chart == ChartType::C => vec![1.0; total],
        None => return Err(Error::input("n", "must be there")),
    };
    let sizes = if chart == ChartType::C { vec![1.0; total] } else { sizes };
    same_length("n", sizes.len(), total)?;
    check(chart, &counts, &sizes)?;
    let included = call.included(total)?;
    let centre = match call.any_number(&["centre", "center"])? {
        Some(centre) => centre,
        None => rate(&counts, &sizes, &included)?,
    };
    let width = call.width()?;
    let settings = Settings { width, ..Settings::default() };
    let observe = || counts.iter().zip(&sizes).map(|(&count, &size)| Observation::Count { count, size });
    let z = standardised(chart, centre, &counts, &sizes);
    let laney = matches!(chart, ChartType::LaneyP | ChartType::LaneyU);
    let sigma = if laney {
        let base: Vec<f64> = z.iter().zip(&included).map(|(&z, &included)| if included { z } else { f64::NAN }).collect();
        match call.number("sigma_z")? {
            Some(sigma) => sigma,
            None => match individuals(&base, Estimator::MrBar, 2)?.sigma {
                Some(sigma) => sigma,
                None => return Ok(insufficient(centre)),
            },
        }
    } else {
        1.0
    };
    // Limits of a process follow from its centre alone.
    let limits = call.limits()?.filter(|limits| matches!(limits, Limits::Plotted { .. })).unwrap_or(Limits::process(centre, sigma));
    let plan = Plan::new(chart, limits, call.ruleset("western_electric")?, settings)?;
    let rules = plan.rules().clone();
    let judged = run(plan, observe())?;
    // Limits of proportions and numbers are one line where sizes do not differ; rates have a line a point.
    let constant = sizes.first().is_some_and(|first| sizes.iter().all(|size| size.total_cmp(first).is_eq()));
    let fold = constant && matches!(chart, ChartType::P | ChartType::Np) && judged.iter().all(|point| point.statistic.is_some());
    let column = |of: fn(&Judged) -> Option<f64>| folded(&judged.iter().map(of).collect::<Vec<_>>(), fold);
    let middle: Value = if chart == ChartType::Np { column(|point| point.centre) } else { json!(limits.centre()) };
    let mut answer = object(json!({
        "centre": middle,
        "limits": {"ucl": column(|point| point.ucl), "lcl": column(|point| point.lcl)},
        "stats": stats(&judged),
        "violations": violations(&rules, &judged),
        "beyond_limits": beyond(&judged),
    }));
    let there: Vec<&Judged> = judged.iter().filter(|point| point.statistic.is_some()).collect();
    if !there.is_empty() && there.iter().all(|point| point.sigma == Some(0.0)) {
        answer.insert("status".to_owned(), "degenerate_sigma".into());
    }
    if laney {
        let off: Vec<usize> = z.iter().enumerate().filter(|(_, z)| z.abs() > width).map(|(index, _)| index).collect();
        answer.extend(object(json!({"sigma_z": sigma, "z": z, "ordinary_chart_beyond_limits": off})));
    }
    Ok(answer)
}

/// Refuses what cannot have been counted.
fn check(chart: ChartType, counts: &[f64], sizes: &[f64]) -> Result<(), Error> {
    for (place, (&count, &size)) in counts.iter().zip(sizes).enumerate() {
        let refused = |name, demand| Err(Error::input(name, demand).at(place));
        if count < 0.0 {
            return refused("d", "must be 0 or more");
        }
        if size < 0.0 {
            return refused("n", "must be 0 or more");
        }
        if chart.proportion() && count > size {
            return refused("d", "must not be more than n");
        }
    }
    Ok(())
}

/// What is counted by what it is counted among, over the points that count.
fn rate(counts: &[f64], sizes: &[f64], included: &[bool]) -> Result<f64, Error> {
    let there = counts.iter().zip(sizes).zip(included).filter(|((count, size), included)| **included && !count.is_nan() && !size.is_nan());
    let (count, size) = there.fold((0.0, 0.0), |(count, size), ((c, s), _)| (count + c, size + s));
    if size > 0.0 && f64::is_finite(count / size) {
        Ok(count / size)
    } else {
        Err(Error::new(Code::InsufficientData, "d", "must have a point with something to count among"))
    }
}

/// How many of its own sigmas each point is off.
fn standardised(chart: ChartType, centre: f64, counts: &[f64], sizes: &[f64]) -> Vec<f64> {
    let unit = if chart.proportion() { centre * (1.0 - centre) } else { centre };
    let z = |(count, size): (&f64, &f64)| {
        let z = (count / size - centre) / (unit / size).sqrt();
        if z.is_finite() { z } else { f64::NAN }
    };
    counts.iter().zip(sizes).map(z).collect()
}
