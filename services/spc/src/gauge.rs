//! How much of what is measured is the gauge's own doing.
//!
//! Sources: AIAG, Measurement Systems Analysis, fourth edition, chapter III; Montgomery and Runger, Quality Engineering 6
//! (1993) 115 and 289.

use serde::Serialize;

use crate::{Code, Error, distribution::f_tail};

mod anova;
mod ranges;
mod table;

pub use anova::{Anova, crossed, nested};
pub use ranges::{AverageRange, average_range};
pub use table::{Measurement, Table};

/// One number for each source of variation; what the study does not tell apart is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "their names are the field's")]
pub struct Sources {
    pub repeatability: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction: Option<f64>,
    pub reproducibility: f64,
    pub grr: f64,
    pub part: f64,
    pub total: f64,
}

impl Sources {
    /// Variances add up; a negative one is zero.
    fn of(repeatability: f64, operator: f64, interaction: Option<f64>, part: f64) -> Self {
        let reproducibility = operator.max(0.0) + interaction.unwrap_or_default().max(0.0);
        let grr = repeatability + reproducibility;
        Self {
            repeatability,
            operator: interaction.map(|_| operator.max(0.0)),
            interaction: interaction.map(|variance| variance.max(0.0)),
            reproducibility,
            grr,
            part: part.max(0.0),
            total: grr + part.max(0.0),
        }
    }

    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self {
            repeatability: f(self.repeatability),
            operator: self.operator.map(&f),
            interaction: self.interaction.map(&f),
            reproducibility: f(self.reproducibility),
            grr: f(self.grr),
            part: f(self.part),
            total: f(self.total),
        }
    }
}

/// What the variances come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shares {
    /// Of each source.
    pub variance: Sources,
    /// Of the total variance, in percent; they add up.
    pub pct_contribution: Sources,
    /// Of the total standard deviation, in percent; they do not add up.
    pub pct_study_var: Sources,
    /// The study variation: so many standard deviations.
    pub study_var: Sources,
    /// The study variation in percent of the tolerance, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pct_tolerance: Option<Sources>,
    /// How many categories of parts the gauge tells apart; none when it repeats without any spread.
    pub ndc_raw: Option<f64>,
    /// The same, rounded down.
    pub ndc: Option<f64>,
}

impl Shares {
    fn of(variance: Sources, study: f64, tolerance: Option<f64>) -> Self {
        let deviation = variance.map(f64::sqrt);
        let ndc_raw = Some(CATEGORIES * deviation.part / deviation.grr).filter(|ndc| ndc.is_finite());
        Self {
            variance,
            pct_contribution: variance.map(|value| 100.0 * value / variance.total),
            pct_study_var: deviation.map(|value| 100.0 * value / deviation.total),
            study_var: deviation.map(|value| study * value),
            pct_tolerance: tolerance.map(|tolerance| deviation.map(|value| 100.0 * study * value / tolerance)),
            ndc_raw,
            ndc: ndc_raw.map(f64::floor),
        }
    }
}

/// The number of 97 % intervals of the gauge that span the parts' is 1.41 times their ratio, by the manual's rounding.
const CATEGORIES: f64 = 1.41;

/// How a study is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Study {
    /// The interaction is pooled with the repeatability where its p is this or more.
    pub alpha_to_pool: f64,
    /// How many standard deviations make the study variation: 6, or 5.15 of older manuals.
    pub k: f64,
    /// The width of the tolerance, where there is one.
    pub tolerance: Option<f64>,
}

impl Default for Study {
    fn default() -> Self {
        Self { alpha_to_pool: 0.25, k: 6.0, tolerance: None }
    }
}

impl Study {
    fn check(&self) -> Result<(), Error> {
        if !(0.0..=1.0).contains(&self.alpha_to_pool) {
            return Err(Error::parameter("alpha_to_pool", "must lie between 0 and 1"));
        }
        crate::error::positive(self.k, "k")?;
        self.tolerance.map(|tolerance| crate::error::positive(tolerance, "tolerance")).transpose()?;
        Ok(())
    }
}

/// F and its p. Something over nothing has no F, but is certain; nothing over nothing has neither.
fn test(over: f64, under: f64, numerator: f64, denominator: f64) -> (Option<f64>, Option<f64>) {
    let f = Some(over / under).filter(|f| !f.is_nan());
    (f.filter(|f| f.is_finite()), f.map(|f| f_tail(f, numerator, denominator)))
}

fn too_few(demand: &str) -> Error {
    Error::new(Code::InsufficientData, "measurements", demand)
}
