//! The constants of control charts, to full precision.
//!
//! `d2` and `d3` are integrated from the distribution of the range of normal values, never taken from a printed table:
//! three decimals would shift limits by 0.03 %.

use std::{f64::consts::PI, sync::OnceLock};

use libm::{erfc, lgamma};
use serde::Serialize;

use crate::quadrature::gauss_legendre;

/// The largest subgroup that a range is taken of.
pub const LARGEST: u32 = 1000;

/// The mean and the standard deviation of the range of `n` standard normal values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The mean, d2.
    pub mean: f64,
    /// The standard deviation, d3.
    pub deviation: f64,
}

static RANGES: [OnceLock<Range>; LARGEST as usize + 1] = [const { OnceLock::new() }; LARGEST as usize + 1];

/// The moments of the range of `n` standard normal values; none outside of 2 to [`LARGEST`].
#[must_use]
pub fn range(n: u32) -> Option<Range> {
    let place = usize::try_from(n).ok().filter(|_| n >= 2)?;
    RANGES.get(place).map(|known| *known.get_or_init(|| integrate(n)))
}

/// The mean range of `n` standard normal values.
#[must_use]
pub fn d2(n: u32) -> Option<f64> {
    range(n).map(|range| range.mean)
}

/// The standard deviation of the range of `n` standard normal values.
#[must_use]
pub fn d3(n: u32) -> Option<f64> {
    range(n).map(|range| range.deviation)
}

/// The mean of the sample standard deviation of `n` standard normal values, n of 2 or more: sqrt(2/(n-1)) G(n/2)/G((n-1)/2).
#[must_use]
pub fn c4(n: u32) -> Option<f64> {
    (n >= 2).then(|| c4_of(f64::from(n)))
}

/// `c4` where the number of values, of 2 or more, is degrees of freedom plus one.
pub(crate) fn c4_of(n: f64) -> f64 {
    // Where logarithms of gamma functions would cancel, the series of their ratio is exact to the last digit.
    if n > 60.0 {
        let terms = [39325.0 / 262_144.0, 869.0 / 65536.0, -399.0 / 8192.0, -21.0 / 2048.0, 5.0 / 128.0, 1.0 / 32.0, -0.25, 1.0];
        return terms.into_iter().fold(0.0, |sum, term| sum / (n - 1.0) + term);
    }
    (2.0 / (n - 1.0)).sqrt() * (lgamma(n / 2.0) - lgamma((n - 1.0) / 2.0)).exp()
}

/// The standard deviation of the sample standard deviation, sqrt(1 - c4^2).
#[must_use]
pub fn c5(n: u32) -> Option<f64> {
    c4(n).map(|c4| (1.0 - c4 * c4).max(0.0).sqrt())
}

/// The median of the absolute difference of two standard normal values, sqrt(2) times the normal quantile of 3/4.
pub const MEDIAN_RANGE: f64 = 0.953_872_552_416_983_3;

/// The standard normal's distribution function.
pub(crate) fn phi(x: f64) -> f64 {
    0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// E R = int P(R > r) dr and E R^2 = int 2 r P(R > r) dr, with P(R <= r) = n int f(x) (F(x + r) - F(x))^(n-1) dx
/// (Tippett 1925).
fn integrate(n: u32) -> Range {
    let power = i32::try_from(n).unwrap_or(i32::MAX) - 1;
    // The trapezoidal rule converges exponentially on a function that is smooth and dies away at both ends.
    let step = 0.1;
    let nodes: Vec<(f64, f64, f64)> = (-100..=100_i32)
        .map(|i| f64::from(i) * step)
        .map(|x| (x, f64::from(n) * step * (-0.5 * x * x).exp() / (2.0 * PI).sqrt(), phi(x)))
        .collect();
    let exceeds = |r: f64| 1.0 - nodes.iter().map(|&(x, weight, below)| weight * (phi(x + r) - below).powi(power)).sum::<f64>();
    let (mut first, mut second) = (0.0, 0.0);
    let rule = gauss_legendre(10);
    let half = 0.5 * WIDEST / f64::from(PANELS);
    for panel in 0..PANELS {
        for (node, weight) in &rule {
            let r = (2.0 * f64::from(panel) + 1.0 + node) * half;
            let part = half * weight * exceeds(r);
            first += part;
            second += 2.0 * r * part;
        }
    }
    Range { mean: first, deviation: (second - first * first).max(0.0).sqrt() }
}

/// A range of standard normal values is never wider, but once in 10^17.
const WIDEST: f64 = 16.0;
const PANELS: u32 = 16;

/// The constants of charts of subgroups of one size, as they are named in print.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "their names are the field's")]
pub struct Constants {
    pub n: u32,
    pub d2: f64,
    pub d3: f64,
    pub c4: f64,
    pub c5: f64,
    #[serde(rename = "A")]
    pub a: f64,
    #[serde(rename = "A2")]
    pub a2: f64,
    #[serde(rename = "A3")]
    pub a3: f64,
    #[serde(rename = "D1")]
    pub lower_range: f64,
    #[serde(rename = "D2")]
    pub upper_range: f64,
    #[serde(rename = "D3")]
    pub lower_range_ratio: f64,
    #[serde(rename = "D4")]
    pub upper_range_ratio: f64,
    #[serde(rename = "B3")]
    pub b3: f64,
    #[serde(rename = "B4")]
    pub b4: f64,
    #[serde(rename = "B5")]
    pub b5: f64,
    #[serde(rename = "B6")]
    pub b6: f64,
    #[serde(rename = "E2")]
    pub e2: f64,
}

impl Constants {
    /// The constants of subgroups of `n`; none outside of 2 to [`LARGEST`]. Lower limits are at least zero.
    #[must_use]
    pub fn of(n: u32) -> Option<Self> {
        let (Range { mean: d2, deviation: d3 }, c4, c5) = (range(n)?, c4(n)?, c5(n)?);
        let root = f64::from(n).sqrt();
        let above_zero = |value: f64| value.max(0.0);
        Some(Self {
            n,
            d2,
            d3,
            c4,
            c5,
            a: 3.0 / root,
            a2: 3.0 / (d2 * root),
            a3: 3.0 / (c4 * root),
            lower_range: above_zero(d2 - 3.0 * d3),
            upper_range: d2 + 3.0 * d3,
            lower_range_ratio: above_zero(1.0 - 3.0 * d3 / d2),
            upper_range_ratio: 1.0 + 3.0 * d3 / d2,
            b3: above_zero(1.0 - 3.0 * c5 / c4),
            b4: 1.0 + 3.0 * c5 / c4,
            b5: above_zero(c4 - 3.0 * c5),
            b6: c4 + 3.0 * c5,
            e2: 3.0 / d2,
        })
    }
}
