//! How steep a current is over its voltage, and how it bends: also where noise hides it.

use crate::{
    Flags,
    numeric::{count, gradient, median, range, regression},
    sweep::Branch,
};

/// Points of the smoothing that noise calls for, at the least.
const SMOOTHING: usize = 9;
/// Points that a parabola goes through at the most, but for those who ask for more.
const MOST_SMOOTHING: usize = 25;
/// What noise may leave of error in a slope.
const SLOPE_ERROR: f64 = 0.02;
/// What rounding makes of equal slopes.
pub(crate) const ROUNDING: f64 = 1e-9;

/// A current with its first two derivatives: by differences as it was measured, or by parabolas where it is noisy.
#[derive(Clone, Debug)]
pub(crate) struct Tangents {
    /// The points that the derivatives are of.
    pub(crate) curve: Branch,
    pub(crate) gm: Vec<f64>,
    pub(crate) bend: Vec<f64>,
    /// How many points each parabola goes through; one where there are none.
    pub(crate) smoothing: usize,
    /// By what part of the greatest slope others may be less and yet the same, for noise or for rounding.
    pub(crate) error: f64,
}

impl Tangents {
    /// The derivatives; smoothed as asked for, or else if the current is seen to be noisy.
    pub(crate) fn of(branch: &Branch, asked: Option<usize>, flags: &mut Flags) -> Self {
        let noise = noise(branch);
        let points = asked.unwrap_or_else(|| noise.map_or(1, |noise| calm(noise, branch.len())));
        if points < 3 || points >= branch.len() {
            let gm = gradient(&branch.x, &branch.y);
            return Self { bend: gradient(&branch.x, &gm), curve: branch.clone(), gm, smoothing: 1, error: ROUNDING };
        }
        flags.raise("noise_smoothed");
        // Where parabolas would go through very many points, neighbours are averaged first: it is the same at less cost.
        let together = if asked.is_some() { 1 } else { (points / MOST_SMOOTHING).max(1) };
        let error = noise.map_or(ROUNDING, |noise| (2.0 * slope_error(noise, points)).clamp(ROUNDING, 0.1));
        let tangents = Self { curve: Branch::default(), gm: Vec::new(), bend: Vec::new(), smoothing: points, error };
        tangents.through(&branch.averaged(together), points / together)
    }

    /// The parabolas through each point and those around it.
    fn through(mut self, branch: &Branch, points: usize) -> Self {
        for index in 0..branch.len() {
            let [value, slope, bend] = parabola(branch, index, points);
            // At its ends a parabola has four times the error that it has in its middle.
            let middle = index >= points / 2 && index + points / 2 < branch.len();
            let [slope, bend] = if middle { [slope, bend] } else { [f64::NAN; 2] };
            self.curve.x.push(branch.x[index]);
            self.curve.y.push(value);
            self.gm.push(slope);
            self.bend.push(bend);
        }
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_and_noisy_line_has_its_slope() {
        let mut seed = 11_u32;
        let mut drawn = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(seed >> 8) / f64::from(1_u32 << 24) - 0.5
        };
        let x: Vec<f64> = (0..100_000).map(|index| f64::from(index) * 1e-5).collect();
        let y: Vec<f64> = x.iter().map(|x| x + 2e-4 * drawn()).collect();
        let mut flags = Flags::default();
        let tangents = Tangents::of(&Branch { x, y }, None, &mut flags);
        assert!(tangents.smoothing > 50 && tangents.curve.len() < 51_000, "{}", tangents.smoothing);
        let (least, most) = range(&tangents.gm);
        assert!(least > 0.9 && most < 1.1, "{least} {most}");
        assert_eq!(flags.list(), ["noise_smoothed"]);
    }
}
