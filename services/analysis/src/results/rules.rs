//! Which runs bring results out, and what a result may say.

use prost_types::{Struct, value::Kind};
use spectra_mesh::{Error, Refusal};
use spectra_proto::{Label, analysis::RunStatus, types::Reason};

use super::Origin;

/// Proof that a run brings results out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open<'a>(&'a Origin);

impl<'a> Open<'a> {
    /// The run.
    pub(super) fn origin(self) -> &'a Origin {
        self.0
    }
}

/// The proof for a run that stands here: it measures, or it has ended.
pub(super) fn open(origin: &Origin, status: RunStatus) -> Result<Open<'_>, Refusal> {
    match status {
        RunStatus::Running | RunStatus::Succeeded | RunStatus::Failed => Ok(Open(origin)),
        RunStatus::Blocked => Err(shut(origin, status, "it is unblocked before more is recorded")),
        RunStatus::Queued | RunStatus::Cancelled | RunStatus::Unspecified => {
            Err(shut(origin, status, "only a run that was started measures"))
        }
    }
}

/// The same for what is computed from the run's results: that it is blocked by now does not unmeasure them.
pub(super) fn measured(origin: &Origin, status: RunStatus, started: bool) -> Result<Open<'_>, Refusal> {
    if started { Ok(Open(origin)) } else { open(origin, status) }
}

fn shut(origin: &Origin, status: RunStatus, why: &str) -> Refusal {
    let message = format!("the run is {}; {why}", status.label());
    Refusal::new(Reason::RunState, message).about("run_id", origin.id).about("run_status", status.label())
}

/// Makes sure that metrics are finite numbers, or missing. `place` is where the result stands in the request.
pub(super) fn metrics(place: &str, metrics: Option<&Struct>) -> Result<(), Error> {
    let fields = metrics.into_iter().flat_map(|metrics| &metrics.fields);
    for (name, value) in fields {
        let fits = match value.kind {
            Some(Kind::NumberValue(number)) => number.is_finite(),
            Some(Kind::NullValue(_)) => true,
            _ => false,
        };
        if !fits {
            return Err(Error::invalid(
                format!("{place}.metrics.{name}"),
                "must be a finite number, or null where it is missing; data holds the rest",
            ));
        }
    }
    Ok(())
}
