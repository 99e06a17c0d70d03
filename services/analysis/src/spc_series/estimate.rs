//! Phase I: what the points of a series amount to.

use std::sync::Arc;

use spectra_mesh::Error;
use spectra_proto::analysis::SpcChartType;
use spectra_spc::{
    Limits, Plan,
    capability::Within,
    estimate::{Estimate, Estimator, Subgroup, individuals, subgroups},
};

use super::{
    Series,
    definition::{Definition, Frozen, Sound},
};

/// A point as far as limits are estimated from it: NaN when it is missing, or excluded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) value: f64,
    pub(crate) subgroup: Option<i32>,
    pub(crate) n: i32,
}

/// Limits as a series keeps them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) centre: f64,
    pub(super) sigma: f64,
    pub(super) ctrl_lcl: Option<f64>,
    pub(super) ctrl_ucl: Option<f64>,
}

/// What points amount to.
#[derive(Debug)]
pub(super) struct Estimated {
    pub(super) limits: Kept,
    pub(super) frozen: Frozen,
    pub(super) estimator: String,
    pub(super) points: usize,
}

impl Series {
    /// What the points amount to, for a series that has no limits; none where its chart has none to estimate, or the points tell none.
    pub(crate) fn seems(&self, points: &[Counted]) -> Result<Option<Arc<Plan>>, Error> {
        use SpcChartType as Chart;
        if matches!(self.chart_type.0, Chart::T2 | Chart::Mewma | Chart::ZMr) {
            return Ok(None);
        }
        let sound = Definition::of(&self.clone().into()).sound()?;
        match phase_one(self.chart_type.0, self.subgroup_size, points, &sound, None) {
            Ok(estimated) => estimated.map(|estimated| estimated.frozen.plan(self.chart_type.0, self.subgroup_size)).transpose(),
            // Whoever draws a chart asked for no estimate: points that allow none are drawn without.
            Err(Error::Invalid(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

/// The standard deviation of single values within subgroups, or of moving ranges where there are none, with its degrees of freedom; none when
/// too few points count, or when no number holds it.
pub(crate) fn within(size: i32, points: &[Counted]) -> Option<Within> {
    let size = usize::try_from(size).unwrap_or(1);
    let estimator = if size > 1 { Estimator::Pooled } else { Estimator::MrBar };
    let Estimate { sigma, df, .. } = estimated(points, size, estimator).ok()?;
    sigma.filter(|sigma| *sigma > 0.0).map(|sigma| Within { sigma, df })
}

/// Estimates limits the way of the chart; none when too few points count, or when they do not differ.
pub(super) fn phase_one(
    chart: SpcChartType,
    size: i32,
    points: &[Counted],
    sound: &Sound,
    estimator: Option<&str>,
) -> Result<Option<Estimated>, Error> {
    use SpcChartType as Chart;
    let named = estimator.map(|name| Estimator::of(name).ok_or_else(|| unknown("must be the name of an estimator"))).transpose()?;
    let size = usize::try_from(size).unwrap_or(1);
    let there = points.iter().filter(|point| !point.value.is_nan()).count();
    let (limits, process, estimator) = match chart {
        Chart::T2 | Chart::Mewma | Chart::ZMr => return Err(unknown("is not for this chart, whose limits are given")),
        Chart::P | Chart::Np | Chart::C | Chart::U | Chart::LaneyP | Chart::LaneyU => {
            let Some((centre, sigma)) = counts(chart, points)? else { return Ok(None) };
            (Kept { centre, sigma, ctrl_lcl: None, ctrl_ucl: None }, Limits::process(centre, sigma), "counts".to_owned())
        }
        _ => {
            let usual = match chart {
                Chart::XbarR => Estimator::Rbar,
                Chart::XbarS => Estimator::Sbar,
                _ if size > 1 => Estimator::Pooled,
                _ => Estimator::MrBar,
            };
            let estimator = named.unwrap_or(usual);
            let Some((centre, sigma)) = process(points, size, estimator)? else { return Ok(None) };
            let plotted = sigma / f64::from(u32::try_from(size).unwrap_or(1)).sqrt();
            let accumulates = matches!(chart, Chart::Ewma | Chart::Cusum);
            let width = sound.settings.width * plotted;
            let (low, high) = if accumulates { (None, None) } else { (Some(centre - width), Some(centre + width)) };
            let kept = Kept { centre, sigma: if accumulates { sigma } else { plotted }, ctrl_lcl: low, ctrl_ucl: high };
            (kept, Limits::process(centre, sigma), estimator.label().to_owned())
        }
    };
    let frozen = Frozen { limits: process, ruleset: sound.ruleset.clone(), settings: sound.settings.clone() };
    frozen.plan(chart, 1)?;
    Ok(Some(Estimated { limits, frozen, estimator, points: there }))
}

/// Centre and sigma of single values.
fn process(points: &[Counted], size: usize, estimator: Estimator) -> Result<Option<(f64, f64)>, Error> {
    match estimated(points, size, estimator) {
        Ok(Estimate { centre, sigma: Some(sigma), .. }) if sigma > 0.0 => Ok(Some((centre, sigma))),
        Ok(_) => Ok(None),
        Err(fault) if fault.code == spectra_spc::Code::InsufficientData => Ok(None),
        Err(fault) => Err(unknown(&fault.demand)),
    }
}

/// What the engine makes of single values, or of subgroups of so many.
fn estimated(points: &[Counted], size: usize, estimator: Estimator) -> Result<Estimate, spectra_spc::Error> {
    if size > 1 {
        let groups = gathered(points, size).iter().map(|group| Subgroup::of(group)).collect::<Result<Vec<_>, _>>()?;
        subgroups(&groups, estimator)
    } else {
        let values: Vec<_> = points.iter().map(|point| point.value).collect();
        individuals(&values, estimator, 2)
    }
}

/// The subgroups of points one after another, as they are judged.
fn gathered(points: &[Counted], size: usize) -> Vec<Vec<f64>> {
    let mut groups: Vec<Vec<f64>> = Vec::new();
    let mut last = None;
    for point in points {
        match groups.last_mut().filter(|group| group.len() < size && last == Some(point.subgroup)) {
            Some(group) => group.push(point.value),
            None => groups.push(vec![point.value]),
        }
        last = Some(point.subgroup);
    }
    groups
}

/// The centre of counts, and the sigma that a chart of Laney's has besides: that of the standardised counts.
fn counts(chart: SpcChartType, points: &[Counted]) -> Result<Option<(f64, f64)>, Error> {
    use SpcChartType as Chart;
    let sizes = |point: &&Counted| if chart == Chart::C { 1.0 } else { f64::from(point.n) };
    let there: Vec<_> = points.iter().filter(|point| !point.value.is_nan()).collect();
    let (count, size): (f64, f64) = (there.iter().map(|point| point.value).sum(), there.iter().map(sizes).sum());
    let centre = count / size;
    if !(centre.is_finite() && centre > 0.0) {
        return Ok(None);
    }
    if !matches!(chart, Chart::LaneyP | Chart::LaneyU) {
        return Ok(Some((centre, 0.0)));
    }
    let unit = if chart == Chart::LaneyP { centre * (1.0 - centre) } else { centre };
    let standardised = points.iter().map(|point| (point.value / sizes(&point) - centre) / (unit / sizes(&point)).sqrt());
    let standardised: Vec<_> = standardised.map(|z| if z.is_finite() { z } else { f64::NAN }).collect();
    let estimate = individuals(&standardised, Estimator::MrBar, 2).map_err(|fault| unknown(&fault.demand))?;
    Ok(estimate.sigma.filter(|sigma| *sigma > 0.0).map(|sigma| (centre, sigma)))
}

fn unknown(demand: &str) -> Error {
    Error::invalid("estimator", demand)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(values: &[f64]) -> Vec<Counted> {
        values.iter().map(|value| Counted { value: *value, subgroup: None, n: 10 }).collect()
    }

    #[test]
    fn points_without_difference_amount_to_nothing() {
        assert!(process(&counted(&[1.0, 1.0, 1.0]), 1, Estimator::MrBar).unwrap().is_none());
        assert!(process(&counted(&[]), 1, Estimator::MrBar).unwrap().is_none());
        assert!(process(&counted(&[f64::NAN, 2.0]), 1, Estimator::MrBar).unwrap().is_none());
        assert!(process(&counted(&[1.0]), 3, Estimator::Rbar).unwrap().is_none());
        let (centre, sigma) = process(&counted(&[1.0, 2.0, 1.0]), 1, Estimator::MrBar).unwrap().unwrap();
        assert!(
            (centre - 4.0 / 3.0).abs() < 1e-12
                && (sigma - std::f64::consts::FRAC_PI_2.sqrt() * std::f64::consts::FRAC_1_SQRT_2).abs() < 1e-9
        );
    }

    #[test]
    fn subgroups_are_gathered_as_they_are_judged() {
        let groups = gathered(&counted(&[1.0, 2.0, 3.0, 4.0, 5.0]), 2);
        assert_eq!(groups, [vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0]]);
        let labelled = [(1.0, 1), (2.0, 1), (3.0, 2), (4.0, 3)].map(|(value, label)| Counted { value, subgroup: Some(label), n: 1 });
        assert_eq!(gathered(&labelled, 3), [vec![1.0, 2.0], vec![3.0], vec![4.0]]);
    }

    #[test]
    fn the_centre_of_counts_is_weighed_by_their_sizes() {
        assert_eq!(counts(SpcChartType::P, &counted(&[1.0, 3.0])).unwrap(), Some((0.2, 0.0)));
        assert_eq!(counts(SpcChartType::C, &counted(&[1.0, 3.0])).unwrap(), Some((2.0, 0.0)));
        assert_eq!(counts(SpcChartType::P, &counted(&[])).unwrap(), None);
    }
}
