use serde::Serialize;
use statrs::function::gamma::digamma;

use super::{Specification, moments};
use crate::{
    Code, Error,
    constants::phi,
    distribution::{gamma_probability, gamma_quantile, normal_quantile},
    estimate::{mean, number},
};

/// A distribution to fit, by maximum likelihood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Normal.
    Normal,
    /// Normal in the logarithm.
    Lognormal,
    /// Weibull's, from zero.
    Weibull,
    /// Gamma, from zero.
    Gamma,
    /// Exponential, from zero.
    Exponential,
}

/// A fitted distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "their names are the field's")]
pub enum Fit {
    Normal {
        mean: f64,
        sigma: f64,
    },
    Lognormal {
        mu_log: f64,
        sigma_log: f64,
    },
    Weibull {
        shape: f64,
        scale: f64,
    },
    #[serde(rename_all = "snake_case")]
    Gamma {
        shape: f64,
        #[serde(rename = "scale")]
        width: f64,
    },
    Exponential {
        rate: f64,
    },
}

/// Indices by percentiles of a fitted distribution: the width of the middle 99.73 % stands for six sigmas.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "their names are the field's")]
pub struct Percentiles {
    #[serde(flatten)]
    pub fit: Fit,
    pub p00135: f64,
    pub p50: f64,
    pub p99865: f64,
    #[serde(rename = "Pp")]
    pub pp: Option<f64>,
    #[serde(rename = "PPL")]
    pub lower: Option<f64>,
    #[serde(rename = "PPU")]
    pub upper: Option<f64>,
    #[serde(rename = "Ppk")]
    pub worst: Option<f64>,
}

impl Distribution {
    /// The distribution of a name, such as `lognormal`.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "normal" => Self::Normal,
            "lognormal" => Self::Lognormal,
            "weibull" => Self::Weibull,
            "gamma" => Self::Gamma,
            "exponential" => Self::Exponential,
            _ => return None,
        })
    }

    /// The distribution's parameters of greatest likelihood. All but the normal one need values above zero that differ.
    pub fn fit(self, values: &[f64]) -> Result<Fit, Error> {
        let (average, sigma) = moments(values)?;
        if self != Self::Normal
            && let Some(place) = values.iter().position(|&x| x <= 0.0)
        {
            return Err(Error::input("x", "must be above 0 for this distribution").at(place));
        }
        if sigma == 0.0 {
            return Err(Error::new(Code::InsufficientData, "x", "must have values that differ"));
        }
        let logs: Vec<f64> = values.iter().map(|x| x.ln()).collect();
        let mean_log = mean(&logs);
        Ok(match self {
            Self::Normal => Fit::Normal { mean: average, sigma: spread(values, average) },
            Self::Lognormal => Fit::Lognormal { mu_log: mean_log, sigma_log: spread(&logs, mean_log) },
            Self::Weibull => weibull(&logs, mean_log),
            Self::Gamma => {
                let shape = gamma_shape(average.ln() - mean_log);
                Fit::Gamma { shape, width: average / shape }
            }
            Self::Exponential => Fit::Exponential { rate: 1.0 / average },
        })
    }
}

impl Fit {
    /// The quantile at `p`.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        match *self {
            Self::Normal { mean, sigma } => mean + sigma * normal_quantile(p),
            Self::Lognormal { mu_log, sigma_log } => (mu_log + sigma_log * normal_quantile(p)).exp(),
            Self::Weibull { shape, scale } => scale * (-(-p).ln_1p()).powf(1.0 / shape),
            Self::Gamma { shape, width } => width * gamma_quantile(p, shape),
            Self::Exponential { rate } => -(-p).ln_1p() / rate,
        }
    }

    /// The probability of a value of `x` or less.
    #[must_use]
    pub fn probability(&self, x: f64) -> f64 {
        // All but the normal one begin at zero.
        let above = x.max(0.0);
        match *self {
            Self::Normal { mean, sigma } => phi((x - mean) / sigma),
            Self::Lognormal { mu_log, sigma_log } => phi((above.ln() - mu_log) / sigma_log),
            Self::Weibull { shape, scale } => -(-(above / scale).powf(shape)).exp_m1(),
            Self::Gamma { shape, width } => gamma_probability(above / width, shape),
            Self::Exponential { rate } => -(-rate * above).exp_m1(),
        }
    }
}

