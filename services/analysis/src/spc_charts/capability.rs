//! How well a process fits the specification of its series.

use spectra_mesh::{Error, Object, OrgTx, Refusal, id, moment};
use spectra_proto::{
    Label,
    analysis::{self as pb, SpcCapabilityMethod, SpcChartType as Chart, SpcDistribution},
    types::Reason,
};
use spectra_spc::{
    Code,
    capability::{Capability, Distribution, Percentiles, Specification, best_lambda, transformed},
};
use time::OffsetDateTime;

use crate::{
    spc_points::{LAST, readings},
    spc_series::{Counted, Series, within},
};

/// The level of confidence unless another is asked for.
const LEVEL: f64 = 0.95;

/// How indices are told of values.
#[derive(Clone, Copy, Debug)]
enum Method {
    Normal,
    Percentile(SpcDistribution),
    /// With the power, if it was asked for.
    BoxCox(Option<f64>),
}

/// A process whose capability is asked for.
#[derive(Debug)]
pub(super) struct Process {
    series: Series,
    method: Method,
    level: f64,
    points: Vec<Counted>,
}

impl Method {
    /// The method that a request names. What belongs to another one is refused.
    fn of(asked: &pb::GetSpcCapabilityRequest) -> Result<Self, Error> {
        let named = asked.method.map_or(SpcCapabilityMethod::Normal, |_| asked.method());
        let alone = |field, given, of: SpcCapabilityMethod| {
            let astray = given && named != of;
            if astray { Err(Error::invalid(field, format!("goes with the method {} alone", of.label()))) } else { Ok(()) }
        };
        alone("lambda", asked.lambda.is_some(), SpcCapabilityMethod::BoxCox)?;
        alone("distribution", asked.distribution.is_some(), SpcCapabilityMethod::Percentile)?;
        match named {
            SpcCapabilityMethod::BoxCox => Ok(Self::BoxCox(asked.lambda)),
            SpcCapabilityMethod::Percentile if asked.distribution.is_none() => {
                Err(Error::invalid("distribution", "must be named, as the method percentile fits one"))
            }
            SpcCapabilityMethod::Percentile if asked.level.is_some() => {
                Err(Error::invalid("level", "is of confidence intervals, which the method percentile has none of"))
            }
            SpcCapabilityMethod::Percentile => Ok(Self::Percentile(asked.distribution())),
            SpcCapabilityMethod::Normal | SpcCapabilityMethod::Unspecified => Ok(Self::Normal),
        }
    }

    /// The name in the contract.
    fn named(self) -> SpcCapabilityMethod {
        match self {
            Self::Normal => SpcCapabilityMethod::Normal,
            Self::Percentile(_) => SpcCapabilityMethod::Percentile,
            Self::BoxCox(_) => SpcCapabilityMethod::BoxCox,
        }
    }
}

impl Process {
    /// Reads the series that is asked for and the points that count.
    pub(super) async fn read(tx: &mut OrgTx, asked: &pb::GetSpcCapabilityRequest) -> Result<Self, Error> {
        let method = Method::of(asked)?;
        let series = Series::find(tx, id(&asked.id)?).await?;
        specified(&series)?;
        let from = asked.from.and_then(moment).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let points = readings(tx, series.id, from, asked.to.and_then(moment).unwrap_or(LAST)).await?;
        Ok(Self { series, method, level: asked.level.unwrap_or(LEVEL), points })
    }

    /// The capability of the process.
    pub(super) fn capability(mut self) -> Result<pb::SpcCapability, Error> {
        let series = &self.series;
        let specification = Specification::new(series.spec_lcl, series.spec_ucl, series.target).map_err(|fault| self.refused(fault))?;
        let told = match self.method {
            Method::Normal => self.normal(&specification)?,
            Method::Percentile(distribution) => self.percentiles(distribution, &specification)?,
            Method::BoxCox(lambda) => {
                let values = self.values();
                let lambda = lambda.map_or_else(|| best_lambda(&values), Ok).map_err(|fault| self.refused(fault))?;
                let (moved, specification) = transformed(&values, &specification, lambda).map_err(|fault| self.refused(fault))?;
                let there = self.points.iter_mut().filter(|point| !point.value.is_nan());
                there.zip(moved).for_each(|(point, value)| point.value = value);
                pb::SpcCapability { lambda: Some(lambda), ..self.normal(&specification)? }
            }
        };
        if is_finite(&told) { Ok(told) } else { Err(self.few()) }
    }

