//! Threshold voltages of one sweep, whose current rises with its gate voltage.

use crate::{
    Flags,
    numeric::{first_maximum, gradient, range},
    sweep::Branch,
    tangents::{ROUNDING, Tangents},
};

/// The thresholds of one sweep, in volts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thresholds {
    /// Where the tangent of greatest slope meets zero, less half of the drain voltage.
    pub(crate) linear: Option<f64>,
    /// The first crossing of the criterion upwards.
    pub(crate) constant_current: Option<f64>,
    /// Where the current bends most.
    pub(crate) second_derivative: Option<f64>,
    /// The distance to the next samples there.
    pub(crate) resolution: Option<f64>,
    /// Where the tangent of greatest slope of the current's root meets zero; of a saturated device alone.
    pub(crate) saturation: Option<f64>,
    pub(crate) gm_max: f64,
    /// The gate voltage of the greatest slope.
    pub(crate) at: f64,
    /// Whether that is where the sweep begins, or the first place of it where the slope is known.
    at_start: bool,
    /// Whether that is where it ends, likewise.
    at_end: bool,
    /// Whether the device is in its linear region where the slope is greatest.
    pub(crate) linear_region: bool,
}

impl Thresholds {
    /// Finds them; none where no current rises.
    pub(crate) fn of(branch: &Branch, tangents: &Tangents, vds: f64, criterion: Option<f64>) -> Option<Self> {
        let x = &tangents.curve.x;
        let steepest = first_maximum(&tangents.gm, tangents.error)?;
        let (at, gm_max) = (x[steepest], tangents.gm[steepest]);
        if gm_max <= 0.0 {
            return None;
        }
        // A slope that stays is that of a linear region, however near to the threshold it begins.
        let lasting = tangents.gm.iter().rposition(|slope| *slope >= gm_max * (1.0 - ROUNDING)).unwrap_or(steepest);
        let linear = at - tangents.curve.y[steepest] / gm_max - vds / 2.0;
        let bent = (x.len() >= 5).then(|| first_maximum(&tangents.bend[1..x.len() - 1], ROUNDING)).flatten().map(|index| index + 1);
        Some(Self {
            linear: Some(linear).filter(|value| value.is_finite()),
            constant_current: criterion.and_then(|criterion| constant_current(branch, criterion)),
            second_derivative: bent.map(|index| x[index]),
            resolution: bent.map(|index| (x[index + 1] - x[index]).max(x[index] - x[index - 1])),
            saturation: saturation(tangents, vds),
            gm_max,
            at,
            at_start: tangents.gm[..steepest].iter().all(|slope| slope.is_nan()),
            at_end: tangents.gm[steepest + 1..].iter().all(|slope| slope.is_nan()),
            linear_region: vds <= x[lasting] - linear,
        })
    }

    /// Whether the sweep ends below the criterion while the current still bends upwards: by no method is that a threshold.
    pub(crate) fn still_turns_on(&self, branch: &Branch, criterion: Option<f64>) -> bool {
        self.at_end && criterion.is_some_and(|criterion| branch.y.iter().all(|y| *y < criterion))
    }

    /// Says what these are to be read with.
    pub(crate) fn qualify(&self, branch: &Branch, criterion: Option<f64>, vds: f64, flags: &mut Flags) {
        flags.raise_if(self.at_start || self.at_end, "gm_max_at_sweep_end");
        flags.raise_if(!self.linear_region && vds > 0.0, "not_linear_region");
        let Some(criterion) = criterion.filter(|_| self.constant_current.is_none()) else { return };
        let first = branch.y.iter().copied().find(|y| *y > 0.0);
        let leaks = first.is_some_and(|first| first >= criterion);
        flags.raise(if leaks { "leak_above_criterion" } else { "threshold_not_reached" });
    }

    /// The currents between which the slope below threshold is looked for: above the floor, and a decade below the
    /// current at threshold.
    pub(crate) fn window(&self, branch: &Branch, criterion: Option<f64>) -> (f64, f64) {
        let floor = branch.y.iter().copied().filter(|y| *y > 0.0).fold(f64::INFINITY, f64::min);
        let (_, most) = range(&branch.y);
        let threshold = criterion.filter(|criterion| *criterion < most);
        let threshold = threshold.or_else(|| crate::numeric::interpolate(&branch.x, &branch.y, self.linear?)).unwrap_or(most * 1e-2);
        (floor * 10.0, threshold / 10.0)
    }
}

/// Where a current first comes above a criterion, by its logarithm.
pub(crate) fn constant_current(branch: &Branch, criterion: f64) -> Option<f64> {
    let positive: Vec<_> = branch.pairs().filter(|(_, y)| *y > 0.0).collect();
    let step = positive.windows(2).find(|pair| pair[0].1 < criterion && pair[1].1 >= criterion)?;
    let [(x0, y0), (x1, y1)] = [step[0], step[1]];
    Some(x0 + (criterion / y0).ln() * (x1 - x0) / (y1 / y0).ln())
}

/// The threshold by the root of the current, if the drain voltage saturates the device there.
fn saturation(tangents: &Tangents, vds: f64) -> Option<f64> {
    let x = &tangents.curve.x;
    let roots: Vec<f64> = tangents.curve.y.iter().map(|id| id.max(0.0).sqrt()).collect();
    let slopes = gradient(x, &roots);
    let steepest = first_maximum(&slopes, tangents.error)?;
    let threshold = x[steepest] - roots[steepest] / slopes[steepest];
    (slopes[steepest] > 0.0 && threshold.is_finite() && vds >= x[steepest] - threshold).then_some(threshold)
}
