//! By what the points of a series are judged, from what somebody asks for to what the engine takes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use spectra_mesh::{Error, Labelled, Object};
use spectra_proto::{
    Label,
    analysis::{self as pb, SpcChartType, SpcRuleset},
};
use spectra_spc::{ChartType, Limits, Plan, Ruleset, Settings, Severity};

/// What a stage freezes, as somebody asks for it. Numbers are in the unit of the values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition {
    pub(crate) chart: SpcChartType,
    pub(crate) ctrl_lcl: Option<f64>,
    pub(crate) ctrl_ucl: Option<f64>,
    pub(crate) centre: Option<f64>,
    pub(crate) sigma: Option<f64>,
    pub(crate) ruleset: Labelled<SpcRuleset>,
    pub(crate) ruleset_options: Object,
    pub(crate) chart_options: Object,
}

/// What the engine needs to judge points as they were judged when the stage began.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Frozen {
    pub(crate) limits: Limits,
    pub(crate) ruleset: Ruleset,
    pub(crate) settings: Settings,
}

/// A definition that holds together.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) definition: Definition,
    pub(crate) ruleset: Ruleset,
    pub(crate) settings: Settings,
    /// None as long as there are no limits.
    pub(crate) frozen: Option<Frozen>,
}

impl Definition {
    /// What a series asks for.
    pub(crate) fn of(series: &pb::SpcSeries) -> Self {
        Self {
            chart: series.chart_type.and_then(Labelled::of).map_or(SpcChartType::IMr, |Labelled(chart)| chart),
            ctrl_lcl: series.ctrl_lcl,
            ctrl_ucl: series.ctrl_ucl,
            centre: series.centre,
            sigma: series.sigma,
            ruleset: series.ruleset.and_then(Labelled::of).unwrap_or(Labelled(SpcRuleset::WesternElectric)),
            ruleset_options: Object::of(series.ruleset_options.as_ref()),
            chart_options: Object::of(series.chart_options.as_ref()),
        }
    }

    /// Makes sure that it holds together, and fills in the centre line and sigma where they follow from control limits.
    pub(crate) fn sound(mut self) -> Result<Sound, Error> {
        if self.ctrl_lcl.zip(self.ctrl_ucl).is_some_and(|(low, high)| low >= high) {
            return Err(Error::invalid("series.ctrl_lcl", "must be below ctrl_ucl"));
        }
        let (ruleset, settings) = (self.rules()?, self.settings()?);
        let limits = self.limits(&settings)?;
        if let Some(limits) = limits
            && !matches!(self.chart, SpcChartType::T2 | SpcChartType::Mewma | SpcChartType::ZMr)
        {
            self.centre.get_or_insert(limits.centre());
            self.sigma.get_or_insert(limits.sigma());
        }
        let within = |centre: &f64| self.ctrl_lcl.is_none_or(|low| low <= *centre) && self.ctrl_ucl.is_none_or(|high| *centre <= high);
        if self.centre.as_ref().is_some_and(|centre| !within(centre)) {
            return Err(Error::invalid("series.centre", "must be between the control limits"));
        }
        let frozen = limits.map(|limits| Frozen { limits, ruleset: ruleset.clone(), settings: settings.clone() });
        if let Some(frozen) = &frozen {
            frozen.plan(self.chart, 1)?;
        }
        Ok(Sound { definition: self, ruleset, settings, frozen })
    }

    /// Whether any rule that points are judged by is critical. What does not hold together is not said to have none.
    pub(super) fn is_ever_critical(&self) -> bool {
        // The rules are the same whatever the limits.
        let plan = self.rules().ok().zip(self.settings().ok()).and_then(|(ruleset, settings)| {
            let limits = Limits::process(0.0, 1.0);
            Frozen { limits, ruleset, settings }.plan(self.chart, 1).ok()
        });
        plan.is_none_or(|plan| plan.rules().rules().iter().any(|rule| rule.severity() == Severity::Critical))
    }

