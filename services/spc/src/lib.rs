//! Statistical process control, by definition: charts, rules, capability, gauges and run lengths.
//!
//! Pure: no database, no clock, no contract. A series fed point by point, in batches or all at once gets the same
//! answers: [`Online`] is the evaluator, and [`Ruleset::judge`] says the same of many points at a time. A missing value is NaN or
//! absent; an infinite one is an error.

pub mod arl;
pub mod capability;
pub mod constants;
mod distribution;
mod error;
pub mod estimate;
mod evaluate;
pub mod gauge;
mod history;
mod limits;
mod matrix;
mod online;
mod plan;
mod quadrature;
mod rule;
mod ruleset;
mod signals;

pub use error::{Code, Error};
pub use evaluate::evaluate;
pub use limits::{Limits, Lines};
pub use online::{Cusum, Judged, Observation, Online, Spread, State};
pub use plan::{ChartType, Multivariate, Part, Plan, Settings};
pub use rule::{Pattern, Rule, Severity, Sides};
pub use ruleset::{Choice, Missing, Options, Ruleset};
pub use signals::Signals;
