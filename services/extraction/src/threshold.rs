//! Threshold voltages of one sweep, whose current rises with its gate voltage.

use crate::{
    Flags,
    numeric::{count, first_maximum, gradient, median, range, regression},
    sweep::Branch,
};

/// Points of the smoothing that noise calls for, at the least.
const SMOOTHING: usize = 9;
/// What noise may leave of error in a slope.
const SLOPE_ERROR: f64 = 0.02;
/// What rounding makes of equal slopes.
const ROUNDING: f64 = 1e-9;

/// A current with its first two derivatives: by differences as it was measured, or by parabolas where it is noisy.
#[derive(Clone, Debug)]
pub(crate) struct Tangents {
    id: Vec<f64>,
    gm: Vec<f64>,
    bend: Vec<f64>,
    /// How many points each parabola goes through; one where there are none.
    pub(crate) smoothing: usize,
    /// By what part of the greatest slope others may be less and yet the same, for noise or for rounding.
    error: f64,
}

impl Tangents {
    /// The derivatives; smoothed as asked for, or else if the current is seen to be noisy.
    pub(crate) fn of(branch: &Branch, smoothing: Option<usize>, flags: &mut Flags) -> Self {
        let noise = noise(branch);
        let smoothing = smoothing.unwrap_or_else(|| noise.map_or(1, |noise| calm(noise, branch.len())));
        if smoothing < 3 || smoothing >= branch.len() {
            let gm = gradient(&branch.x, &branch.y);
            return Self { bend: gradient(&branch.x, &gm), id: branch.y.clone(), gm, smoothing: 1, error: ROUNDING };
        }
        flags.raise("noise_smoothed");
        let error = noise.map_or(ROUNDING, |noise| (2.0 * slope_error(noise, smoothing)).clamp(ROUNDING, 0.1));
        let mut tangents = Self { id: Vec::new(), gm: Vec::new(), bend: Vec::new(), smoothing, error };
        for index in 0..branch.len() {
            let [value, slope, bend] = parabola(branch, index, smoothing);
            // At its ends a parabola has four times the error that it has in its middle.
            let middle = index >= smoothing / 2 && index + smoothing / 2 < branch.len();
            let [slope, bend] = if middle { [slope, bend] } else { [f64::NAN; 2] };
            tangents.id.push(value);
            tangents.gm.push(slope);
            tangents.bend.push(bend);
        }
        tangents
    }
}

/// Value, slope and second derivative at a point, of the parabola through those around it.
fn parabola(branch: &Branch, index: usize, points: usize) -> [f64; 3] {
    let from = index.saturating_sub(points / 2).min(branch.len() - points.min(branch.len()));
    let around = from..(from + points).min(branch.len());
    let at = branch.x[index];
    let scale = (branch.x[around.end - 1] - branch.x[from]).max(f64::MIN_POSITIVE);
    let rows = around.map(|index| {
        let x = (branch.x[index] - at) / scale;
        ([1.0, x, x * x], branch.y[index])
    });
    regression(rows).map_or([branch.y[index], f64::NAN, f64::NAN], |[a, b, c]| [a, b / scale, 2.0 * c / (scale * scale)])
}

/// The noise of a current where the device conducts, in units of what the current changes by from point to point; none
/// when it is smooth. The third differences of a smooth curve keep their sign; those of noise change it at three steps of
/// four.
fn noise(branch: &Branch) -> Option<f64> {
    let (_, most) = range(&branch.y);
    let on: Vec<f64> = branch.y.iter().copied().skip_while(|y| *y < most * 0.02).collect();
    let third: Vec<f64> = on.windows(4).map(|y| y[3] - 3.0 * y[2] + 3.0 * y[1] - y[0]).collect();
    if third.len() < 8 {
        return None;
    }
    let changes = third.windows(2).filter(|pair| pair[0] * pair[1] < 0.0).count();
    let step = (on[on.len() - 1] - on[0]).abs() / count(on.len() - 1);
    let noise = median(third.iter().map(|value| value.abs()).collect()) / (0.674_5 * 20_f64.sqrt());
    (count(changes) > 0.6 * count(third.len() - 1) && noise > 1e-3 * step).then_some(noise / step)
}

/// The error of a slope through n points: its variance is 12 / n^3 of that of a point.
fn slope_error(noise: f64, n: usize) -> f64 {
    noise * (12.0 / count(n).powi(3)).sqrt()
}

/// How many points a parabola needs for a slope that noise does not govern; no more than a sixth of the sweep, that the
/// curve is still seen.
fn calm(noise: f64, points: usize) -> usize {
    let most = (points / 6).max(SMOOTHING);
    (SMOOTHING..most).step_by(2).find(|n| slope_error(noise, *n) <= SLOPE_ERROR).unwrap_or(most / 2 * 2 + 1)
}

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
        let steepest = first_maximum(&tangents.gm, tangents.error)?;
        let (at, gm_max) = (branch.x[steepest], tangents.gm[steepest]);
        if gm_max <= 0.0 {
            return None;
        }
        let linear = at - tangents.id[steepest] / gm_max - vds / 2.0;
        let bent =
            (branch.len() >= 5).then(|| first_maximum(&tangents.bend[1..branch.len() - 1], ROUNDING)).flatten().map(|index| index + 1);
        Some(Self {
            linear: Some(linear).filter(|value| value.is_finite()),
            constant_current: criterion.and_then(|criterion| constant_current(branch, criterion)),
            second_derivative: bent.map(|index| branch.x[index]),
            resolution: bent.map(|index| (branch.x[index + 1] - branch.x[index]).max(branch.x[index] - branch.x[index - 1])),
            saturation: saturation(branch, tangents, vds),
            gm_max,
            at,
            at_start: tangents.gm[..steepest].iter().all(|slope| slope.is_nan()),
            at_end: tangents.gm[steepest + 1..].iter().all(|slope| slope.is_nan()),
            linear_region: vds <= at - linear,
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
fn saturation(branch: &Branch, tangents: &Tangents, vds: f64) -> Option<f64> {
    let roots: Vec<f64> = tangents.id.iter().map(|id| id.max(0.0).sqrt()).collect();
    let slopes = gradient(&branch.x, &roots);
    let steepest = first_maximum(&slopes, tangents.error)?;
    let threshold = branch.x[steepest] - roots[steepest] / slopes[steepest];
    (slopes[steepest] > 0.0 && threshold.is_finite() && vds >= branch.x[steepest] - threshold).then_some(threshold)
}
