//! Quantiles and tails of the distributions that statistics of charts follow.
//!
//! Distribution functions are statrs'; quantiles are found by halving an interval until it holds no further number, as
//! its own stop at fewer digits.

use statrs::function::{beta::beta_reg, erf::erfc_inv, gamma::gamma_lr};

/// The standard normal's quantile.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    let x = -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p);
    // One step of Newton's method repairs the last digits where the density is not too small.
    let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if density > 1e-12 { x - (crate::constants::phi(x) - p) / density } else { x }
}

/// The chi-squared distribution's quantile.
pub(crate) fn chi_squared_quantile(p: f64, df: f64) -> f64 {
    solve(|x| gamma_lr(0.5 * df, 0.5 * x), p, df)
}

/// The gamma distribution's quantile, of scale one.
pub(crate) fn gamma_quantile(p: f64, shape: f64) -> f64 {
    solve(|x| gamma_lr(shape, x), p, shape)
}

/// The probability that a gamma distribution of scale one has of `x` or less.
pub(crate) fn gamma_probability(x: f64, shape: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { gamma_lr(shape, x.min(f64::MAX)) }
}

/// The beta distribution's quantile.
pub(crate) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    bisect(|x| beta_reg(a, b, x), p, 0.0, 1.0)
}

/// The quantile of Fisher's F.
pub(crate) fn f_quantile(p: f64, numerator: f64, denominator: f64) -> f64 {
    // From the complement, whose quantile keeps its digits where that of F lies far out.
    let rest = beta_quantile(1.0 - p, 0.5 * denominator, 0.5 * numerator);
    denominator * (1.0 - rest) / (numerator * rest)
}

/// The probability that Fisher's F is larger than `f`.
pub(crate) fn f_tail(f: f64, numerator: f64, denominator: f64) -> f64 {
    if f.is_nan() || f <= 0.0 {
        return 1.0;
    }
    if f.is_infinite() {
        return 0.0;
    }
    beta_reg(0.5 * denominator, 0.5 * numerator, denominator / (denominator + numerator * f))
}

/// Where a distribution function on positive numbers reaches `p`; `near` is a number of the right order.
fn solve(cdf: impl Fn(f64) -> f64, p: f64, near: f64) -> f64 {
    let mut high = near.max(1.0);
    while cdf(high) < p && high < 1e300 {
        high *= 2.0;
    }
    bisect(cdf, p, 0.0, high)
}

/// Where a function that rises from `low` to `high` reaches `p`.
pub(crate) fn bisect(cdf: impl Fn(f64) -> f64, p: f64, mut low: f64, mut high: f64) -> f64 {
    for _ in 0..1100 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} is not {b}");
    }

    #[test]
    fn quantiles_are_those_of_printed_tables_and_beyond() {
        near(normal_quantile(0.975), 1.959_963_984_540_054);
        near(normal_quantile(0.001_35), -2.999_976_992_703_395_6);
        // Two degrees of freedom have a quantile in closed form.
        near(chi_squared_quantile(0.95, 2.0), -2.0 * 0.05_f64.ln());
        near(gamma_quantile(0.5, 1.0), std::f64::consts::LN_2);
        near(beta_quantile(0.25, 2.0, 1.0), 0.5);
        near(f_quantile(0.95, 2.0, 4.0), 2.0 * (0.05_f64.powf(-0.5) - 1.0));
        near(f_tail(f_quantile(0.99, 5.0, 7.0), 5.0, 7.0), 0.01);
    }
}
