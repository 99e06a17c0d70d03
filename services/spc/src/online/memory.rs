use serde::{Deserialize, Serialize};

use crate::{ChartType, Plan};

/// What a chart remembers besides what its rules do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Memory {
    /// Nothing.
    Nothing,
    /// The value before, none when it was missing.
    Previous(Option<f64>),
    /// The average, and its variance in units of that of single values.
    Ewma { average: f64, variance: f64 },
    /// Both sums.
    Cusum(Cusum),
    /// The averages as distances from the means, and how much of their start is left: (1 - lambda)^i.
    Mewma { averages: Vec<f64>, left: f64 },
}

/// Both sums of a tabular cusum, in the data's units. Source: Montgomery, Introduction to Statistical Quality Control, 9.1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cusum {
    /// The sum of what lies above the target by more than the allowance.
    pub up: f64,
    /// The sum of what lies below the target by more than the allowance, positive.
    pub down: f64,
    /// For how many points the upper sum has been above zero: the shift began as many points ago.
    pub ups: u32,
    /// For how many points the lower sum has been above zero.
    pub downs: u32,
}

impl Memory {
    pub(super) fn new(plan: &Plan) -> Self {
        match plan.chart {
            ChartType::IMr | ChartType::ZMr => Self::Previous(None),
            ChartType::Ewma => Self::Ewma { average: plan.limits.centre(), variance: 0.0 },
            ChartType::Cusum => {
                let start = plan.settings.headstart * plan.limits.sigma();
                Self::Cusum(Cusum { up: start, down: start, ups: 0, downs: 0 })
            }
            ChartType::Mewma => {
                let size = plan.covariance.as_ref().map(crate::matrix::Covariance::size).unwrap_or_default();
                Self::Mewma { averages: vec![0.0; size], left: 1.0 }
            }
            _ => Self::Nothing,
        }
    }

    /// Whether both are of one kind of chart.
    pub(super) fn fits(&self, new: &Self) -> bool {
        match (self, new) {
            (Self::Mewma { averages, .. }, Self::Mewma { averages: fresh, .. }) => averages.len() == fresh.len(),
            _ => std::mem::discriminant(self) == std::mem::discriminant(new),
        }
    }

    /// A missing point makes no moving range with its neighbours; what accumulates is carried on.
    pub(super) fn skip(&mut self) {
        if let Self::Previous(value) = self {
            *value = None;
        }
    }

    pub(super) fn cusum(&self) -> Option<Cusum> {
        match *self {
            Self::Cusum(sums) => Some(sums),
            _ => None,
        }
    }
}

impl Cusum {
    /// The sums after a value that lies `off` the target, with the allowance K.
    pub(super) fn after(self, off: f64, allowance: f64) -> Self {
        let up = (self.up + off - allowance).max(0.0);
        let down = (self.down - off - allowance).max(0.0);
        let count = |sum: f64, before: u32| if sum > 0.0 { before.saturating_add(1) } else { 0 };
        Self { up, down, ups: count(up, self.ups), downs: count(down, self.downs) }
    }
}
