//! From an observation to what is plotted, and between which lines.

use super::{Memory, Observation, Online, Reading};
use crate::{
    ChartType, Code, Error, Limits, Plan,
    error::{finite, present},
    limits::Lines,
};

impl Online {
    /// What the observation comes to; none when it is missing. What accumulates is moved on only when nothing is refused.
    #[inline]
    pub(super) fn read(&mut self, observation: Observation<'_>) -> Result<Option<Reading>, Error> {
        if observation == Observation::Missing {
            return Ok(None);
        }
        let plan = &self.plan;
        let memory = &mut self.state.memory;
        match plan.chart {
            ChartType::IMr => plan.individual(memory, observation),
            ChartType::ZMr => plan.part(memory, observation),
            ChartType::XbarR | ChartType::XbarS => plan.subgroup(observation),
            ChartType::Ewma => plan.average(memory, observation),
            ChartType::Cusum => plan.sums(memory, observation),
            ChartType::T2 | ChartType::Mewma => plan.vector(memory, observation),
            ChartType::P | ChartType::Np | ChartType::C | ChartType::U | ChartType::LaneyP | ChartType::LaneyU => plan.count(observation),
        }
    }
}

impl Plan {
    /// Lines that were given, the same at every point.
    #[inline]
    fn given(&self) -> Option<Lines> {
        match self.limits {
            Limits::Process { .. } => None,
            Limits::Plotted { centre, sigma, lcl, ucl } => {
                let width = self.settings.width;
                let around = Lines::around(centre, sigma, width, None);
                let bare = lcl.is_none() && ucl.is_none();
                Some(if bare { around } else { Lines { lcl, ucl, given: true, ..around } })
            }
        }
    }

    /// The lines of a mean of `size` values.
    #[inline]
    fn of_means(&self, size: f64) -> Lines {
        let (centre, sigma) = (self.limits.centre(), self.limits.sigma());
        self.given().unwrap_or_else(|| Lines::around(centre, sigma / size.sqrt(), self.settings.width, None))
    }

    /// The lines where they are the same at every point: of means, where the subgroup is whole; of averages, where they end up. None of
    /// counts whose lines hang on how many items were looked at.
    #[must_use]
    pub fn lines(&self) -> Option<Lines> {
        let size = f64::from(self.subgroup_size.unwrap_or(1));
        match self.chart {
            ChartType::XbarR | ChartType::XbarS => Some(self.of_means(size)),
            ChartType::Ewma => {
                let weight = self.settings.lambda;
                Some(self.of_averages(weight / (2.0 - weight) / size, size))
            }
            _ => self.steady_lines(&Memory::Nothing),
        }
    }

    /// The lines of a count among so many items; none where the chart is of no counts, or they are none.
    #[must_use]
    pub fn lines_of_count(&self, size: f64) -> Option<Lines> {
        (self.chart.counts() && size > 0.0).then(|| self.given().unwrap_or_else(|| self.of_counts(size)))
    }

    /// The lines of moving ranges, or of what the whole subgroups' ranges or standard deviations are held against; none without any.
    #[must_use]
    pub fn spread_lines(&self) -> Option<Lines> {
        let size = self.subgroup_size.unwrap_or(1);
        let (size, sigma) = match self.chart {
            ChartType::IMr | ChartType::ZMr => (2, self.lines()?.sigma),
            ChartType::XbarR | ChartType::XbarS => (size, self.sigma_of_singles(size)),
            _ => return None,
        };
        let spread = self.spread(0.0, size, sigma)?;
        let sigma = (spread.ucl - spread.centre) / self.settings.width;
        Some(Lines { centre: spread.centre, sigma, lcl: Some(spread.lcl), ucl: Some(spread.ucl), given: false })
    }

    /// The standard deviation of the values of a subgroup of so many.
    fn sigma_of_singles(&self, size: u32) -> f64 {
        match self.limits {
            Limits::Process { sigma, .. } => sigma,
            Limits::Plotted { sigma, .. } => sigma * f64::from(self.subgroup_size.unwrap_or(size)).sqrt(),
        }
    }

    /// The lines of a point whose size nobody knows, where they do not hang on it.
    pub(super) fn steady_lines(&self, memory: &Memory) -> Option<Lines> {
        match (self.chart, memory) {
            (ChartType::IMr, _) => Some(self.of_means(1.0)),
            (ChartType::ZMr, _) => Some(self.of_parts()),
            (ChartType::C, _) => self.given().or_else(|| Some(self.of_counts(1.0))),
            (ChartType::Cusum, _) => Some(self.of_sums()),
            (ChartType::Ewma, Memory::Ewma { variance, .. }) => Some(self.of_averages(*variance, 1.0)),
            _ => self.given(),
        }
    }

