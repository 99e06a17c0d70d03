//! How many degrees of freedom an estimate of sigma has, for the confidence intervals that rest on it.
//!
//! Of a mean square they are exact, or Satterthwaite's. An estimate that is linear in ranges or deviations is taken for a multiple of
//! the chi that varies as much as it does (Patnaik, Biometrika 37 (1950) 78), which reproduces the degrees of freedom beside the printed d2*.

use std::f64::consts::{FRAC_PI_2, PI};

use super::number;
use crate::{
    constants::{Range, c4_of},
    distribution::bisect,
};

/// The covariance of two moving ranges that share a value, over d2 squared: sqrt(3)/2 + pi/12 - 1 (Cryer and Ryan, J. Quality
/// Technology 22 (1990) 187).
const SHARED: f64 = 0.866_025_403_784_438_6 + PI / 12.0 - 1.0;
/// The product of the median range of two and its density there: twice the normal quantile of 3/4 and the normal density there.
const MEDIAN_DENSITY: f64 = 0.428_674_082_255_740_6;
/// By how much more often than by chance two moving ranges that share a value are both below the median.
const MEDIAN_SHARED: f64 = 0.026_601_618_252_09;

/// The degrees of freedom of the chi whose variance over its squared mean is this.
pub(super) fn effective(variance: f64) -> f64 {
    if !(variance > 0.0 && variance.is_finite()) {
        return f64::NAN;
    }
    // The square of the mean of chi over the root of its degrees of freedom rises with them.
    bisect(|df| c4_of(df + 1.0).powi(2), 1.0 / (1.0 + variance), 0.0, 1.0 + 1.0 / variance)
}

/// The variance of the range of a subgroup over d2, where sigma is one.
pub(super) fn of_range(Range { mean, deviation }: Range) -> f64 {
    (deviation / mean).powi(2)
}

/// The variance of the standard deviation of a subgroup over c4, where sigma is one.
pub(super) fn of_deviation(c4: f64) -> f64 {
    1.0 / (c4 * c4) - 1.0
}

/// Moving ranges as far as they depend on each other: how many there are, and how often one follows another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    ranges: f64,
    following: f64,
}

impl Chain {
    /// Of moving ranges in their order, of which NaN are missing.
    pub(super) fn of(ranges: &[f64]) -> Self {
        let there = ranges.iter().filter(|range| !range.is_nan()).count();
        let following = ranges.windows(2).filter(|pair| !pair.iter().any(|range| range.is_nan())).count();
        Self { ranges: number(there), following: number(following) }
    }

    /// Of the mean moving range over `span` values. Of more than two no covariance is in closed form: the variance is then that of ranges
    /// that share no value, which is never smaller.
    pub(super) fn mean(self, span: u32, moments: Range) -> f64 {
        let apart = of_range(moments) * (f64::from(span) / self.ranges).min(1.0);
        effective(if span == 2 { self.variance(FRAC_PI_2 - 1.0, SHARED) } else { apart })
    }

    /// Of the median moving range, as many as there are; of few it is a little small.
    pub(super) fn median(self) -> f64 {
        effective(self.variance(0.25, MEDIAN_SHARED) / MEDIAN_DENSITY.powi(2))
    }

    /// Of the mean square successive difference (von Neumann, Annals of Mathematical Statistics 12 (1941) 367).
    pub(super) fn square(self) -> f64 {
        2.0 * self.ranges * self.ranges / (2.0 * self.ranges + self.following)
    }