    /// The values that count.
    fn values(&self) -> Vec<f64> {
        self.points.iter().map(|point| point.value).filter(|value| !value.is_nan()).collect()
    }

    /// The indices by a normal distribution.
    fn normal(&self, specification: &Specification) -> Result<pb::SpcCapability, Error> {
        let within = within(self.series.subgroup_size, &self.points).ok_or_else(|| self.few())?;
        let told = Capability::of(&self.values(), within, specification, self.level).map_err(|fault| self.refused(fault))?;
        Ok(pb::SpcCapability { method: self.method.named().into(), ..shown(&self.series, &told) })
    }

    /// The indices by percentiles of a distribution.
    fn percentiles(&self, distribution: SpcDistribution, specification: &Specification) -> Result<pb::SpcCapability, Error> {
        let normal = self.normal(specification)?;
        let named = Distribution::of(distribution.label()).ok_or_else(|| Error::broken("a distribution that the engine does not know"))?;
        let told = Percentiles::of(named.fit(&self.values()).map_err(|fault| self.refused(fault))?, specification);
        let fit = serde_json::to_value(told.fit).and_then(serde_json::from_value::<Object>).map_err(Error::broken)?;
        let missed = |limit: Option<f64>, of: fn(f64) -> f64| 1e6 * limit.map_or(0.0, |limit| of(told.fit.probability(limit)));
        Ok(pb::SpcCapability {
            // A distribution has one width, and no intervals are told of it.
            cp: None,
            cp_interval: Vec::new(),
            cpl: None,
            cpu: None,
            cpk: None,
            cpk_interval: Vec::new(),
            cpm: None,
            pp: told.pp,
            pp_interval: Vec::new(),
            ppl: told.lower,
            ppu: told.upper,
            ppk: told.worst,
            ppk_interval: Vec::new(),
            ppm_below: missed(self.series.spec_lcl, |below| below),
            ppm_above: missed(self.series.spec_ucl, |below| 1.0 - below),
            distribution: Some(distribution.into()),
            fit: Some(fit.into()),
            p00135: Some(told.p00135),
            p50: Some(told.p50),
            p99865: Some(told.p99865),
            ..normal
        })
    }

    /// The points tell no capability.
    fn few(&self) -> Error {
        let message = "too few points count, or they differ too little, to tell a capability";
        Refusal::new(Reason::SpcTooFewPoints, message).about("series_id", self.series.id).about("points", self.values().len()).into()
    }

    /// What the engine refuses: a parameter, what does not go with the method, or else what lies with the points.
    fn refused(&self, fault: spectra_spc::Error) -> Error {
        let astray = |what: &str| Error::invalid("method", format!("does not go: {what} {}", fault.demand));
        match (fault.code, fault.field.as_str()) {
            (Code::InvalidParameter, _) => Error::invalid(fault.field, fault.demand),
            (Code::InvalidSpecLimits, _) => {
                Error::invalid("method", "does not go: transformed, the limits of the specification fall together")
            }
            (Code::InvalidInput | Code::NonFiniteValue, "lsl") => astray("spec_lcl"),
            (Code::InvalidInput | Code::NonFiniteValue, "usl") => astray("spec_ucl"),
            (Code::InvalidInput | Code::NonFiniteValue, "target") => astray("target"),
            (Code::InvalidInput, _) => astray("every value"),
            _ => self.few(),
        }
    }
}

/// Whether numbers hold all that is told.
fn is_finite(told: &pb::SpcCapability) -> bool {
    let indices =
        [told.cp, told.cpl, told.cpu, told.cpk, told.pp, told.ppl, told.ppu, told.ppk, told.cpm, told.p00135, told.p50, told.p99865];
    let intervals = [&told.cp_interval, &told.cpk_interval, &told.pp_interval, &told.ppk_interval];
    let missed = [told.ppm_below, told.ppm_above, told.ppm_observed];
    indices.iter().flatten().chain(intervals.into_iter().flatten()).chain(&missed).all(|number| number.is_finite())
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
        df_within: told.df_within,
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
        ..pb::SpcCapability::default()
    }
}