    #[inline]
    fn individual(&self, memory: &mut Memory, observation: Observation<'_>) -> Result<Option<Reading>, Error> {
        let Observation::Value(value) = observation else { return Err(takes("a value")) };
        let Some(value) = present(value, "value")? else { return Ok(None) };
        self.ranged(memory, value, self.of_means(1.0)).map(Some)
    }

    fn part(&self, memory: &mut Memory, observation: Observation<'_>) -> Result<Option<Reading>, Error> {
        let Observation::Part { part, value } = observation else { return Err(takes("a part and a value")) };
        let Some(value) = present(value, "value")? else { return Ok(None) };
        let part = self.settings.parts.get(part).ok_or_else(|| Error::new(Code::UnknownPart, "part", "must have a mean and a sigma"))?;
        let standardised = finite((value - part.mean) / part.sigma, "value")?;
        self.ranged(memory, standardised, self.of_parts()).map(Some)
    }

    /// A value with its moving range.
    #[inline]
    fn ranged(&self, memory: &mut Memory, value: f64, lines: Lines) -> Result<Reading, Error> {
        let spread = match *memory {
            Memory::Previous(Some(previous)) => self.spread(finite((value - previous).abs(), "value")?, 2, lines.sigma),
            _ => None,
        };
        *memory = Memory::Previous(Some(value));
        Ok(Reading { statistic: value, lines, spread })
    }

    fn of_parts(&self) -> Lines {
        self.given().unwrap_or_else(|| Lines::around(0.0, 1.0, self.settings.width, None))
    }

    fn subgroup(&self, observation: Observation<'_>) -> Result<Option<Reading>, Error> {
        let Some((mean, spread, size)) = subgroup(observation)? else { return Ok(None) };
        let count = match observation {
            Observation::Subgroup { size, .. } => size,
            _ => 1,
        };
        let spread = self.spread(spread, count, self.sigma_of_singles(count));
        Ok(Some(Reading { statistic: mean, lines: self.of_means(size), spread }))
    }

    fn average(&self, memory: &mut Memory, observation: Observation<'_>) -> Result<Option<Reading>, Error> {
        let Some((mean, _, size)) = subgroup(observation)? else { return Ok(None) };
        let Memory::Ewma { average, variance } = *memory else { return Err(takes("a state of its own")) };
        let weight = self.settings.lambda;
        // By the step, as a value on the average must leave it where it is.
        let average = finite(average + weight * (mean - average), "value")?;
        let variance = weight * weight / size + (1.0 - weight) * (1.0 - weight) * variance;
        *memory = Memory::Ewma { average, variance };
        Ok(Some(Reading { statistic: average, lines: self.of_averages(variance, size), spread: None }))
    }

    /// The lines of an average: of its own variance, or of where that ends up (Montgomery 9.25 to 9.28).
    fn of_averages(&self, variance: f64, size: f64) -> Lines {
        let weight = self.settings.lambda;
        let variance = if self.settings.exact { variance } else { weight / (2.0 - weight) / size };
        let (centre, sigma) = (self.limits.centre(), self.limits.sigma());
        // Its points signal by these limits, wherever they are.
        self.given().unwrap_or_else(|| Lines { given: true, ..Lines::around(centre, sigma * variance.sqrt(), self.settings.width, None) })
    }

    fn sums(&self, memory: &mut Memory, observation: Observation<'_>) -> Result<Option<Reading>, Error> {
        let Some((mean, _, _)) = subgroup(observation)? else { return Ok(None) };
        let Memory::Cusum(sums) = *memory else { return Err(takes("a state of its own")) };
        let sums = sums.after(mean - self.limits.centre(), self.settings.allowance * self.limits.sigma());
        let statistic = finite(sums.up.max(sums.down), "value")?;
        *memory = Memory::Cusum(sums);
        Ok(Some(Reading { statistic, lines: self.of_sums(), spread: None }))
    }

    fn of_sums(&self) -> Lines {
        let sigma = self.limits.sigma();
        Lines { centre: 0.0, sigma, lcl: None, ucl: Some(self.settings.decision * sigma), given: true }
    }

