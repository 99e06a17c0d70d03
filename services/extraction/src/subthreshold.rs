//! How steeply a transistor turns on below its threshold.

use crate::{
    numeric::{Line, gradient, range},
    sweep::Branch,
};

/// The gate voltage that a decade of current takes, in millivolts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slope {
    /// By least squares of the current's logarithm within the window.
    pub(crate) fit: Option<f64>,
    /// The least, between neighbouring samples that are not at the floor.
    pub(crate) steepest: Option<f64>,
    /// The currents between which the fit was made.
    pub(crate) window: Option<(f64, f64)>,
    /// How many samples lie in the window.
    pub(crate) points: usize,
}

impl Slope {
    /// Finds it for the currents of a window, ends included.
    pub(crate) fn of(branch: &Branch, window: (f64, f64)) -> Self {
        let positive = branch.only(|_, y| y > 0.0);
        let logs: Vec<f64> = positive.y.iter().map(|y| y.log10()).collect();
        let (x, y): (Vec<f64>, Vec<f64>) =
            positive.pairs().zip(&logs).filter(|((_, y), _)| *y >= window.0 && *y <= window.1).map(|((x, _), log)| (x, *log)).unzip();
        let per_decade = |slope: f64| Some(1000.0 / slope).filter(|value| value.is_finite() && *value > 0.0);
        let fit = (x.len() >= 3).then(|| Line::through(&x, &y)).flatten().and_then(|line| per_decade(line.slope));
        let (_, most) = range(&gradient(&positive.x, &logs));
        Self { fit, steepest: per_decade(most), window: Some(window).filter(|(low, high)| low < high), points: x.len() }
    }
}
