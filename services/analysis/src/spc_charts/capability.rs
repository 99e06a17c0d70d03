//! How well a process fits the specification of its series.

use spectra_mesh::{Error, OrgTx, Refusal, id, moment};
use spectra_proto::{
    Label,
    analysis::{self as pb, SpcChartType as Chart},
    types::Reason,
};
use spectra_spc::capability::{Capability, Specification, Within};
use time::OffsetDateTime;

use crate::{
    spc_points::{LAST, readings},
    spc_series::{Series, sigma_within},
};

/// The level of confidence unless another is asked for.
const LEVEL: f64 = 0.95;

/// The capability of a series.
pub(super) async fn capability(tx: &mut OrgTx, asked: &pb::GetSpcCapabilityRequest) -> Result<pb::SpcCapability, Error> {
    let series = Series::find(tx, id(&asked.id)?).await?;
    specified(&series)?;
    let from = asked.from.and_then(moment).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let points = readings(tx, series.id, from, asked.to.and_then(moment).unwrap_or(LAST)).await?;
    let values: Vec<f64> = points.iter().map(|point| point.value).filter(|value| !value.is_nan()).collect();
    let few = || {
        let message = "too few points count, or they differ too little, to tell a capability";
        Error::from(Refusal::new(Reason::SpcTooFewPoints, message).about("series_id", series.id).about("points", values.len()))
    };
    let sigma = sigma_within(series.subgroup_size, &points).ok_or_else(few)?;
    // Whatever else the engine refuses lies with the points.
    let refused = |fault: spectra_spc::Error| match fault.field.as_str() {
        "level" => Error::invalid("level", fault.demand),
        _ => few(),
    };
    let specification = Specification::new(series.spec_lcl, series.spec_ucl, series.target).map_err(refused)?;
    let df = f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX)) - 1.0;
    let told = Capability::of(&values, Within { sigma, df }, &specification, asked.level.unwrap_or(LEVEL)).map_err(refused)?;
    Ok(shown(&series, &told))
}

/// Makes sure that there are limits of a specification, and single values to hold against them.
fn specified(series: &Series) -> Result<(), Refusal> {
    let refused = |message: String| Err(Refusal::new(Reason::SpcNoSpecification, message).about("series_id", series.id));
    let chart = series.chart_type.0;
    match chart {
        Chart::P | Chart::Np | Chart::C | Chart::U | Chart::LaneyP | Chart::LaneyU | Chart::T2 | Chart::Mewma => {
            refused(format!("capability is of single values, and a chart of the kind {} has none", chart.label()))
        }
        _ if series.spec_lcl.is_none() && series.spec_ucl.is_none() => {
            refused("the series has no specification limit; give it one first".to_owned())
        }
        _ => Ok(()),
    }
}

fn shown(series: &Series, told: &Capability) -> pb::SpcCapability {
    let ends = |interval: Option<[f64; 2]>| interval.map(Vec::from).unwrap_or_default();
    pb::SpcCapability {
        series_id: series.id.to_string(),
        n: i32::try_from(told.n).unwrap_or(i32::MAX),
        mean: told.mean,
        sigma_within: told.sigma_within,
        sigma_overall: told.sigma_overall,
        cp: told.cp,
        cp_interval: ends(told.cp_interval),
        cpl: told.cp_lower,
        cpu: told.cp_upper,
        cpk: told.cpk,
        cpk_interval: ends(told.cpk_interval),
        pp: told.pp,
        pp_interval: ends(told.pp_interval),
        ppl: told.pp_lower,
        ppu: told.pp_upper,
        ppk: told.ppk,
        ppk_interval: ends(told.ppk_interval),
        cpm: told.cpm,
        ppm_below: told.ppm_overall_lsl,
        ppm_above: told.ppm_overall_usl,
        ppm_observed: told.ppm_observed_lsl + told.ppm_observed_usl,
        spec_lcl: series.spec_lcl,
        spec_ucl: series.spec_ucl,
        target: series.target,
        warnings: series.warnings(),
    }
}