    fn vector(&self, memory: &mut Memory, observation: Observation<'_>) -> Result<Option<Reading>, Error> {
        let Observation::Vector(values) = observation else { return Err(takes("a vector")) };
        let (Some(variables), Some(covariance), Some(lines)) = (&self.settings.variables, &self.covariance, self.given()) else {
            return Err(takes("variables"));
        };
        if values.len() != variables.mean.len() {
            return Err(Error::new(Code::LengthMismatch, "vector", "must have a value for each variable"));
        }
        for (place, &value) in values.iter().enumerate() {
            if present(value, "vector").map_err(|error| error.at(place))?.is_none() {
                return Ok(None);
            }
        }
        let off = values.iter().zip(&variables.mean).map(|(value, mean)| value - mean);
        let size = f64::from(variables.size);
        let Memory::Mewma { averages, left } = memory else {
            let statistic = finite(size * covariance.squared(off), "vector")?;
            return Ok(Some(Reading { statistic, lines, spread: None }));
        };
        let weight = self.settings.lambda;
        let moved: Vec<f64> = averages.iter().zip(off).map(|(before, off)| weight * off + (1.0 - weight) * before).collect();
        let rest = *left * (1.0 - weight);
        let grown = if self.settings.exact { 1.0 - rest * rest } else { 1.0 };
        let variance = weight / (2.0 - weight) * grown / size;
        let statistic = finite(covariance.squared(moved.iter().copied()) / variance, "vector")?;
        (*averages, *left) = (moved, rest);
        Ok(Some(Reading { statistic, lines, spread: None }))
    }

    fn count(&self, observation: Observation<'_>) -> Result<Option<Reading>, Error> {
        let Observation::Count { count, size } = observation else { return Err(takes("a count and a size")) };
        let size = if self.chart == ChartType::C { 1.0 } else { size };
        let (Some(count), Some(size)) = (present(count, "count")?, present(size, "size")?) else { return Ok(None) };
        if count < 0.0 || size < 0.0 {
            return Err(Error::input(if count < 0.0 { "count" } else { "size" }, "must be 0 or more"));
        }
        if self.chart.proportion() && count > size {
            return Err(Error::input("count", "must not be more than the size"));
        }
        if size == 0.0 {
            return Ok(None);
        }
        let statistic = if matches!(self.chart, ChartType::Np | ChartType::C) { count } else { count / size };
        let statistic = finite(statistic, "count")?;
        Ok(Some(Reading { statistic, lines: self.given().unwrap_or_else(|| self.of_counts(size)), spread: None }))
    }

    /// The lines of a count among `size`, by the normal approximation (Montgomery 7; Laney, Quality Engineering 14 (2002) 531).
    fn of_counts(&self, size: f64) -> Lines {
        let (centre, width) = (self.limits.centre(), self.settings.width);
        let unit = if self.chart.proportion() { centre * (1.0 - centre) } else { centre };
        let over = if matches!(self.chart, ChartType::LaneyP | ChartType::LaneyU) { self.limits.sigma() } else { 1.0 };
        let (centre, sigma, ceiling) = match self.chart {
            ChartType::Np => (size * centre, (size * unit).sqrt(), Some(size)),
            ChartType::P | ChartType::LaneyP => (centre, over * (unit / size).sqrt(), Some(1.0)),
            _ => (centre, over * (unit / size).sqrt(), None),
        };
        let lines = Lines::around(centre, sigma, width, Some(0.0));
        Lines { ucl: lines.ucl.map(|ucl| ceiling.map_or(ucl, |ceiling| ucl.min(ceiling))), ..lines }
    }
}

/// Mean, spread and size of what may be a subgroup; none when there is nothing in it.
fn subgroup(observation: Observation<'_>) -> Result<Option<(f64, f64, f64)>, Error> {
    let (mean, spread, size) = match observation {
        Observation::Value(value) => (value, f64::NAN, 1),
        Observation::Subgroup { mean, spread, size } => (mean, spread, size),
        _ => return Err(takes("a value or a subgroup")),
    };
    if present(spread, "spread")?.is_some_and(|spread| spread < 0.0) {
        return Err(Error::input("spread", "must be 0 or more"));
    }
    let mean = present(mean, "mean")?;
    Ok(mean.filter(|_| size > 0).map(|mean| (mean, spread, f64::from(size))))
}

fn takes(what: &str) -> Error {
    Error::input("observation", format!("must be {what} on this chart"))
}
