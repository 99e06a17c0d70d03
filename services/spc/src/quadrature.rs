//! Gauss and Legendre's rule.

use std::f64::consts::PI;

/// The nodes and weights of the rule of `n` points over -1 to 1: roots of the Legendre polynomial, by Newton's method.
pub(crate) fn gauss_legendre(n: u32) -> Vec<(f64, f64)> {
    let size = f64::from(n);
    (1..=n)
        .map(|i| {
            let mut x = -(PI * (f64::from(i) - 0.25) / (size + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..100 {
                let (value, derivative) = legendre(n, x);
                slope = derivative;
                let step = value / derivative;
                x -= step;
                if step.abs() < 1e-16 {
                    break;
                }
            }
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

/// The Legendre polynomial of degree `n`, and its derivative.
fn legendre(n: u32, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = f64::from(k);
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, f64::from(n) * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_integrated_exactly() {
        for n in [2_u32, 10, 24, 81] {
            let rule = gauss_legendre(n);
            let degree = i32::try_from(2 * n - 2).unwrap();
            let sum: f64 = rule.iter().map(|(x, weight)| weight * x.powi(degree)).sum();
            assert!((sum - 2.0 / f64::from(degree + 1)).abs() < 1e-13, "{n}: {sum}");
        }
    }
}
