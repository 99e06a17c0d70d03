//! What a chart plots, and the lines that it is held against, in the unit of what is plotted.

use spectra_proto::analysis::{self as pb, SpcChartType as Chart};
use spectra_spc::{ChartType, Lines, Plan};

use super::Series;

/// What is plotted of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plots {
    /// Its statistic, or else its value.
    Values,
    /// Its statistic, or else how much of what was looked at was counted.
    Rates,
    /// Its statistic, and nothing without one.
    Statistics,
}

/// The lines of a chart, as far as they are the same at every point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drawn {
    pub(crate) centre: Option<f64>,
    pub(crate) sigma: Option<f64>,
    pub(crate) lcl: Option<f64>,
    pub(crate) ucl: Option<f64>,
    pub(crate) zones: Vec<pb::SpcZone>,
    /// The lines of the second chart.
    pub(crate) spread: Option<Lines>,
}

impl Series {
    /// What is plotted of a point of the series.
    pub(crate) fn plots(&self) -> Plots {
        match self.chart_type.0 {
            _ if self.subgroup_size > 1 => Plots::Statistics,
            Chart::T2 | Chart::Mewma => Plots::Statistics,
            Chart::P | Chart::U | Chart::LaneyP | Chart::LaneyU => Plots::Rates,
            _ => Plots::Values,
        }
    }
}

impl Plots {
    /// What is plotted of a point.
    pub(crate) fn plotted(self, statistic: Option<f64>, value: Option<f64>, n: Option<i32>) -> Option<f64> {
        let otherwise = match self {
            Self::Values => value,
            Self::Rates => value.map(|count| count / f64::from(n.unwrap_or(1))),
            Self::Statistics => None,
        };
        statistic.or(otherwise)
    }

    /// What statements call it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Rates => "rates",
            Self::Statistics => "statistics",
        }
    }
}

impl Drawn {
    /// The lines that a plan draws at every point.
    pub(crate) fn of(plan: &Plan) -> Self {
        let drawn = plan.lines().map(|lines| Self::between(plan, &lines)).unwrap_or_default();
        let rate = matches!(plan.chart(), ChartType::P | ChartType::U | ChartType::LaneyP | ChartType::LaneyU);
        // Of rates, the limits hang on how many items were looked at; what is between them does not.
        let centre = drawn.centre.or_else(|| rate.then(|| plan.limits().centre()));
        Self { centre, spread: plan.spread_lines(), ..drawn }
    }

    /// Lines with their zones.
    pub(crate) fn between(plan: &Plan, lines: &Lines) -> Self {
        if matches!(plan.chart(), ChartType::T2 | ChartType::Mewma) {
            return Self { ucl: lines.ucl, ..Self::default() };
        }
        let zones = if plan.chart().accumulates() { Vec::new() } else { [1.0, 2.0, 3.0].map(|sigmas| zone(plan, lines, sigmas)).into() };
        Self { centre: Some(lines.centre), sigma: Some(lines.sigma), lcl: lines.lcl, ucl: lines.ucl, zones, spread: None }
    }

    /// The lines of a process that nothing is judged by yet: what accumulates is shown as it is measured, in subgroups of so many.
    pub(crate) fn estimated(plan: &Plan, size: i32) -> Self {
        if !plan.chart().accumulates() {
            return Self::of(plan);
        }
        let sigma = plan.limits().sigma() / f64::from(size).sqrt();
        Self { centre: Some(plan.limits().centre()), sigma: Some(sigma), ..Self::default() }
    }
}

/// Where the rules draw their lines, so many sigmas off the centre. Nothing counts less than nothing.
fn zone(plan: &Plan, lines: &Lines, sigmas: f64) -> pb::SpcZone {
    let lower = lines.centre - sigmas * lines.sigma;
    let lower = if plan.lines_of_count(1.0).is_some() { lower.max(0.0) } else { lower };
    pb::SpcZone { sigmas, lower, upper: lines.centre + sigmas * lines.sigma }
}
