//! Judging one point after another, and where it stands between two batches.

use std::{collections::VecDeque, sync::Arc};

use serde::{Deserialize, Serialize};
use spectra_proto::analysis::SpcChartType;
use spectra_spc::{Judged, Lines, Observation, Online, Plan, Rule, Signals, State};
use time::OffsetDateTime;

use super::reading::{Place, Reading};
use crate::spc_series::Stage;

/// Where the judging of a stage stands, as it is kept between two calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    stage: i32,
    /// None of a stage without limits, whose subgroups are gathered and not judged.
    state: Option<State>,
    gathered: Gathered,
    recent: VecDeque<i64>,
    signalling: Signals,
}

/// The values of the subgroup that is not whole yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Gathered {
    values: Vec<f64>,
    /// How many points it has, missing ones too.
    points: usize,
    subgroup: Option<i32>,
    /// Its last point: the time, in microseconds since 1970, and the id.
    last: Option<(i64, uuid::Uuid)>,
}

/// The judging of a stage that has limits, or the gathering of its subgroups.
#[derive(Debug)]
pub(super) struct Walk {
    stage: Stage,
    /// None without limits.
    online: Option<Online>,
    /// The lines of the stage, where they are the same at every point.
    lines: Option<Lines>,
    /// Those of its second chart.
    spread_lines: Option<Lines>,
    chart: SpcChartType,
    size: usize,
    gathered: Gathered,
    /// The times of the newest points that were judged, as many as a pattern may have: the oldest comes first.
    recent: VecDeque<i64>,
    /// The rules that signalled at the last point that was judged.
    signalling: Signals,
}

/// What a point, or the subgroup that it ends, was judged to be.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) place: Place,
    pub(super) judged: Judged,
    /// The range or standard deviation of the subgroup, or the moving range.
    pub(super) spread: Option<f64>,
    /// The rules whose episode begins here.
    pub(super) begins: Signals,
}

impl Walk {
    /// The beginning of a stage; none where there are neither limits to judge by nor subgroups to gather.
    pub(super) fn begin(stage: &Stage, chart: SpcChartType, size: i32) -> Option<Self> {
        let size = usize::try_from(size).unwrap_or(1).max(1);
        let plan = stage.plan.as_ref();
        (plan.is_some() || size > 1).then(|| Self {
            stage: stage.clone(),
            online: plan.map(|plan| Online::new(Arc::clone(plan))),
            lines: plan.and_then(|plan| plan.lines()),
            spread_lines: plan.and_then(|plan| plan.spread_lines()),
            chart,
            size,
            gathered: Gathered::default(),
            recent: VecDeque::new(),
            signalling: Signals::default(),
        })
    }

    /// Goes on where the stage was left; none when what was kept is of another stage, or of another version of the engine.
    pub(super) fn resume(stage: &Stage, chart: SpcChartType, size: i32, kept: Kept) -> Option<Self> {
        let begun = Self::begin(stage, chart, size).filter(|_| kept.stage == stage.number)?;
        let online = match (&begun.online, kept.state) {
            (Some(online), Some(judged)) => Some(Online::resume(Arc::clone(online.plan()), judged).ok()?),
            (None, None) => None,
            _ => return None,
        };
        Some(Self { online, gathered: kept.gathered, recent: kept.recent, signalling: kept.signalling, ..begun })
    }

