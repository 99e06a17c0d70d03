use crate::{
    ChartType, Plan,
    constants::{Range, c4, c5, range},
};

/// The second chart's point: the moving range, or a subgroup's range or standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// What is plotted.
    pub value: f64,
    /// Its expectation under the process sigma: d2 sigma, or c4 sigma.
    pub centre: f64,
    /// The lower control limit, at least zero.
    pub lcl: f64,
    /// The upper control limit.
    pub ucl: f64,
    /// Whether the point lies beyond a limit.
    pub beyond: bool,
}

impl Spread {
    /// The lines of ranges, or of standard deviations, of `size` values with this sigma; none of a single value.
    #[inline]
    fn of(value: f64, centre: f64, deviation: f64, sigma: f64, width: f64) -> Self {
        let lcl = (sigma * (centre - width * deviation)).max(0.0);
        let ucl = sigma * (centre + width * deviation);
        Self { value, centre: centre * sigma, lcl, ucl, beyond: value > ucl || value < lcl }
    }
}

impl Plan {
    /// The spread's point of `size` values, of which single ones have this sigma.
    #[inline]
    pub(super) fn spread(&self, value: f64, size: u32, sigma: f64) -> Option<Spread> {
        if value.is_nan() {
            return None;
        }
        let (centre, deviation) = if self.chart == ChartType::XbarS {
            (c4(size)?, c5(size)?)
        } else {
            let Range { mean, deviation } = range(size)?;
            (mean, deviation)
        };
        Some(Spread::of(value, centre, deviation, sigma, self.settings.width))
    }
}
