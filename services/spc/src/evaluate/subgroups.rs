//! Charts of subgroups.

use serde_json::{Value, json};

use super::{
    Object, folded, insufficient, object,
    read::{Call, beyond, run, same_length, violations},
    variables::stats,
};
use crate::{
    ChartType, Error, Judged, Limits, Observation, Plan, Settings,
    constants::{c4, c5, range},
    estimate::{Estimator, Subgroup, subgroups},
};

/// Means of subgroups, with their ranges and standard deviations.
pub(super) fn xbar(call: &Call<'_>, chart: ChartType, estimator: &str) -> Result<Object, Error> {
    let groups = groups(call)?;
    let limits = limits(call, &groups, estimator)?;
    if limits.sigma().is_nan() {
        return Ok(insufficient(limits.centre()));
    }
    let width = call.width()?;
    let plan = Plan::new(chart, limits, call.ruleset("western_electric")?, Settings { width, ..Settings::default() })?;
    let rules = plan.rules().clone();
    let observe = |group: &Subgroup| Observation::Subgroup { mean: group.mean, spread: f64::NAN, size: group.size };
    let judged = run(plan, groups.iter().map(observe))?;
    let fold = groups.first().is_some_and(|first| first.size > 0 && groups.iter().all(|group| group.size == first.size));
    let column = |of: &dyn Fn(&Judged) -> Option<f64>| folded(&judged.iter().map(of).collect::<Vec<_>>(), fold);
    let sigma = limits.sigma();
    // Where limits were given, sigma is that of the means.
    let single = |size: u32| if matches!(limits, Limits::Process { .. }) { sigma } else { sigma * f64::from(size).sqrt() };
    let mut answer = object(json!({
        "n": groups.iter().map(|group| group.size).collect::<Vec<_>>(),
        "centre": limits.centre(),
        "sigma": sigma,
        "limits": {"ucl": column(&|point| point.statistic.and(point.ucl)), "lcl": column(&|point| point.statistic.and(point.lcl))},
        "r_chart": spread(&groups, fold, single, width, |group| group.range, |n| range(n).map(|range| (range.mean, range.deviation))),
        "s_chart": spread(&groups, fold, single, width, |group| group.deviation, |n| c4(n).zip(c5(n))),
        "stats": {
            "xbar": stats(&judged),
            "R": groups.iter().map(|group| group.range).collect::<Vec<_>>(),
            "S": groups.iter().map(|group| group.deviation).collect::<Vec<_>>(),
        },
        "violations": violations(&rules, &judged),
        "beyond_limits": beyond(&judged),
    }));
    if sigma == 0.0 {
        answer.insert("status".to_owned(), "degenerate_sigma".into());
    }
    Ok(answer)
}

/// Limits as given, else of the subgroups that count; sigma is NaN when nothing tells it.
fn limits(call: &Call<'_>, groups: &[Subgroup], estimator: &str) -> Result<Limits, Error> {
    if let Some(given) = call.limits()? {
        return Ok(given);
    }
    let included = call.included(groups.len())?;
    let base: Vec<Subgroup> = groups.iter().zip(included).filter(|(_, included)| *included).map(|(group, _)| *group).collect();
    let name = call.text("sigma").unwrap_or(estimator);
    let method = Estimator::of(name).ok_or_else(|| Error::parameter("sigma", "must be a number, or the name of an estimator"))?;
    let estimate = subgroups(&base, method)?;
    let centre = call.any_number(&["centre", "center", "target"])?.unwrap_or(estimate.centre);
    let given = if call.text("sigma").is_some() { None } else { call.number("sigma")? };
    Ok(Limits::process(centre, given.or(estimate.sigma).unwrap_or(f64::NAN)))
}

/// Subgroups of their values, or of means, ranges or standard deviations, and sizes.
fn groups(call: &Call<'_>) -> Result<Vec<Subgroup>, Error> {
    if call.value("subgroups").is_some() || call.value("xbar").is_none() {
        let rows = call.table(if call.value("subgroups").is_some() { "subgroups" } else { "x" })?;
        let mut groups: Vec<Subgroup> =
            rows.iter().enumerate().map(|(place, row)| Subgroup::of(row).map_err(|error| error.at(place))).collect::<Result<_, _>>()?;
        for (group, invalid) in groups.iter_mut().zip(call.invalid(rows.len())?) {
            if invalid {
                *group = Subgroup { mean: f64::NAN, range: f64::NAN, deviation: f64::NAN, size: 0 };
            }
        }
        return Ok(groups);
    }
    let means = call.series("xbar")?;
    let count = means.len();
    let sizes = call.series_or_number("n", count)?.ok_or_else(|| Error::input("n", "must be there"))?;
    let column = |name: &str| call.value(name).map_or(Ok(vec![f64::NAN; count]), |_| call.series(name));
    let (ranges, deviations) = (column("R")?, column("S")?);
    same_length("R", ranges.len(), count)?;
    same_length("S", deviations.len(), count)?;
    (0..count)
        .map(|place| {
            let whole =
                (sizes[place].fract() == 0.0 && (0.0..=1e9).contains(&sizes[place])).then(|| format!("{:.0}", sizes[place]).parse().ok());
            let size = whole.flatten().ok_or_else(|| Error::input("n", "must be whole numbers of 0 or more").at(place))?;
            Ok(Subgroup { mean: means[place], range: ranges[place], deviation: deviations[place], size })
        })
        .collect()
}

/// The chart of one kind of spread: its lines, and where it lies beyond them. `moments` are its mean and standard deviation in
/// sigmas.
fn spread(
    groups: &[Subgroup],
    fold: bool,
    sigma: impl Fn(u32) -> f64,
    width: f64,
    value: fn(&Subgroup) -> f64,
    moments: fn(u32) -> Option<(f64, f64)>,
) -> Value {
    let lines: Vec<Option<[f64; 3]>> = groups
        .iter()
        .map(|group| {
            let sigma = sigma(group.size);
            moments(group.size).map(|(mean, off)| [sigma * mean, sigma * (mean + width * off), (sigma * (mean - width * off)).max(0.0)])
        })
        .collect();
    let column = |place: usize| folded(&lines.iter().map(|line| line.map(|line| line[place])).collect::<Vec<_>>(), fold);
    let off = |(index, (group, line)): (usize, (&Subgroup, &Option<[f64; 3]>))| {
        line.filter(|line| value(group) > line[1] || value(group) < line[2]).map(|_| index)
    };
    let beyond: Vec<usize> = groups.iter().zip(&lines).enumerate().filter_map(off).collect();
    json!({"centre": column(0), "ucl": column(1), "lcl": column(2), "beyond_limits": beyond})
}
