//! Average run lengths: how many points a chart takes until it signals, of a normal process shifted by so many sigmas.
//!
//! Sources: Page 1954 and Goel and Wu 1971 for the integral equation of cusum, Lucas and Crosier 1982 for head starts,
//! Crowder 1987 for ewma.

use std::f64::consts::PI;

use crate::{
    Error,
    constants::phi,
    error::{finite, positive},
    quadrature::gauss_legendre,
};

/// A tabular cusum, all in sigmas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CusumDesign {
    /// The allowance K.
    pub k: f64,
    /// The decision interval H.
    pub h: f64,
    /// Where the sums start; zero, or a head start below H.
    pub headstart: f64,
    /// Whether there are sums on both sides.
    pub two_sided: bool,
}

/// The run length of a Shewhart chart with limits `width` sigmas off, under a shift: one over the chance of a signal.
pub fn shewhart(width: f64, shift: f64) -> Result<f64, Error> {
    let (width, shift) = (positive(width, "L")?, finite(shift, "shift")?);
    finite(1.0 / (phi(shift - width) + phi(-shift - width)), "L")
}

/// The run length of a cusum under a shift.
///
/// Both sides together, of which only one is above zero when it signals: L = (A(s) B(0) + A(0) B(s) - A(0) B(0)) / (A(0) + B(0)), of the one-sided A and B with head start s.
pub fn cusum(design: CusumDesign, shift: f64) -> Result<f64, Error> {
    let CusumDesign { k, h, headstart, two_sided } = design;
    positive(h, "h")?;
    finite(shift, "shift")?;
    if !(0.0..=100.0).contains(&k) || h > 100.0 || shift.abs() > 100.0 {
        return Err(Error::parameter("h", "must be at most 100, as must k and the shift"));
    }
    if !(0.0..h).contains(&headstart) {
        return Err(Error::parameter("headstart", "must be 0 or more, and below h"));
    }
    // Both sums above zero lose 2k a point together: from further up, both might be on their way when one signals.
    if two_sided && 2.0 * (headstart - k) > h {
        return Err(Error::parameter("headstart", "must be at most k and half of h where there are two sides"));
    }
    let up = Run::of_cusum(k, h, shift)?;
    if !two_sided {
        return told(up.from(headstart), "h");
    }
    let down = Run::of_cusum(k, h, -shift)?;
    let (a, b) = (up.at_zero, down.at_zero);
    // Divided before they are multiplied, as run lengths grow beyond what products hold.
    let (weight, rest) = (a / (a + b), b / (a + b));
    told(up.from(headstart) * rest + weight * (down.from(headstart) - b), "h")
}

/// The run length of a two-sided ewma whose limits stand `width` of its final sigmas off, under a shift.
pub fn ewma(lambda: f64, width: f64, shift: f64) -> Result<f64, Error> {
    positive(width, "L")?;
    if !(0.01..=1.0).contains(&lambda) || width > 10.0 || finite(shift, "shift")?.abs() > 10.0 {
        return Err(Error::parameter("lambda", "must lie between 0.01 and 1, L and the shift be at most 10"));
    }
    let h = width * (lambda / (2.0 - lambda)).sqrt();
    let rule: Vec<(f64, f64)> = gauss_legendre(nodes(2.0 * h / lambda)).into_iter().map(|(x, weight)| (h * x, h * weight)).collect();
    let kernel = |to: f64, from: f64| density((to - (1.0 - lambda) * from) / lambda - shift) / lambda;
    let rows = rule.iter().map(|&(from, _)| rule.iter().map(|&(to, weight)| -weight * kernel(to, from)).collect()).collect();
    let lengths = solve(identity_plus(rows), vec![1.0; rule.len()])?;
    let start = rule.iter().zip(&lengths).map(|(&(to, weight), length)| weight * kernel(to, 0.0) * length).sum::<f64>();
    told(1.0 + start, "L")
}

/// A run length, unless rounding has eaten the digits of it: the chance of no signal is one but for its inverse.
fn told(length: f64, field: &str) -> Result<f64, Error> {
    const LONGEST: f64 = 1e10;
    if (1.0..=LONGEST).contains(&length) {
        Ok(length)
    } else {
        Err(Error::parameter(field, "must be smaller: the run length is more than 1e10 points, and cannot be told"))
    }
}

/// The run lengths of a one-sided cusum by where it stands.
struct Run {
    k: f64,
    shift: f64,
    at_zero: f64,
    /// Where the integral is taken, with its weight, and the run length from there.
    nodes: Vec<(f64, f64, f64)>,
}

