use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Limits, Rule, Ruleset,
    error::{finite, positive},
    history::Detector,
    matrix::Covariance,
};

/// What is plotted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartType {
    /// Single values, with the moving range.
    IMr,
    /// Means of subgroups, with their ranges.
    XbarR,
    /// Means of subgroups, with their standard deviations.
    XbarS,
    /// Proportions of nonconforming units.
    P,
    /// Numbers of nonconforming units.
    Np,
    /// Numbers of nonconformities.
    C,
    /// Nonconformities per unit.
    U,
    /// Proportions whose spread is more, or less, than binomial.
    LaneyP,
    /// Rates whose spread is more, or less, than Poisson's.
    LaneyU,
    /// The exponentially weighted moving average.
    Ewma,
    /// Tabular cumulative sums, one on each side.
    Cusum,
    /// Hotelling's T squared of several variables.
    T2,
    /// T squared of exponentially weighted moving averages.
    Mewma,
    /// Short runs of parts, each standardised by its own mean and sigma, with the moving range.
    ZMr,
}

impl ChartType {
    /// Every chart type.
    pub const ALL: [Self; 14] = [
        Self::IMr,
        Self::XbarR,
        Self::XbarS,
        Self::P,
        Self::Np,
        Self::C,
        Self::U,
        Self::LaneyP,
        Self::LaneyU,
        Self::Ewma,
        Self::Cusum,
        Self::T2,
        Self::Mewma,
        Self::ZMr,
    ];

    /// The name in lower case, such as `i_mr`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::IMr => "i_mr",
            Self::XbarR => "xbar_r",
            Self::XbarS => "xbar_s",
            Self::P => "p",
            Self::Np => "np",
            Self::C => "c",
            Self::U => "u",
            Self::LaneyP => "laney_p",
            Self::LaneyU => "laney_u",
            Self::Ewma => "ewma",
            Self::Cusum => "cusum",
            Self::T2 => "t2",
            Self::Mewma => "mewma",
            Self::ZMr => "z_mr",
        }
    }

    /// The chart type of a name; `-` and `_` are one.
    #[must_use]
    pub fn of(label: &str) -> Option<Self> {
        let label = label.replace('-', "_");
        Self::ALL.into_iter().find(|chart| chart.label() == label)
    }

    /// Whether each point depends on all points before it: then rules of runs say nothing, and a point signals by its limit.
    #[must_use]
    pub fn accumulates(self) -> bool {
        matches!(self, Self::Ewma | Self::Cusum | Self::Mewma)
    }

    /// Whether the points are proportions, which lie between zero and one.
    pub(crate) fn proportion(self) -> bool {
        matches!(self, Self::P | Self::Np | Self::LaneyP)
    }

    /// Whether the points are counts of something.
    pub(crate) fn counts(self) -> bool {
        matches!(self, Self::P | Self::Np | Self::C | Self::U | Self::LaneyP | Self::LaneyU)
    }
}

/// The numbers of a chart besides its limits. Each has its usual value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many sigmas off the centre the control limits are drawn.
    pub width: f64,
    /// The weight of the newest point, of `ewma` and `mewma`.
    pub lambda: f64,
    /// Whether limits of `ewma` and `mewma` grow from the first point on as the variance does, or stand where they end up.
    pub exact: bool,
    /// The allowance K of `cusum`, in sigmas.
    pub allowance: f64,
    /// The decision interval H of `cusum`, in sigmas.
    pub decision: f64,
    /// Where both sums of `cusum` start, in sigmas; half the decision interval is a fast initial response.
    pub headstart: f64,
    /// The variables of `t2` and `mewma`.
    pub variables: Option<Multivariate>,
    /// The parts of `z_mr`.
    pub parts: BTreeMap<String, Part>,
    /// Whether the chart of ranges, or of standard deviations, signals too, where there is one.
    pub judge_spread: bool,
}

/// Several variables that are judged together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Multivariate {
    /// The mean of each variable.
    pub mean: Vec<f64>,
    /// Their covariance, row by row.
    pub covariance: Vec<Vec<f64>>,
    /// How many units each vector is the mean of.
    #[serde(default = "one")]
    pub size: u32,
}

/// What a part is standardised by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its mean, or target.
    pub mean: f64,
    /// The standard deviation of its single values.
    pub sigma: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            width: 3.0,
            lambda: 0.2,
            exact: true,
            allowance: 0.5,
            decision: 5.0,
            headstart: 0.0,
            variables: None,
            parts: BTreeMap::new(),
            judge_spread: false,
        }
    }
}

/// How a series is judged: its chart, limits and rules, found to fit together.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) chart: ChartType,
    pub(crate) limits: Limits,
    pub(crate) settings: Settings,
    pub(crate) detector: Detector,
    pub(crate) covariance: Option<Covariance>,
    /// Of how many values the means are that given limits are of; without it, each of as many as it is itself.
    pub(crate) subgroup_size: Option<u32>,
    /// The place of the rule that the chart of ranges, or of standard deviations, signals.
    pub(crate) spread: Option<usize>,
    rules: Ruleset,
}

