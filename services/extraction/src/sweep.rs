//! What an instrument swept: pairs of a setting and a reading, with gaps, in any direction, there and back.

use crate::{
    Flags, Refused,
    numeric::{mean, range},
};

/// Readings over settings that rise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Branch {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
}

/// A sweep, sorted; one that went there and back has two branches.
#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    pub(crate) first: Branch,
    pub(crate) back: Option<Branch>,
    /// How many pairs were there.
    pub(crate) points: usize,
    /// How many of them were used.
    pub(crate) used: usize,
}

impl Branch {
    /// Sorts pairs by their setting; of several at the same setting the mean is taken.
    fn of(mut pairs: Vec<(f64, f64)>, flags: &mut Flags) -> Self {
        pairs.sort_by(|left, right| left.0.total_cmp(&right.0));
        let mut branch = Self::default();
        for same in pairs.chunk_by(|left, right| left.0 >= right.0) {
            flags.raise_if(same.len() > 1, "repeated_points_averaged");
            let y: Vec<f64> = same.iter().map(|pair| pair.1).collect();
            branch.x.push(same[0].0);
            branch.y.push(mean(&y));
        }
        branch
    }

    /// How many points there are.
    pub(crate) fn len(&self) -> usize {
        self.x.len()
    }

    /// The points for which something holds.
    pub(crate) fn only(&self, holds: impl Fn(f64, f64) -> bool) -> Self {
        let (x, y) = self.pairs().filter(|(x, y)| holds(*x, *y)).unzip();
        Self { x, y }
    }

    /// The points.
    pub(crate) fn pairs(&self) -> impl DoubleEndedIterator<Item = (f64, f64)> + Clone {
        self.x.iter().copied().zip(self.y.iter().copied())
    }

    /// The means of so many neighbours each.
    pub(crate) fn averaged(&self, together: usize) -> Self {
        let means = |values: &[f64]| values.chunks(together.max(1)).map(mean).collect();
        Self { x: means(&self.x), y: means(&self.y) }
    }

    /// The points without what the instrument cut off, and how many those were: readings at its limit, or three and more
    /// equal ones at the upper end.
    pub(crate) fn unclipped(&self, limit: Option<f64>) -> (Self, usize) {
        let (least, most) = range(&self.y);
        let top = most - most.abs() * 1e-9;
        let flat = self.y.iter().rev().take_while(|y| **y >= top).count();
        let cut = flat >= 3 && most > 2.0 * least.abs() && flat + 3 <= self.len();
        let Some(bar) = limit.map(|limit| limit * 0.999).or_else(|| cut.then_some(top)) else { return (self.clone(), 0) };
        let kept = self.only(|_, y| y < bar);
        if kept.len() < 3 {
            return (self.clone(), 0);
        }
        let clipped = self.len() - kept.len();
        (kept, clipped)
    }

    /// The same points seen from the other end, with settings and readings multiplied by these signs.
    pub(crate) fn mirrored(&self, x_sign: f64, y_sign: f64) -> Self {
        let turned = |pairs: &mut dyn Iterator<Item = (f64, f64)>| pairs.map(|(x, y)| (x * x_sign, y * y_sign)).unzip();
        let (x, y) = if x_sign < 0.0 { turned(&mut self.pairs().rev()) } else { turned(&mut self.pairs()) };
        Self { x, y }
    }
}

impl Sweep {
    /// Takes pairs in the order in which they were measured; those with a missing half are dropped.
    pub(crate) fn of(x: &[f64], y: &[f64], least: usize, flags: &mut Flags) -> Result<Self, Refused> {
        let pairs: Vec<_> = x.iter().copied().zip(y.iter().copied()).filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        flags.raise_if(pairs.len() < x.len(), "non_finite_dropped");
        let (points, used) = (x.len(), pairs.len());
        let (there, back) = match turn(&pairs) {
            Some(Course::Turned(at)) => {
                flags.raise("double_sweep");
                let back = pairs[at + 1..].to_vec();
                (pairs[..=at].to_vec(), Some(back))
            }
            Some(Course::Unordered) => {
                flags.raise("unordered_sweep");
                (pairs, None)
            }
            None => (pairs, None),
        };
        let first = Branch::of(there, flags);
        if first.len() < least {
            let message = format!("only {} of {points} points can be used; {least} at different settings are needed", first.len());
            return Err(Refused::new("insufficient_data", message));
        }
        Ok(Self { first, back: back.map(|back| Branch::of(back, flags)), points, used })
    }
}

/// How a sweep went, if not straight on.
enum Course {
    /// There, and back after this point.
    Turned(usize),
    /// Every way.
    Unordered,
}

fn turn(pairs: &[(f64, f64)]) -> Option<Course> {
    let way = |index: usize| (pairs[index + 1].0 - pairs[index].0).partial_cmp(&0.0).filter(|way| way.is_ne());
    let mut turns = Vec::new();
    let mut going = None;
    for index in 0..pairs.len().saturating_sub(1) {
        let Some(now) = way(index) else { continue };
        if going.is_some_and(|going| going != now) {
            turns.push(index);
            if turns.len() > 1 {
                return Some(Course::Unordered);
            }
        }
        going = Some(now);
    }
    match turns[..] {
        [] => None,
        // A way back of a few points is no branch to compare with. What was measured twice where the sweep turned is the
        // last of the one branch and the first of the other.
        [at] if at >= 2 && pairs.len() - at > 3 => {
            let same = pairs[..at].iter().rev().take_while(|pair| (pair.0 - pairs[at].0).abs() <= 0.0).count();
            Some(Course::Turned(at - same.div_ceil(2)))
        }
        _ => Some(Course::Unordered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swept(x: &[f64]) -> (Sweep, Flags) {
        let mut flags = Flags::default();
        let y: Vec<f64> = x.iter().map(|x| x * 10.0).collect();
        (Sweep::of(x, &y, 2, &mut flags).expect("a sweep"), flags)
    }

    #[test]
    fn the_way_of_a_sweep_does_not_change_its_points() {
        let up = swept(&[0.0, 1.0, 2.0, 3.0]).0.first;
        assert_eq!(swept(&[3.0, 2.0, 1.0, 0.0]).0.first.x, up.x);
        let (mixed, flags) = swept(&[2.0, 0.0, 3.0, 1.0]);
        assert_eq!((mixed.first.y, flags.list()), (up.y.clone(), &["unordered_sweep"][..]));
        let (double, flags) = swept(&[0.0, 1.0, 2.0, 3.0, 2.5, 1.5, 0.5]);
        assert_eq!((double.first.x, double.back.expect("a way back").x), (up.x.clone(), vec![0.5, 1.5, 2.5]));
        assert_eq!(flags.list(), ["double_sweep"]);
        let (twice, flags) = swept(&[0.0, 1.0, 2.0, 3.0, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!((twice.first.x, twice.back.expect("a way back").x), (up.x.clone(), up.x));
        assert_eq!(flags.list(), ["double_sweep"]);
    }

    #[test]
    fn gaps_are_dropped_and_repeated_settings_averaged() {
        let mut flags = Flags::default();
        let sweep = Sweep::of(&[0.0, 1.0, 1.0, f64::NAN, 2.0], &[0.0, 2.0, 4.0, 1.0, f64::NAN], 2, &mut flags).expect("a sweep");
        assert_eq!((sweep.points, sweep.used, sweep.first.y), (5, 3, vec![0.0, 3.0]));
        assert_eq!(flags.list(), ["non_finite_dropped", "repeated_points_averaged"]);
        assert_eq!(Sweep::of(&[], &[], 2, &mut flags).unwrap_err().code, "insufficient_data");
    }
}