    /// What is kept in order to go on later.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            stage: self.stage.number,
            state: self.online.as_ref().map(|online| online.state().clone()),
            gathered: self.gathered.clone(),
            recent: self.recent.clone(),
            signalling: self.signalling,
        }
    }

    /// The stage.
    pub(super) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The plan, whose rules the signals tell the places of; none without limits.
    pub(super) fn plan(&self) -> Option<&Plan> {
        self.online.as_ref().map(|online| &**online.plan())
    }

    /// The rules that signal.
    pub(super) fn signalling(&self, signals: Signals) -> impl Iterator<Item = &Rule> {
        self.plan().into_iter().flat_map(move |plan| plan.rules().signalling(signals))
    }

    /// The rules whose episode lasts.
    pub(super) fn lasting(&self) -> impl Iterator<Item = &Rule> {
        self.signalling(self.signalling)
    }

    /// How many points before one decide what is said of it; none when all of its stage do.
    pub(super) fn memory(&self) -> Option<usize> {
        self.plan().filter(|_| !self.gathers())?.memory()
    }

    /// What a point was held against, where that is not the same at every point. Of counts it follows from their size.
    pub(super) fn lines(&self, judged: &Judged) -> Option<[f64; 4]> {
        let of_stage = self.lines.filter(|_| judged.statistic.is_some())?;
        let own = [judged.centre?, judged.sigma?, judged.lcl?, judged.ucl?];
        differ(own, &of_stage).then_some(own)
    }

    /// The spread as it is kept, with its own lines behind it. On a chart of single values it is kept where it is judged; else whoever draws
    /// the chart makes it of the values.
    pub(super) fn spread(&self, verdict: &Verdict) -> Option<Vec<f64>> {
        let value = verdict.spread?;
        let judges = || self.spread_lines.is_some() && self.plan().is_some_and(Plan::judges_spread);
        if self.chart == SpcChartType::IMr && !judges() {
            return None;
        }
        let own = verdict.judged.spread.zip(self.spread_lines);
        let own = own.map(|(spread, of_stage)| ([spread.centre, of_stage.sigma, spread.lcl, spread.ucl], of_stage));
        let own = own.filter(|(own, of_stage)| differ(*own, of_stage));
        Some(own.map_or_else(|| vec![value], |([centre, _, low, high], _)| vec![value, centre, low, high]))
    }

    /// Whether points are gathered into subgroups.
    pub(super) fn gathers(&self) -> bool {
        self.size > 1
    }

    /// Judges the next point. On a chart of subgroups the verdict is of the subgroup that it ends; a point with another number than the
    /// subgroup before it ends that one.
    pub(super) fn step(&mut self, place: Place, reading: &Reading) -> Result<Option<Verdict>, Unfit> {
        if !self.gathers() {
            let judged = self.single(reading)?;
            return Ok(Some(self.tell(place, judged)));
        }
        let other = self.gathered.points > 0 && self.gathered.subgroup != reading.subgroup;
        let ended = if other { self.close()? } else { None };
        let gathered = &mut self.gathered;
        gathered.subgroup = reading.subgroup;
        gathered.points += 1;
        gathered.values.extend(reading.value);
        gathered.last = Some((micros(place.ts), place.id));
        // Two points make a subgroup at least, so that no point ends two.
        if gathered.points >= self.size { self.close() } else { Ok(ended) }
    }

    /// The time of the point that a pattern of so many began at.
    pub(super) fn window_from(&self, span: usize, place: Place) -> OffsetDateTime {
        let from = self.recent.len().checked_sub(span).or(Some(0)).and_then(|first| self.recent.get(first));
        from.and_then(|micros| OffsetDateTime::from_unix_timestamp_nanos(i128::from(*micros) * 1000).ok()).unwrap_or(place.ts)
    }

    /// Judges what is not gathered.
    fn single(&mut self, reading: &Reading) -> Result<Judged, Unfit> {
        let vector = matches!(self.chart, SpcChartType::T2 | SpcChartType::Mewma);
        let observation = match (&reading.components, reading.value) {
            (Some(components), _) if vector => Observation::Vector(components),
            (_, None) => Observation::Missing,
            (_, Some(_)) if vector => {
                return Err(Unfit { field: "components", demand: "must be there on this chart, in the place of value".to_owned() });
            }
            (_, Some(value)) => match self.chart {
                SpcChartType::P | SpcChartType::Np | SpcChartType::C | SpcChartType::U | SpcChartType::LaneyP | SpcChartType::LaneyU => {
                    Observation::Count { count: value, size: f64::from(reading.n.unwrap_or(1)) }
                }
                SpcChartType::ZMr => Observation::Part { part: reading.part.as_deref().unwrap_or_default(), value },
                SpcChartType::Ewma | SpcChartType::Cusum => {
                    let size = reading.n.and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
                    Observation::Subgroup { mean: value, spread: f64::NAN, size }
                }
                _ => Observation::Value(value),
            },
        };
        self.judge(observation)
    }

    /// Judges an observation. Without limits, a mean is plotted and not judged.
    fn judge(&mut self, observation: Observation<'_>) -> Result<Judged, Unfit> {
        if let Some(online) = &mut self.online {
            return online.push(observation).map_err(refused);
        }
        let statistic = if let Observation::Subgroup { mean, .. } = observation { Some(mean) } else { None };
        Ok(Judged { statistic, ..Judged::default() })
    }

    /// Judges the subgroup that was gathered, at its last point.
    fn close(&mut self) -> Result<Option<Verdict>, Unfit> {
        let gathered = std::mem::take(&mut self.gathered);
        let Some((micros, id)) = gathered.last else { return Ok(None) };
        let ts = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let summary = summary(&gathered.values, self.chart);
        let observation = match summary {
            Some((mean, spread)) => Observation::Subgroup { mean, spread, size: u32::try_from(gathered.values.len()).unwrap_or(u32::MAX) },
            None => Observation::Missing,
        };
        let judged = self.judge(observation)?;
        let has_spread = matches!(self.chart, SpcChartType::XbarR | SpcChartType::XbarS);
        let spread = summary.map(|(_, spread)| spread).filter(|spread| has_spread && !spread.is_nan());
        Ok(Some(Verdict { spread, ..self.tell(Place { ts, id }, judged) }))
    }

    /// Makes a verdict of what the engine says, and remembers what the next one needs.
    fn tell(&mut self, place: Place, judged: Judged) -> Verdict {
        if judged.statistic.is_none() {
            // What is missing is not judged: it breaks patterns, and ends no episode.
            return Verdict { place, judged, spread: None, begins: Signals::default() };
        }
        if self.recent.len() > self.plan().map_or(0, |plan| plan.rules().memory()) {
            self.recent.pop_front();
        }
        self.recent.push_back(micros(place.ts));
        let begins = judged.signals.without(self.signalling);
        self.signalling = judged.signals;
        Verdict { place, spread: judged.spread.map(|spread| spread.value), judged, begins }
    }
}