impl Plan {
    /// Refused when a number lies outside of its range, or the chart lacks one.
    ///
    /// `limits` of `t2` and `mewma` are [`Limits::upper`], with the variables in the settings. Of `z_mr` they may be
    /// `Limits::process(0.0, 1.0)`. Of `cusum`, centre and sigma are its target and its unit.
    pub fn new(chart: ChartType, limits: Limits, ruleset: Ruleset, settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        let limits = limits.checked()?;
        let rules = chart.limit_rules().map_or(ruleset, Ruleset::limits);
        let covariance = match chart {
            ChartType::T2 | ChartType::Mewma => Some(settings.covariance()?),
            _ => None,
        };
        let detector = Detector::of(&rules)?;
        let spread = chart.spread_rule().filter(|_| settings.judge_spread).map(|id| (id, rules.rules().len()));
        let rules = spread.map_or(Ok(rules.clone()), |(id, _)| rules.besides(id))?;
        let spread = spread.map(|(_, place)| place);
        let plan = Self { chart, limits, detector, covariance, subgroup_size: None, spread, rules, settings };
        plan.check()?;
        Ok(plan)
    }

    /// The same plan for subgroups of so many values, which given limits are then of, whatever of a subgroup is missing.
    #[must_use]
    pub fn of_subgroups(self, size: u32) -> Self {
        Self { subgroup_size: Some(size.max(1)), ..self }
    }

    /// The chart's type.
    #[must_use]
    pub fn chart(&self) -> ChartType {
        self.chart
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The rules in force, whose places [`crate::Signals`] tells. They are those of the ruleset, but of `ewma`, `t2` and
    /// `mewma` they are one, `beyond_limits`, and of `cusum` two, `cusum_up` and `cusum_down`. Where the spread is judged, its rule
    /// comes last: `mr1` of moving ranges, `r1` of ranges, `s1` of standard deviations.
    #[must_use]
    pub fn rules(&self) -> &Ruleset {
        &self.rules
    }

    /// Whether the chart of ranges, or of standard deviations, signals too.
    #[must_use]
    pub fn judges_spread(&self) -> bool {
        self.spread.is_some()
    }

    /// Whether this is the rule of the chart of ranges, or of standard deviations.
    #[must_use]
    pub fn is_of_spread(&self, rule: &Rule) -> bool {
        self.spread.and_then(|place| self.rules.rules().get(place)) == Some(rule)
    }

    /// How many points before one decide what is said of it; none when all of them do.
    #[must_use]
    pub fn memory(&self) -> Option<usize> {
        let range = usize::from(matches!(self.chart, ChartType::IMr | ChartType::ZMr));
        (!self.chart.accumulates()).then(|| self.rules.memory().max(range))
    }

    fn check(&self) -> Result<(), Error> {
        let refused = |demand| Err(Error::new(Code::InvalidLimits, "limits", demand));
        let (centre, sigma) = (self.limits.centre(), self.limits.sigma());
        let process = matches!(self.limits, Limits::Process { .. });
        finite(centre + self.settings.width * sigma, "limits")?;
        finite(centre - self.settings.width * sigma, "limits")?;
        match self.chart {
            chart if chart.proportion() && process && !(0.0..=1.0).contains(&centre) => refused("must have a centre from 0 to 1"),
            chart if chart.counts() && centre < 0.0 => refused("must have a centre of 0 or more"),
            ChartType::T2 | ChartType::Mewma if !matches!(self.limits, Limits::Plotted { ucl: Some(_), .. }) => {
                refused("must have an upper limit")
            }
            ChartType::Cusum if sigma <= 0.0 => refused("must have a sigma above 0"),
            _ => Ok(()),
        }
    }
}

impl ChartType {
    /// The rule of the second chart, where there is one.
    fn spread_rule(self) -> Option<&'static str> {
        match self {
            Self::IMr | Self::ZMr => Some("mr1"),
            Self::XbarR => Some("r1"),
            Self::XbarS => Some("s1"),
            _ => None,
        }
    }

    /// The rules of a chart whose points signal by their limits alone.
    fn limit_rules(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Ewma | Self::T2 | Self::Mewma => Some(&["beyond_limits"]),
            Self::Cusum => Some(&["cusum_up", "cusum_down"]),
            _ => None,
        }
    }
}

impl Settings {
    fn check(&self) -> Result<(), Error> {
        positive(self.width, "width")?;
        positive(self.decision, "decision")?;
        if !(self.lambda > 0.0 && self.lambda <= 1.0) {
            return Err(Error::parameter("lambda", "must be above 0, and at most 1"));
        }
        for (value, name) in [(self.allowance, "allowance"), (self.headstart, "headstart")] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::parameter(name, "must be a finite number of 0 or more"));
            }
        }
        for (name, part) in &self.parts {
            finite(part.mean, &format!("parts.{name}.mean"))?;
            positive(part.sigma, &format!("parts.{name}.sigma"))?;
        }
        Ok(())
    }

    fn covariance(&self) -> Result<Covariance, Error> {
        let variables = self.variables.as_ref().ok_or_else(|| Error::parameter("variables", "must be there for this chart"))?;
        let covariance = Covariance::of(&variables.covariance)?;
        if variables.mean.len() != covariance.size() {
            return Err(Error::new(Code::LengthMismatch, "mean", "must have a value for each row of the covariance"));
        }
        if variables.size == 0 {
            return Err(Error::parameter("size", "must be 1 or more"));
        }
        variables.mean.iter().try_for_each(|&mean| finite(mean, "mean").map(|_| ()))?;
        Ok(covariance)
    }
}

fn one() -> u32 {
    1
}