impl Run {
    /// Solves `L(z) = 1 + L(0) F(k - z - shift) + int_0^h L(y) f(y + k - z - shift) dy` at Gauss and Legendre's points.
    fn of_cusum(k: f64, h: f64, shift: f64) -> Result<Self, Error> {
        let rule: Vec<(f64, f64)> =
            gauss_legendre(nodes(h)).into_iter().map(|(x, weight)| (0.5 * h * (x + 1.0), 0.5 * h * weight)).collect();
        let starts: Vec<f64> = std::iter::once(0.0).chain(rule.iter().map(|&(y, _)| y)).collect();
        let row = |&z: &f64| -> Vec<f64> {
            let jumps = rule.iter().map(|&(y, weight)| -weight * density(y + k - z - shift));
            std::iter::once(-phi(k - z - shift)).chain(jumps).collect()
        };
        let lengths = solve(identity_plus(starts.iter().map(row).collect()), vec![1.0; starts.len()])?;
        let nodes = rule.iter().zip(&lengths[1..]).map(|(&(y, weight), &length)| (y, weight, length)).collect();
        Ok(Self { k, shift, at_zero: lengths[0], nodes })
    }

    /// The run length from a head start.
    fn from(&self, z: f64) -> f64 {
        let off = self.k - z - self.shift;
        1.0 + self.at_zero * phi(off) + self.nodes.iter().map(|(y, weight, length)| weight * density(y + off) * length).sum::<f64>()
    }
}

/// How many points an integral over so many sigmas takes: its kernel is a sigma wide.
fn nodes(sigmas: f64) -> u32 {
    const MOST: u32 = 400;
    (40..=MOST).step_by(20).find(|&n| f64::from(n) >= 5.0 * sigmas + 40.0).unwrap_or(MOST)
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

fn identity_plus(mut rows: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for (place, row) in rows.iter_mut().enumerate() {
        row[place] += 1.0;
    }
    rows
}

/// Gauss's elimination with the largest pivot of each column.
fn solve(mut rows: Vec<Vec<f64>>, mut right: Vec<f64>) -> Result<Vec<f64>, Error> {
    let size = right.len();
    for column in 0..size {
        let largest = (column..size).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs())).unwrap_or(column);
        rows.swap(column, largest);
        right.swap(column, largest);
        let pivot = rows[column].clone();
        if pivot[column].abs() < f64::MIN_POSITIVE {
            return Err(Error::parameter("h", "must give a run length that can be told"));
        }
        for row in column + 1..size {
            let factor = rows[row][column] / pivot[column];
            for (value, above) in rows[row][column..].iter_mut().zip(&pivot[column..]) {
                *value -= factor * above;
            }
            right[row] -= factor * right[column];
        }
    }
    for column in (0..size).rev() {
        let known: f64 = (column + 1..size).map(|later| rows[column][later] * right[later]).sum();
        right[column] = (right[column] - known) / rows[column][column];
    }
    Ok(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_lengths_are_those_of_the_literature() {
        let near = |a: f64, b: f64| assert!((a - b).abs() <= 2e-4 * b, "{a} is not {b}");
        near(ewma(0.1, 2.814_3, 0.0).unwrap(), 500.0);
        near(ewma(1.0, 3.0, 0.0).unwrap(), shewhart(3.0, 0.0).unwrap());
        let one = CusumDesign { k: 0.5, h: 4.0, headstart: 0.0, two_sided: false };
        near(cusum(one, 0.0).unwrap(), 2.0 * 167.683_788_81);
        // One side never signals, and takes nothing from the other.
        for (design, shift) in [(one, 6.0), (CusumDesign { headstart: 2.0, ..one }, 6.0), (one, 20.0)] {
            let alone = cusum(design, shift).unwrap();
            near(cusum(CusumDesign { two_sided: true, ..design }, shift).unwrap(), alone);
            near(cusum(CusumDesign { two_sided: true, ..design }, -shift).unwrap(), alone);
        }
    }

    #[test]
    fn what_has_no_run_length_is_refused() {
        assert!(shewhart(f64::NAN, 0.0).is_err() && shewhart(60.0, 0.0).is_err());
        assert!(cusum(CusumDesign { k: 0.5, h: 5.0, headstart: 5.0, two_sided: true }, 0.0).is_err());
        assert!(cusum(CusumDesign { k: 0.1, h: 5.0, headstart: 4.5, two_sided: true }, 0.0).is_err());
        assert!(cusum(CusumDesign { k: 0.1, h: 5.0, headstart: 4.5, two_sided: false }, 0.0).is_ok());
        assert!(ewma(0.0, 3.0, 0.0).is_err());
        assert!(ewma(0.01, 10.0, 0.0).is_err() && cusum(CusumDesign { k: 2.0, h: 30.0, headstart: 0.0, two_sided: false }, 0.0).is_err());
    }
}
