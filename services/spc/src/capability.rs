//! How well a process fits its specification.
//!
//! Sources: Montgomery, Introduction to Statistical Quality Control, chapter 8; Bissell, Applied Statistics 39 (1990) 331;
//! Chan, Cheng and Spiring, J. Quality Technology 20 (1988) 162; ISO 22514-4 for percentiles.

use serde::Serialize;

use crate::{
    Code, Error,
    constants::phi,
    distribution::{chi_squared_quantile, normal_quantile},
    error::finite,
    estimate::{mean, number, variance},
};

mod box_cox;
mod percentile;

pub use box_cox::{best_lambda, transformed};
pub use percentile::{Distribution, Fit, Percentiles};

/// The specification of a characteristic: at least one limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Specification {
    lower: Option<f64>,
    upper: Option<f64>,
    target: Option<f64>,
}

impl Specification {
    /// Refused without a limit, when the lower limit is not below the upper one, or when something is infinite.
    pub fn new(lower: Option<f64>, upper: Option<f64>, target: Option<f64>) -> Result<Self, Error> {
        let refused = |field, demand| Err(Error::new(Code::InvalidSpecLimits, field, demand));
        for (value, field) in [(lower, "lsl"), (upper, "usl"), (target, "target")] {
            value.map(|value| finite(value, field)).transpose()?;
        }
        match (lower, upper) {
            (None, None) => refused("usl", "must be there, unless lsl is"),
            (Some(low), Some(high)) if low >= high => refused("lsl", "must be below usl"),
            _ => Ok(Self { lower, upper, target }),
        }
    }

    /// The width between both limits.
    fn width(&self) -> Option<f64> {
        self.lower.zip(self.upper).map(|(low, high)| high - low)
    }

    /// The specification under a transformation that keeps the order.
    fn map(&self, f: impl Fn(f64) -> f64) -> Result<Self, Error> {
        Self::new(self.lower.map(&f), self.upper.map(&f), self.target.map(&f))
    }
}

/// The sigma within subgroups, and how many degrees of freedom it has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Within {
    /// The standard deviation.
    pub sigma: f64,
    /// Its degrees of freedom, for the confidence intervals.
    pub df: f64,
}

/// A confidence interval.
pub type Interval = Option<[f64; 2]>;

/// The indices of a process. What needs a limit or target that is not there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "their names are the field's")]
pub struct Capability {
    pub mean: f64,
    pub n: usize,
    pub sigma_within: f64,
    pub df_within: f64,
    pub sigma_overall: f64,
    #[serde(rename = "Cp")]
    pub cp: Option<f64>,
    #[serde(rename = "Cp_ci")]
    pub cp_interval: Interval,
    #[serde(rename = "CPL")]
    pub cp_lower: Option<f64>,
    #[serde(rename = "CPU")]
    pub cp_upper: Option<f64>,
    #[serde(rename = "Cpk")]
    pub cpk: Option<f64>,
    #[serde(rename = "Cpk_ci")]
    pub cpk_interval: Interval,
    #[serde(rename = "Pp")]
    pub pp: Option<f64>,
    #[serde(rename = "Pp_ci")]
    pub pp_interval: Interval,
    #[serde(rename = "PPL")]
    pub pp_lower: Option<f64>,
    #[serde(rename = "PPU")]
    pub pp_upper: Option<f64>,
    #[serde(rename = "Ppk")]
    pub ppk: Option<f64>,
    #[serde(rename = "Ppk_ci")]
    pub ppk_interval: Interval,
    /// By Taguchi's mean square about the target.
    #[serde(rename = "Cpm")]
    pub cpm: Option<f64>,
    /// The same with one degree of freedom fewer.
    #[serde(rename = "Cpm_chan_nminus1")]
    pub cpm_chan: Option<f64>,
    /// Of Cp, and the distance from the target in sigmas within.
    #[serde(rename = "Cpm_qcc_within")]
    pub cpm_within: Option<f64>,
    /// Of Pp, and the distance from the target in sigmas overall.
    #[serde(rename = "Cpm_qcc_overall")]
    pub cpm_overall: Option<f64>,
    pub ppm_overall_lsl: f64,
    pub ppm_overall_usl: f64,
    pub ppm_overall_total: f64,
    pub ppm_within_total: f64,
    pub z_bench_overall: Option<f64>,
    pub ppm_observed_lsl: f64,
    pub ppm_observed_usl: f64,
}

/// The indices by one sigma.
struct Indices {
    both: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    worst: Option<f64>,
    both_interval: Interval,
    worst_interval: Interval,
    missed: [f64; 2],
}

