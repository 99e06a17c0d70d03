//! Threshold voltages of one sweep, whose current rises with its gate voltage.

use crate::{
    Flags,
    numeric::{count, first_maximum, gradient, median, range, regression},
    sweep::Branch,
};

/// Points of the smoothing that noise calls for.
const SMOOTHING: usize = 9;

/// A current with its first two derivatives: by differences as it was measured, or by parabolas where it is noisy.
#[derive(Clone, Debug)]
pub(crate) struct Tangents {
    id: Vec<f64>,
    gm: Vec<f64>,
    bend: Vec<f64>,
    /// How many points each parabola goes through; one where there are none.
    pub(crate) smoothing: usize,
}

impl Tangents {
    /// The derivatives; smoothed as asked for, or else if the current is seen to be noisy.
    pub(crate) fn of(branch: &Branch, smoothing: Option<usize>, flags: &mut Flags) -> Self {
        let smoothing = smoothing.unwrap_or_else(|| if is_noisy(branch) { SMOOTHING } else { 1 });
        if smoothing < 3 || smoothing > branch.len() {
            let gm = gradient(&branch.x, &branch.y);
            return Self { bend: gradient(&branch.x, &gm), id: branch.y.clone(), gm, smoothing: 1 };
        }
        flags.raise("noise_smoothed");
        let mut tangents = Self { id: Vec::new(), gm: Vec::new(), bend: Vec::new(), smoothing };
        for index in 0..branch.len() {
            let [value, slope, bend] = parabola(branch, index, smoothing);
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

/// Whether a current is noisy where the device conducts. The third differences of a smooth curve keep their sign; those
/// of noise change it at three steps of four.
fn is_noisy(branch: &Branch) -> bool {
    let (_, most) = range(&branch.y);
    let on: Vec<f64> = branch.y.iter().copied().skip_while(|y| *y < most * 0.02).collect();
    let third: Vec<f64> = on.windows(4).map(|y| y[3] - 3.0 * y[2] + 3.0 * y[1] - y[0]).collect();
    if third.len() < 8 {
        return false;
    }
    let changes = third.windows(2).filter(|pair| pair[0] * pair[1] < 0.0).count();
    let steps = median(on.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect());
    let noise = median(third.iter().map(|value| value.abs()).collect()) / 20_f64.sqrt();
    count(changes) > 0.6 * count(third.len() - 1) && noise > 1e-3 * steps
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
    /// Whether that is an end of the sweep.
    at_end: bool,
    /// Whether the device is in its linear region where the slope is greatest.
    pub(crate) linear_region: bool,
}

impl Thresholds {
    /// Finds them; none where no current rises.
    pub(crate) fn of(branch: &Branch, tangents: &Tangents, vds: f64, criterion: Option<f64>) -> Option<Self> {
        let steepest = first_maximum(&tangents.gm)?;
        let (at, gm_max) = (branch.x[steepest], tangents.gm[steepest]);
        if gm_max <= 0.0 {
            return None;
        }
        let linear = at - tangents.id[steepest] / gm_max - vds / 2.0;
        let bent = (branch.len() >= 5).then(|| first_maximum(&tangents.bend[1..branch.len() - 1])).flatten().map(|index| index + 1);
        Some(Self {
            linear: Some(linear).filter(|value| value.is_finite()),
            constant_current: criterion.and_then(|criterion| constant_current(branch, criterion)),
            second_derivative: bent.map(|index| branch.x[index]),
            resolution: bent.map(|index| (branch.x[index + 1] - branch.x[index]).max(branch.x[index] - branch.x[index - 1])),
            saturation: saturation(branch, tangents, vds),
            gm_max,
            at,
            at_end: steepest == 0 || steepest + 1 == branch.len(),
            linear_region: vds <= at - linear,
        })
    }

    /// Says what these are to be read with.
    pub(crate) fn qualify(&self, branch: &Branch, criterion: Option<f64>, vds: f64, flags: &mut Flags) {
        flags.raise_if(self.at_end, "gm_max_at_sweep_end");
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
    let steepest = first_maximum(&slopes)?;
    let threshold = branch.x[steepest] - roots[steepest] / slopes[steepest];
    (slopes[steepest] > 0.0 && threshold.is_finite() && vds >= branch.x[steepest] - threshold).then_some(threshold)
}
