//! Centre and sigma of a process from its points.

use crate::{
    Code, Error,
    constants::{LARGEST, MEDIAN_RANGE, c4_of, range},
    error::present,
};

mod freedom;

use freedom::{Chain, effective, of_deviation, of_range};

/// How the standard deviation of single values is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// The mean moving range over d2.
    MrBar,
    /// The median moving range over the median of the range of two.
    MedianMr,
    /// The sample standard deviation over c4.
    Sd,
    /// The square root of half the mean square of successive differences.
    SqrtMssd,
    /// The mean of each subgroup's range over its d2.
    Rbar,
    /// The mean of each subgroup's standard deviation over its c4.
    Sbar,
    /// The root of the pooled variance.
    Pooled,
    /// The root of the pooled variance over c4.
    PooledC4,
    /// The linear unbiased estimate of least variance of the ranges (Burr 1969).
    MvlueR,
    /// The linear unbiased estimate of least variance of the standard deviations.
    MvlueS,
}

impl Estimator {
    /// The estimator of a name, such as `mr_bar/d2` or `pooled_c4`.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "mr_bar" | "mr_bar/d2" | "mrbar" => Self::MrBar,
            "median_mr" | "median_mr/0.953873" | "median_mr/d4" => Self::MedianMr,
            "sd" | "s/c4" | "sd/c4" => Self::Sd,
            "sqrt_mssd" | "mssd" => Self::SqrtMssd,
            "rbar" | "rbar/d2" | "r_bar" => Self::Rbar,
            "sbar" | "sbar/c4" | "s_bar" => Self::Sbar,
            "pooled" => Self::Pooled,
            "pooled_c4" | "pooled/c4" => Self::PooledC4,
            "mvlue_r" => Self::MvlueR,
            "mvlue_s" => Self::MvlueS,
            _ => return None,
        })
    }

    /// The name, as it is written down.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::MrBar => "mr_bar/d2",
            Self::MedianMr => "median_mr",
            Self::Sd => "sd",
            Self::SqrtMssd => "sqrt_mssd",
            Self::Rbar => "rbar",
            Self::Sbar => "sbar",
            Self::Pooled => "pooled",
            Self::PooledC4 => "pooled_c4",
            Self::MvlueR => "mvlue_r",
            Self::MvlueS => "mvlue_s",
        }
    }

    /// Whether the estimate is of single values in their order, and not of subgroups.
    #[must_use]
    pub fn of_individuals(self) -> bool {
        matches!(self, Self::MrBar | Self::MedianMr | Self::Sd | Self::SqrtMssd)
    }
}

/// What a process seems to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean of all values.
    pub centre: f64,
    /// The standard deviation of single values; none when there is too little to tell.
    pub sigma: Option<f64>,
    /// Its degrees of freedom, which are effective ones but of a pooled variance or a sample's own; NaN without it.
    pub df: f64,
    /// How many values it rests on.
    pub values: usize,
}

/// A subgroup in short.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subgroup {
    /// The mean; NaN of an empty one.
    pub mean: f64,
    /// The range; NaN below two values.
    pub range: f64,
    /// The sample standard deviation; NaN below two values.
    pub deviation: f64,
    /// How many values are there.
    pub size: u32,
}

impl Subgroup {
    /// A subgroup of its values, of which NaN are missing.
    pub fn of(values: &[f64]) -> Result<Self, Error> {
        let mut there = Vec::with_capacity(values.len());
        for (place, &value) in values.iter().enumerate() {
            there.extend(present(value, "subgroups").map_err(|error| error.at(place))?);
        }
        let size = u32::try_from(there.len()).map_err(|_| Error::input("subgroups", "must have fewer values"))?;
        let mean = mean(&there);
        let few = size < 2;
        let high = there.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let low = there.iter().copied().fold(f64::INFINITY, f64::min);
        let range = if few { f64::NAN } else { high - low };
        let deviation = if few { f64::NAN } else { variance(&there, mean).sqrt() };
        if [mean, range, deviation].iter().any(|value| value.is_infinite()) {
            return Err(Error::non_finite("subgroups"));
        }
        Ok(Self { mean, range, deviation, size })
    }
}

/// The moving ranges over `span` consecutive values; NaN where one of them is missing, as at the start.
#[must_use]
pub fn moving_ranges(values: &[f64], span: usize) -> Vec<f64> {
    (0..values.len())
        .map(|end| {
            let Some(start) = (end + 1).checked_sub(span) else { return f64::NAN };
            let window = &values[start..=end];
            if window.iter().any(|value| value.is_nan()) {
                return f64::NAN;
            }
            let high = window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            high - window.iter().copied().fold(f64::INFINITY, f64::min)
        })
        .collect()
}