    /// The rules of the newest version of the set.
    fn rules(&self) -> Result<Ruleset, Error> {
        let mut options = members(&self.ruleset_options)?;
        let mut said = Map::new();
        said.insert("name".to_owned(), self.ruleset.0.label().into());
        said.extend(options.remove("rules").map(|rules| ("rules".to_owned(), rules)));
        said.insert("options".to_owned(), Value::Object(options));
        serde_json::from_value(Value::Object(said)).map_err(|fault| Error::invalid("series.ruleset_options", fault.to_string()))
    }

    fn settings(&self) -> Result<Settings, Error> {
        let mut options = members(&self.chart_options)?;
        // Written down with the stage: one that was frozen before there was a choice is judged as it was.
        let judges = matches!(self.chart, SpcChartType::XbarR | SpcChartType::XbarS);
        options.entry("judge_spread").or_insert(judges.into());
        serde_json::from_value(Value::Object(options)).map_err(|fault| Error::invalid("series.chart_options", fault.to_string()))
    }

    /// The limits that are asked for, if any are.
    fn limits(&self, settings: &Settings) -> Result<Option<Limits>, Error> {
        let given = || Limits::given(self.ctrl_lcl, self.ctrl_ucl, self.centre, self.sigma).map(Some).map_err(refused);
        let drawn = self.ctrl_lcl.is_some() || self.ctrl_ucl.is_some();
        match self.chart {
            SpcChartType::T2 | SpcChartType::Mewma => Ok(self.ctrl_ucl.map(Limits::upper)),
            SpcChartType::ZMr if !drawn => Ok((!settings.parts.is_empty()).then(|| Limits::process(0.0, 1.0))),
            SpcChartType::P | SpcChartType::Np | SpcChartType::C | SpcChartType::U if !drawn => {
                Ok(self.centre.map(|centre| Limits::process(centre, 0.0)))
            }
            _ if !drawn && self.centre.is_none() && self.sigma.is_none() => Ok(None),
            // Without control limits, sigma is that of single values, and means have theirs by the size of the subgroup.
            SpcChartType::XbarR | SpcChartType::XbarS if !drawn => {
                Ok(given()?.map(|limits| Limits::process(limits.centre(), limits.sigma())))
            }
            // What accumulates has lines of its own, which follow from the process.
            SpcChartType::Ewma | SpcChartType::Cusum => Ok(given()?.map(|limits| Limits::process(limits.centre(), limits.sigma()))),
            SpcChartType::LaneyP | SpcChartType::LaneyU if !drawn => {
                Ok(given()?.map(|limits| Limits::process(limits.centre(), limits.sigma())))
            }
            _ => given(),
        }
    }
}

impl Frozen {
    /// The engine's plan, for subgroups of so many.
    pub(crate) fn plan(&self, chart: SpcChartType, size: i32) -> Result<Arc<Plan>, Error> {
        let chart = ChartType::of(chart.label()).ok_or_else(|| Error::invalid("series.chart_type", "must be a kind of chart"))?;
        let plan = Plan::new(chart, self.limits, self.ruleset.clone(), self.settings.clone()).map_err(refused)?;
        Ok(Arc::new(plan.of_subgroups(u32::try_from(size).unwrap_or(1))))
    }
}

/// What the engine refuses, as a field of the series.
pub(crate) fn refused(fault: spectra_spc::Error) -> Error {
    let spectra_spc::Error { field: named, demand, .. } = fault;
    let field = match named.as_str() {
        "centre" | "sigma" | "ctrl_lcl" | "ctrl_ucl" => &named,
        "limits" => "ctrl_lcl",
        field if field.starts_with("rules") => "ruleset_options",
        _ => "chart_options",
    };
    Error::invalid(format!("series.{field}"), format!("{named} {demand}"))
}

/// The members of free JSON.
fn members(object: &Object) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(object).map_err(Error::broken)? {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// What can be written as JSON, as the database keeps it.
pub(crate) fn object(value: &impl Serialize) -> Result<Object, Error> {
    let text = serde_json::to_string(value).map_err(Error::broken)?;
    serde_json::from_str(&text).map_err(Error::broken)
}
