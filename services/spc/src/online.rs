use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Code, Error, Plan, Signals, history::History, limits::Lines};

mod lines;
mod memory;
mod spread;

pub use memory::Cusum;
use memory::Memory;
pub use spread::Spread;

/// What was observed at one point of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Observation<'a> {
    /// Nothing: it breaks runs, but what accumulates is carried on.
    Missing,
    /// A single value. On a chart of subgroups it is one of size 1.
    Value(f64),
    /// A subgroup in short.
    Subgroup {
        /// The mean of its values.
        mean: f64,
        /// Their range on `xbar_r`, their standard deviation on `xbar_s`; NaN when unknown.
        spread: f64,
        /// How many there are; a subgroup of none is missing.
        size: u32,
    },
    /// A count of nonconforming units, or of nonconformities.
    Count {
        /// How many.
        count: f64,
        /// Among how many units; a chart of `c` leaves it aside.
        size: f64,
    },
    /// The values of several variables, in the order of their means.
    Vector(&'a [f64]),
    /// A value of one of the parts.
    Part {
        /// The part's name.
        part: &'a str,
        /// The value.
        value: f64,
    },
}

/// What the chart says of one point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judged {
    /// What is plotted; none when it is missing. Of `cusum` it is the larger sum.
    pub statistic: Option<f64>,
    /// The centre line.
    pub centre: Option<f64>,
    /// The standard deviation of what is plotted.
    pub sigma: Option<f64>,
    /// The lower control limit.
    pub lcl: Option<f64>,
    /// The upper control limit.
    pub ucl: Option<f64>,
    /// Whether the point lies beyond a limit as drawn.
    pub beyond: bool,
    /// The rules that signal, by their place in the plan's.
    pub signals: Signals,
    /// What the chart of ranges, or of standard deviations, says.
    pub spread: Option<Spread>,
    /// Both sums of `cusum`.
    pub cusum: Option<Cusum>,
}

/// What a series remembers: as much after a million points as after one. It can be kept, and resumed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    history: History,
    memory: Memory,
}

/// The evaluator of one series, point by point.
#[derive(Clone, Debug)]
pub struct Online {
    plan: Arc<Plan>,
    state: State,
}

/// What an observation comes to before it is judged.
struct Reading {
    statistic: f64,
    lines: Lines,
    spread: Option<Spread>,
}

impl Online {
    /// A series that begins.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        let state = State::new(&plan);
        Self { plan, state }
    }

    /// A series that goes on under the plan that its state was made under. Refused when the state is one of another kind of chart.
    pub fn resume(plan: Arc<Plan>, state: State) -> Result<Self, Error> {
        if !state.memory.fits(&Memory::new(&plan)) {
            return Err(Error::new(Code::InvalidInput, "state", "must be one of this chart"));
        }
        Ok(Self { plan, state })
    }

    /// What is to be kept in order to go on later.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The plan that the series is judged under.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Forgets all points, as at a new stage.
    pub fn reset(&mut self) {
        self.state = State::new(&self.plan);
    }

    /// Judges the next point. Refused, with the state as it was, when the observation is infinite or not what the chart takes.
    #[inline]
    pub fn push(&mut self, observation: Observation<'_>) -> Result<Judged, Error> {
        let Some(reading) = self.read(observation)? else { return Ok(self.skip()) };
        let Reading { statistic, lines, spread } = reading;
        let cusum = self.state.memory.cusum();
        let signals = match cusum {
            Some(sums) => Signals::default()
                .with(0, lines.ucl.is_some_and(|limit| sums.up > limit))
                .with(1, lines.ucl.is_some_and(|limit| sums.down > limit)),
            None => self.plan.detector.judge(&mut self.state.history, statistic, &lines),
        };
        let signals = match self.plan.spread {
            Some(place) => signals.with(place, lines.sigma > 0.0 && spread.is_some_and(|spread| spread.beyond)),
            None => signals,
        };
        Ok(Judged {
            statistic: Some(statistic),
            centre: Some(lines.centre),
            sigma: Some(lines.sigma),
            lcl: lines.lcl,
            ucl: lines.ucl,
            beyond: lines.beyond(statistic),
            signals,
            spread,
            cusum,
        })
    }

    /// A missing point: it has the lines that do not hang on its size, and signals nothing.
    fn skip(&mut self) -> Judged {
        self.plan.detector.skip(&mut self.state.history);
        self.state.memory.skip();
        let lines = self.plan.steady_lines(&self.state.memory);
        Judged {
            statistic: None,
            centre: lines.map(|lines| lines.centre),
            sigma: lines.map(|lines| lines.sigma),
            lcl: lines.and_then(|lines| lines.lcl),
            ucl: lines.and_then(|lines| lines.ucl),
            beyond: false,
            signals: Signals::default(),
            spread: None,
            cusum: self.state.memory.cusum(),
        }
    }
}

impl State {
    fn new(plan: &Plan) -> Self {
        Self { history: History::default(), memory: Memory::new(plan) }
    }
}