    /// The variance of a mean over the ranges, of the variance of each and the covariance of one with the next.
    fn variance(self, each: f64, next: f64) -> f64 {
        (self.ranges * each + 2.0 * self.following * next) / (self.ranges * self.ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        constants::range,
        estimate::{Estimator, Subgroup, individuals, subgroups},
    };

    fn near(a: f64, b: f64, off: f64) {
        assert!((a - b).abs() <= off, "{a} is not {b}");
    }

    fn groups(size: usize, count: usize) -> Vec<Subgroup> {
        let values = |nth: usize| (0..size).map(|at| number((at * 7 + nth * 3) % 11)).collect::<Vec<_>>();
        (0..count).map(|nth| Subgroup::of(&values(nth)).unwrap()).collect()
    }

    #[test]
    fn pooled_subgroups_have_one_fewer_than_values_each() {
        near(subgroups(&groups(2, 50), Estimator::Pooled).unwrap().df, 50.0, 0.0);
        let mut uneven = groups(5, 3);
        uneven.extend(groups(2, 1));
        uneven.extend(groups(1, 9));
        for estimator in [Estimator::Pooled, Estimator::PooledC4] {
            near(subgroups(&uneven, estimator).unwrap().df, 4.0 + 4.0 + 4.0 + 1.0, 0.0);
        }
    }

    /// The degrees of freedom that are printed beside d2*, with one decimal (Duncan, Quality Control and Industrial Statistics, table D3).
    #[test]
    fn ranges_have_as_many_as_are_printed_beside_d2_star() {
        for (size, count, printed) in [(2, 1, 1.0), (3, 1, 2.0), (4, 1, 2.9), (5, 1, 3.8), (6, 1, 4.7), (7, 1, 5.5), (5, 5, 18.4)] {
            near(subgroups(&groups(size, count), Estimator::Rbar).unwrap().df, printed, 0.06);
        }
        // Nearly 0.9 for each value but one of a subgroup.
        near(subgroups(&groups(5, 25), Estimator::Rbar).unwrap().df / 100.0, 0.9, 0.02);
    }

    /// One deviation has its own; means of several lose a little, and the weights of least variance lose least.
    #[test]
    fn deviations_have_nearly_as_many_as_their_squares() {
        near(subgroups(&groups(4, 1), Estimator::Sbar).unwrap().df, 3.0, 1e-9);
        let mean = subgroups(&groups(4, 20), Estimator::Sbar).unwrap().df;
        assert!(mean < 60.0 && mean > 0.9 * 60.0, "{mean}");
        let mut uneven = groups(2, 5);
        uneven.extend(groups(10, 5));
        for (plain, best) in [(Estimator::Sbar, Estimator::MvlueS), (Estimator::Rbar, Estimator::MvlueR)] {
            let [plain, best] = [plain, best].map(|estimator| subgroups(&uneven, estimator).unwrap().df);
            assert!(plain < best && best < 50.0, "{plain} {best}");
        }
    }

    #[test]
    fn moving_ranges_that_share_values_say_less() {
        let values: Vec<f64> = (0..100_i32).map(|at| f64::from(at * 7 % 11)).collect();
        let df = |values: &[f64], estimator| individuals(values, estimator, 2).unwrap().df;
        for estimator in [Estimator::MrBar, Estimator::Sd, Estimator::SqrtMssd] {
            near(df(&[1.0, 2.0], estimator), 1.0, 1e-9);
        }
        // By hand: 99 ranges with a variance of pi/2 - 1 = 0.570796 each, and 98 covariances of 0.127825, make
        // (56.508831 + 25.053659)/9801 = 0.008322; half of its inverse is 60.08, and a quarter more as chi falls short of its root.
        near(df(&values, Estimator::MrBar), 60.33, 0.01);
        // Twice 99 squared over 3 * 100 - 4.
        near(df(&values, Estimator::SqrtMssd), 2.0 * 9801.0 / 296.0, 1e-9);
        near(df(&values, Estimator::Sd), 99.0, 0.0);
        let median = df(&values, Estimator::MedianMr);
        assert!(median > 25.0 && median < 60.0, "{median}");
        // A gap that parts the values leaves two fewer ranges, and three fewer pairs of them.
        let parted: Vec<f64> = values.iter().enumerate().map(|(at, &value)| if at == 50 { f64::NAN } else { value }).collect();
        near(df(&parted, Estimator::SqrtMssd), 2.0 * 97.0 * 97.0 / (2.0 * 97.0 + 95.0), 1e-9);
    }

    /// Ranges over more values share more of them: no more is claimed than ranges that share none would say.
    #[test]
    fn wider_moving_ranges_claim_no_more_than_those_apart() {
        let values: Vec<f64> = (0..60_i32).map(|at| f64::from(at * 7 % 11)).collect();
        let df = individuals(&values, Estimator::MrBar, 4).unwrap().df;
        near(df, effective(of_range(range(4).unwrap()) * 4.0 / 57.0), 0.0);
        near(individuals(&values[..4], Estimator::MrBar, 4).unwrap().df, 2.9, 0.06);
    }

    #[test]
    fn what_tells_no_sigma_has_none() {
        assert!(
            individuals(&[1.0], Estimator::MrBar, 2).unwrap().df.is_nan() && subgroups(&groups(1, 3), Estimator::Rbar).unwrap().df.is_nan()
        );
    }
}
