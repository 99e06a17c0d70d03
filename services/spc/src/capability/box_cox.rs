use super::Specification;
use crate::{
    Code, Error,
    error::finite,
    estimate::{mean, number},
};

/// Values and specification by Box and Cox's transformation: (x^lambda - 1)/lambda, or ln x where lambda is zero. All must be
/// above zero.
pub fn transformed(values: &[f64], specification: &Specification, lambda: f64) -> Result<(Vec<f64>, Specification), Error> {
    finite(lambda, "lambda")?;
    check(values)?;
    for (limit, field) in [(specification.lower, "lsl"), (specification.upper, "usl"), (specification.target, "target")] {
        if limit.is_some_and(|limit| limit <= 0.0) {
            return Err(Error::input(field, "must be above 0 to be transformed"));
        }
    }
    let values = values.iter().map(|&x| transform(x, lambda)).collect();
    Ok((values, specification.map(|x| transform(x, lambda))?))
}

/// The lambda of greatest likelihood under a normal distribution, within -5 and 5 (Box and Cox 1964).
pub fn best_lambda(values: &[f64]) -> Result<f64, Error> {
    check(values)?;
    // Scaled by the geometric mean, powers neither overflow nor vanish; the likelihood is the same but for a constant.
    let centre = mean(&values.iter().map(|x| x.ln()).collect::<Vec<_>>());
    let logs: Vec<f64> = values.iter().map(|x| x.ln() - centre).collect();
    if logs.iter().all(|&log| log.abs() < 1e-12) {
        return Err(Error::new(Code::InsufficientData, "x", "must have values that differ"));
    }
    let (mut low, mut high) = (-5.0, 5.0);
    // The logarithm of the variance is convex in lambda: its slope, found by halving, has one zero.
    if slope(&logs, low) >= 0.0 {
        return Ok(low);
    }
    if slope(&logs, high) <= 0.0 {
        return Ok(high);
    }
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if slope(&logs, middle) < 0.0 { low = middle } else { high = middle }
    }
    Ok(f64::midpoint(low, high))
}

/// The slope over lambda of half the logarithm of the transformed values' variance, whose logarithms sum to zero.
fn slope(logs: &[f64], lambda: f64) -> f64 {
    let power = |log: f64| if lambda.abs() < 1e-9 { log } else { (lambda * log).exp_m1() / lambda };
    let change = |log: f64| {
        let x = lambda * log;
        // The difference cancels near zero, where its series is exact.
        if x.abs() < 1e-4 { log * log * (0.5 + x / 3.0 + x * x / 8.0) } else { (x.exp() * (x - 1.0) + 1.0) / (lambda * lambda) }
    };
    let count = number(logs.len());
    let (middle, drift) =
        (logs.iter().map(|&log| power(log)).sum::<f64>() / count, logs.iter().map(|&log| change(log)).sum::<f64>() / count);
    let (mut squares, mut products) = (0.0, 0.0);
    for &log in logs {
        let off = power(log) - middle;
        squares += off * off;
        products += off * (change(log) - drift);
    }
    products / squares
}

fn transform(x: f64, lambda: f64) -> f64 {
    if lambda == 0.0 { x.ln() } else { (lambda * x.ln()).exp_m1() / lambda }
}

fn check(values: &[f64]) -> Result<(), Error> {
    for (place, &x) in values.iter().enumerate() {
        if finite(x, "x").map_err(|error| error.at(place))? <= 0.0 {
            return Err(Error::input("x", "must be above 0 to be transformed").at(place));
        }
    }
    if values.len() < 2 {
        return Err(Error::new(Code::InsufficientData, "x", "must have 2 values or more"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_that_are_symmetric_want_lambda_zero() {
        let values: Vec<f64> = (-10..=10).map(|i| (f64::from(i) / 5.0).exp()).collect();
        assert!(best_lambda(&values).unwrap().abs() < 1e-10);
    }

    /// The likelihood as it is printed, but for a constant.
    fn likelihood(values: &[f64], lambda: f64) -> f64 {
        let moved: Vec<f64> = values.iter().map(|&x| transform(x, lambda)).collect();
        let middle = mean(&moved);
        let variance = moved.iter().map(|x| (x - middle).powi(2)).sum::<f64>() / number(values.len());
        (lambda - 1.0) * values.iter().map(|x| x.ln()).sum::<f64>() - 0.5 * number(values.len()) * variance.ln()
    }

    #[test]
    fn no_lambda_beside_it_is_likelier() {
        let values: Vec<f64> = (1..=60).map(|i| (0.1 * f64::from(i)).powf(2.2) + 0.3 * f64::from(i % 7)).collect();
        let best = best_lambda(&values).unwrap();
        assert!((0.1..1.0).contains(&best));
        for step in [1e-4, 1e-3, 0.1] {
            assert!(likelihood(&values, best) > likelihood(&values, best - step));
            assert!(likelihood(&values, best) > likelihood(&values, best + step));
        }
    }

    #[test]
    fn what_is_not_above_zero_is_refused() {
        assert!(best_lambda(&[1.0, 0.0]).is_err() && best_lambda(&[1.0]).is_err() && best_lambda(&[2.0, 2.0]).is_err());
    }
}