/// Centre and sigma of single values in their order, of which NaN are missing or left out. `span` is how many values a moving
/// range is over.
pub fn individuals(values: &[f64], estimator: Estimator, span: u32) -> Result<Estimate, Error> {
    let mut there = Vec::with_capacity(values.len());
    for (place, &value) in values.iter().enumerate() {
        there.extend(present(value, "x").map_err(|error| error.at(place))?);
    }
    let moments = range(span).ok_or_else(|| Error::parameter("span", format!("must be a whole number from 2 to {LARGEST}")))?;
    let centre = mean(&there);
    // What looks at moving ranges in another way takes those of two values.
    let width = if estimator == Estimator::MrBar { usize::try_from(span).unwrap_or(usize::MAX) } else { 2 };
    let moving = moving_ranges(values, width);
    let chain = Chain::of(&moving);
    let ranges: Vec<f64> = moving.into_iter().filter(|range| !range.is_nan()).collect();
    let (sigma, df) = match estimator {
        Estimator::MrBar => (mean(&ranges) / moments.mean, chain.mean(span, moments)),
        Estimator::MedianMr => (median(&ranges) / MEDIAN_RANGE, chain.median()),
        Estimator::SqrtMssd => {
            let squares: Vec<f64> = ranges.iter().map(|range| range * range).collect();
            ((mean(&squares) / 2.0).sqrt(), chain.square())
        }
        Estimator::Sd if there.len() < 2 => (f64::NAN, f64::NAN),
        Estimator::Sd => (variance(&there, centre).sqrt() / c4_of(number(there.len())), number(there.len()) - 1.0),
        _ => return Err(Error::parameter("sigma", "must be an estimator of single values")),
    };
    estimate(centre, sigma, df, there.len(), "x")
}

/// Centre and sigma of subgroups; the centre is weighted by their sizes, and what has fewer than two values tells no sigma.
pub fn subgroups(groups: &[Subgroup], estimator: Estimator) -> Result<Estimate, Error> {
    let filled = || groups.iter().filter(|group| group.size > 0);
    let values: f64 = filled().map(|group| f64::from(group.size)).sum();
    let weighed_mean = |about: f64| filled().map(|group| f64::from(group.size) / values * (group.mean - about)).sum::<f64>();
    let centre = refined(weighed_mean(0.0), weighed_mean);
    let many: Vec<&Subgroup> = filled().filter(|group| group.size > 1).collect();
    let (sigma, df) = match estimator {
        Estimator::Rbar | Estimator::MvlueR => {
            let mut told = Vec::with_capacity(many.len());
            for group in many {
                let moments = range(group.size)
                    .ok_or_else(|| Error::input("subgroups", format!("must have at most {LARGEST} values each where ranges are used")))?;
                told.push(Told { sigma: group.range / moments.mean, variance: of_range(moments) });
            }
            weighed(&told, estimator == Estimator::MvlueR)
        }
        Estimator::Sbar | Estimator::MvlueS => {
            let tell = |group: &&Subgroup| {
                let c4 = c4_of(f64::from(group.size));
                Told { sigma: group.deviation / c4, variance: of_deviation(c4) }
            };
            weighed(&many.iter().map(tell).collect::<Vec<_>>(), estimator == Estimator::MvlueS)
        }
        Estimator::Pooled | Estimator::PooledC4 => {
            let free: f64 = many.iter().map(|group| f64::from(group.size - 1)).sum();
            let squares: f64 = many.iter().map(|group| f64::from(group.size - 1) / free * group.deviation.powi(2)).sum();
            let unbiased = if estimator == Estimator::Pooled { 1.0 } else { c4_of(free + 1.0) };
            if many.is_empty() { (f64::NAN, f64::NAN) } else { (squares.sqrt() / unbiased, free) }
        }
        _ => return Err(Error::parameter("sigma", "must be an estimator of subgroups")),
    };
    let count = groups.iter().map(|group| usize::try_from(group.size).unwrap_or_default()).sum();
    estimate(centre, sigma, df, count, "subgroups")
}

fn estimate(centre: f64, sigma: f64, df: f64, values: usize, field: &str) -> Result<Estimate, Error> {
    if values == 0 {
        return Err(Error::new(Code::InsufficientData, field, "must have a value"));
    }
    if !centre.is_finite() || sigma.is_infinite() {
        return Err(Error::non_finite(field));
    }
    Ok(Estimate { centre, sigma: (!sigma.is_nan()).then_some(sigma), df, values })
}

/// A count as a number; beyond 2^53 it would be rounded.
#[expect(clippy::cast_precision_loss, reason = "nothing that is held in memory has 2^53 items")]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}

/// The mean; NaN of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let about = |about: f64| values.iter().map(|value| value - about).sum::<f64>() / number(values.len());
    refined(about(0.0), about)
}

/// A mean to the last digit, as values that are all the same must not differ from it: it and what is left about it.
fn refined(mean: f64, about: impl Fn(f64) -> f64) -> f64 {
    let left = about(mean);
    if left.is_finite() { mean + left } else { mean }
}

/// The sample variance about a mean.
pub(crate) fn variance(values: &[f64], mean: f64) -> f64 {
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (number(values.len()) - 1.0)
}

/// The median; NaN of nothing.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

/// What one subgroup tells of sigma, and how much that varies where sigma is one.
struct Told {
    sigma: f64,
    variance: f64,
}

/// The mean of what subgroups tell, and its degrees of freedom: each counts alike, or as little as it varies.
fn weighed(told: &[Told], by_variance: bool) -> (f64, f64) {
    let weight = |one: &Told| if by_variance { 1.0 / one.variance } else { 1.0 };
    let all: f64 = told.iter().map(weight).sum();
    let sigma = told.iter().map(|one| weight(one) * one.sigma).sum::<f64>() / all;
    let variance = told.iter().map(|one| weight(one).powi(2) * one.variance).sum::<f64>() / (all * all);
    (sigma, effective(variance))
}