impl Percentiles {
    /// The indices of a fitted distribution under a specification.
    #[must_use]
    pub fn of(fit: Fit, specification: &Specification) -> Self {
        let [p00135, p50, p99865] = [0.00135, 0.5, 0.99865].map(|p| fit.quantile(p));
        let lower = specification.lower.map(|limit| (p50 - limit) / (p50 - p00135));
        let upper = specification.upper.map(|limit| (limit - p50) / (p99865 - p50));
        let pp = specification.width().map(|width| width / (p99865 - p00135));
        Self { fit, p00135, p50, p99865, pp, lower, upper, worst: lower.into_iter().chain(upper).reduce(f64::min) }
    }
}

/// The standard deviation of greatest likelihood.
fn spread(values: &[f64], mean: f64) -> f64 {
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / number(values.len())).sqrt()
}

/// Solves 1/k = sum x^k ln x / sum x^k - mean ln x, which rises from one side of zero to the other.
fn weibull(logs: &[f64], mean_log: f64) -> Fit {
    let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Scaled by the largest value, powers lie between zero and one.
    let powers = |shape: f64| -> (f64, f64) {
        logs.iter()
            .map(|log| ((shape * (log - highest)).exp(), log))
            .fold((0.0, 0.0), |(sum, product), (x, log)| (sum + x, product + x * log))
    };
    let excess = |shape: f64| {
        let (sum, product) = powers(shape);
        product / sum - mean_log - 1.0 / shape
    };
    let shape = root(excess);
    let scale = (highest.mul_add(shape, (powers(shape).0 / number(logs.len())).ln()) / shape).exp();
    Fit::Weibull { shape, scale }
}

/// Solves ln a - digamma(a) = s, which falls.
fn gamma_shape(s: f64) -> f64 {
    root(|shape| s - (shape.ln() - digamma(shape)))
}

/// Where a rising function of a positive number is zero.
fn root(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (1e-9_f64, 1e9_f64);
    for _ in 0..200 {
        // Halved by ratio first, so that small and large roots are found alike.
        let middle = if high > 2.0 * low { (low * high).sqrt() } else { f64::midpoint(low, high) };
        if middle <= low || middle >= high {
            break;
        }
        if f(middle) < 0.0 { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_again_of_their_quantiles() {
        for (distribution, fit) in [
            (Distribution::Weibull, Fit::Weibull { shape: 2.5, scale: 40.0 }),
            (Distribution::Gamma, Fit::Gamma { shape: 3.0, width: 0.2 }),
            (Distribution::Exponential, Fit::Exponential { rate: 4.0 }),
            (Distribution::Normal, Fit::Normal { mean: -1.0, sigma: 2.0 }),
            (Distribution::Lognormal, Fit::Lognormal { mu_log: 0.5, sigma_log: 0.3 }),
        ] {
            let values: Vec<f64> = (0..2000).map(|i| fit.quantile((f64::from(i) + 0.5) / 2000.0)).collect();
            let found = distribution.fit(&values).unwrap();
            for p in [0.001_35, 0.5, 0.998_65] {
                let back = fit.probability(fit.quantile(p));
                assert!((back - p).abs() < 1e-12, "{fit:?} at {p}: {back}");
            }
            if distribution != Distribution::Normal {
                assert!([-1.0, 0.0].iter().all(|&x| fit.probability(x) <= 0.0), "{fit:?} begins at zero");
            }
            for p in [0.01, 0.5, 0.99] {
                let (a, b) = (found.quantile(p), fit.quantile(p));
                assert!((a - b).abs() < 0.01 * b.abs().max(0.1), "{found:?} is not {fit:?}");
            }
        }
    }

    #[test]
    fn values_that_do_not_differ_fit_nothing() {
        assert!(Distribution::Normal.fit(&[1.0, 1.0]).is_err() && Distribution::Gamma.fit(&[1.0, -1.0]).is_err());
    }
}
