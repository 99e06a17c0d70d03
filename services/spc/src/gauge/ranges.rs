use serde::Serialize;

use super::{Study, Table, too_few};
use crate::{
    Error,
    constants::range,
    error::finite,
    estimate::{mean, number},
};

/// What averages and ranges tell: repeatability (EV), reproducibility (AV), both (GRR), parts (PV) and all (TV), each a standard
/// deviation, in the data's units.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "their names are the field's")]
pub struct AverageRange {
    #[serde(rename = "Rbarbar")]
    pub mean_range: f64,
    #[serde(rename = "Xdiff")]
    pub operators_apart: f64,
    #[serde(rename = "Rp")]
    pub parts_apart: f64,
    #[serde(rename = "K1")]
    pub k1: f64,
    #[serde(rename = "K2")]
    pub k2: f64,
    #[serde(rename = "K3")]
    pub k3: f64,
    #[serde(rename = "EV")]
    pub ev: f64,
    #[serde(rename = "AV")]
    pub av: f64,
    #[serde(rename = "GRR")]
    pub grr: f64,
    #[serde(rename = "PV")]
    pub pv: f64,
    #[serde(rename = "TV")]
    pub tv: f64,
    #[serde(rename = "pct_EV")]
    pub pct_ev: f64,
    #[serde(rename = "pct_AV")]
    pub pct_av: f64,
    #[serde(rename = "pct_GRR")]
    pub pct_grr: f64,
    #[serde(rename = "pct_PV")]
    pub pct_pv: f64,
    /// The gauge's study variation in percent of the tolerance, where there is one.
    #[serde(rename = "pct_tolerance", skip_serializing_if = "Option::is_none")]
    pub pct_tolerance: Option<f64>,
    pub ndc_raw: Option<f64>,
    pub ndc: Option<f64>,
}

/// The study by averages and ranges. d2* = sqrt(d2^2 + d3^2/g) stands for the mean of g ranges, of which there is one of the
/// operators and one of the parts.
pub fn average_range(table: &Table, study: &Study) -> Result<AverageRange, Error> {
    study.check()?;
    if table.trials() < 2 {
        return Err(too_few("must have 2 trials or more"));
    }
    let constant = |count: usize, alone: bool| {
        let moments =
            u32::try_from(count).ok().and_then(range).ok_or_else(|| too_few("must have at most 1000 trials, operators and parts"))?;
        Ok::<_, Error>(1.0 / if alone { moments.mean.hypot(moments.deviation) } else { moments.mean })
    };
    let (k1, k2, k3) = (constant(table.trials(), false)?, constant(table.operators(), true)?, constant(table.parts(), true)?);
    let mean_range = finite(mean(&table.cells().map(|cell| apart(cell)).collect::<Vec<_>>()), "measurements")?;
    let (operators_apart, parts_apart) = (apart(&table.operator_means()), apart(&table.part_means()));
    let ev = mean_range * k1;
    let readings = number(table.parts() * table.trials());
    let av = ((operators_apart * k2).powi(2) - ev * ev / readings).max(0.0).sqrt();
    let grr = ev.hypot(av);
    let pv = parts_apart * k3;
    let tv = finite(grr.hypot(pv), "measurements")?;
    let ndc_raw = Some(super::CATEGORIES * pv / grr).filter(|ndc| ndc.is_finite());
    let share = |value: f64| if tv > 0.0 { 100.0 * value / tv } else { 0.0 };
    Ok(AverageRange {
        mean_range,
        operators_apart,
        parts_apart,
        k1,
        k2,
        k3,
        ev,
        av,
        grr,
        pv,
        tv,
        pct_ev: share(ev),
        pct_av: share(av),
        pct_grr: share(grr),
        pct_pv: share(pv),
        pct_tolerance: study.tolerance.map(|tolerance| 100.0 * study.k * grr / tolerance),
        ndc_raw,
        ndc: ndc_raw.map(f64::floor),
    })
}

fn apart(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max) - values.iter().copied().fold(f64::INFINITY, f64::min)
}