impl Capability {
    /// The indices of values, none of them missing, at a confidence level.
    ///
    /// Refused below two values, and where one of the sigmas is zero.
    pub fn of(values: &[f64], within: Within, specification: &Specification, level: f64) -> Result<Self, Error> {
        let (mean, sigma_overall) = moments(values)?;
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::parameter("level", "must lie between 0 and 1"));
        }
        if !(within.df > 0.0 && within.df.is_finite()) {
            return Err(Error::parameter("df_within", "must be a finite number above 0"));
        }
        if !(within.sigma > 0.0 && sigma_overall > 0.0) {
            return Err(Error::new(Code::InsufficientData, "x", "must have values that differ"));
        }
        let n = number(values.len());
        let short = Indices::of(specification, mean, within, n, level);
        let long = Indices::of(specification, mean, Within { sigma: sigma_overall, df: n - 1.0 }, n, level);
        let square = specification.target.map(|target| values.iter().map(|x| (x - target).powi(2)).sum::<f64>());
        let by_square = |divisor: f64| specification.width().zip(square).map(|(width, square)| width / (6.0 * (square / divisor).sqrt()));
        let by_index = |index: Option<f64>, sigma: f64| {
            index.zip(specification.target).map(|(index, target)| index / ((mean - target) / sigma).hypot(1.0))
        };
        let observed = |beyond: &dyn Fn(f64) -> bool| 1e6 * number(values.iter().filter(|&&x| beyond(x)).count()) / n;
        let missed: f64 = long.missed.iter().sum();
        Ok(Self {
            mean,
            n: values.len(),
            sigma_within: within.sigma,
            df_within: within.df,
            sigma_overall,
            cpm: by_square(n),
            cpm_chan: by_square(n - 1.0),
            cpm_within: by_index(short.both, within.sigma),
            cpm_overall: by_index(long.both, sigma_overall),
            ppm_overall_lsl: 1e6 * long.missed[0],
            ppm_overall_usl: 1e6 * long.missed[1],
            ppm_overall_total: 1e6 * missed,
            ppm_within_total: 1e6 * short.missed.iter().sum::<f64>(),
            z_bench_overall: Some(-normal_quantile(missed)).filter(|z| z.is_finite()),
            ppm_observed_lsl: observed(&|x| specification.lower.is_some_and(|limit| x < limit)),
            ppm_observed_usl: observed(&|x| specification.upper.is_some_and(|limit| x > limit)),
            cp: short.both,
            cp_interval: short.both_interval,
            cp_lower: short.lower,
            cp_upper: short.upper,
            cpk: short.worst,
            cpk_interval: short.worst_interval,
            pp: long.both,
            pp_interval: long.both_interval,
            pp_lower: long.lower,
            pp_upper: long.upper,
            ppk: long.worst,
            ppk_interval: long.worst_interval,
        })
    }
}

impl Indices {
    /// Intervals: of both limits by chi-squared, of the worse one by Bissell's normal approximation.
    fn of(specification: &Specification, mean: f64, Within { sigma, df }: Within, n: f64, level: f64) -> Self {
        let both = specification.width().map(|width| width / (6.0 * sigma));
        let lower = specification.lower.map(|limit| (mean - limit) / (3.0 * sigma));
        let upper = specification.upper.map(|limit| (limit - mean) / (3.0 * sigma));
        let worst = lower.into_iter().chain(upper).reduce(f64::min);
        let tail = 0.5 * (1.0 - level);
        let both_interval = both.map(|index| [tail, 1.0 - tail].map(|p| index * (chi_squared_quantile(p, df) / df).sqrt()));
        let worst_interval = worst.map(|index| {
            let reach = -normal_quantile(tail) * (1.0 / (9.0 * n) + index * index / (2.0 * df)).sqrt();
            [index - reach, index + reach]
        });
        let missed = [lower, upper].map(|index| index.map_or(0.0, |index| phi(-3.0 * index)));
        Self { both, lower, upper, worst, both_interval, worst_interval, missed }
    }
}

/// Mean and sample standard deviation of two values or more.
fn moments(values: &[f64]) -> Result<(f64, f64), Error> {
    if values.len() < 2 {
        return Err(Error::new(Code::InsufficientData, "x", "must have 2 values or more"));
    }
    values.iter().enumerate().try_for_each(|(place, &x)| finite(x, "x").map(|_| ()).map_err(|error| error.at(place)))?;
    let mean = finite(mean(values), "x")?;
    Ok((mean, finite(variance(values, mean), "x")?.sqrt()))
}