/// Whether lines are others than those of the stage: what only rounding tells apart is the same.
fn differ([centre, _, low, high]: [f64; 4], of_stage: &Lines) -> bool {
    let differ = |own: f64, line: f64| (own - line).abs() > 1e-9 * of_stage.sigma;
    differ(centre, of_stage.centre)
        || of_stage.lcl.is_some_and(|line| differ(low, line))
        || of_stage.ucl.is_some_and(|line| differ(high, line))
}

/// The mean of a subgroup and its spread as the chart takes it; none of nothing.
fn summary(values: &[f64], chart: SpcChartType) -> Option<(f64, f64)> {
    let count = f64::from(u32::try_from(values.len()).ok().filter(|count| *count > 0)?);
    // Divided before they are added, so that the largest numbers do not overflow.
    let mean: f64 = values.iter().map(|value| value / count).sum();
    let spread = if chart == SpcChartType::XbarS {
        (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt()
    } else {
        let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
        high - low
    };
    // A spread that no number holds, or that one value does not have, is unknown.
    Some((mean, if spread.is_finite() && values.len() > 1 { spread } else { f64::NAN }))
}

/// A point that the chart does not take.
#[derive(Debug)]
pub(super) struct Unfit {
    /// The field of the point that is wrong.
    pub(super) field: &'static str,
    /// What it must be instead.
    pub(super) demand: String,
}

fn refused(fault: spectra_spc::Error) -> Unfit {
    let field = match fault.field.as_str() {
        "part" => "part",
        "vector" => "components",
        "size" => "n",
        _ => "value",
    };
    Unfit { field, demand: fault.demand }
}

/// A time as the database counts it.
pub(super) fn micros(ts: OffsetDateTime) -> i64 {
    i64::try_from(ts.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}
