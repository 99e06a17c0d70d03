//! The states of a run, and what leads from one to another.

use spectra_mesh::{Labelled, Refusal};
use spectra_proto::{
    Label,
    analysis::{InstrumentStatus, RunStatus, Warning},
    lims::SopStanding,
    types::{Reason, UserRole},
};
use uuid::Uuid;

/// What can be done with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Start,
    Complete,
    Fail,
    Cancel,
    Unblock,
}

/// A change of state that the rules allow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step(RunStatus);

impl Verb {
    /// Where the verb leads a run that stands at `from`, if anywhere.
    fn leads(self, from: RunStatus, started: bool) -> Option<RunStatus> {
        match (self, from) {
            (Self::Start, RunStatus::Queued) => Some(RunStatus::Running),
            (Self::Complete, RunStatus::Running) => Some(RunStatus::Succeeded),
            (Self::Fail, RunStatus::Running) => Some(RunStatus::Failed),
            (Self::Cancel, RunStatus::Queued) => Some(RunStatus::Cancelled),
            (Self::Unblock, RunStatus::Blocked) => Some(if started { RunStatus::Running } else { RunStatus::Queued }),
            _ => None,
        }
    }

    /// Which runs the verb is for.
    fn demand(self) -> &'static str {
        match self {
            Self::Start => "only a queued run is started",
            Self::Complete => "only a running run is completed",
            Self::Fail => "only a running run fails",
            Self::Cancel => "only a queued run is cancelled",
            Self::Unblock => "only a blocked run is unblocked",
        }
    }
}

impl Step {
    /// The state that the step leads to.
    pub(super) fn to(&self) -> Labelled<RunStatus> {
        Labelled(self.0)
    }
}

/// The step that `verb` takes from where a run stands.
pub(super) fn step(run_id: Uuid, from: RunStatus, started: bool, verb: Verb) -> Result<Step, Refusal> {
    verb.leads(from, started).map(Step).ok_or_else(|| {
        let message = format!("the run is {}; {}", from.label(), verb.demand());
        Refusal::new(Reason::RunState, message).about("run_id", run_id).about("run_status", from.label())
    })
}

/// The lowest role that may unblock a run.
pub(super) fn unblocker(started: bool) -> UserRole {
    if started { UserRole::Pi } else { UserRole::Engineer }
}

/// Whether a run by this role needs a recipe.
pub(super) fn needs_recipe(role: UserRole) -> bool {
    role < UserRole::Engineer
}

/// Why an instrument cannot measure although it is calibrated; none when it can.
pub(super) fn unready(instrument: &str, status: InstrumentStatus) -> Option<String> {
    let state = match status {
        InstrumentStatus::Online => return None,
        InstrumentStatus::Maintenance => "in maintenance",
        InstrumentStatus::Error => "in error",
        InstrumentStatus::Offline | InstrumentStatus::Unspecified => "offline",
    };
    Some(format!("{instrument} is {state}; the run can be started once the instrument is online"))
}

/// What whoever queues a run should know about an instrument of it.
pub(super) fn unready_warning(instrument: &str, status: InstrumentStatus) -> Option<Warning> {
    unready(instrument, status).map(|message| warning(Reason::InstrumentNotReady, message))
}

/// What whoever queues a run should know about the procedure of its recipe.
pub(super) fn unlearnt_warning(procedure: &SopStanding) -> Option<Warning> {
    unlearnt(procedure).map(|(reason, message)| warning(reason, message))
}

/// What refuses nothing.
fn warning(reason: Reason, message: String) -> Warning {
    Warning { code: reason.label().to_owned(), message }
}

/// Why whoever queues a run may not know its procedure; none when they have acknowledged the version in force.
fn unlearnt(procedure: &SopStanding) -> Option<(Reason, String)> {
    let number = &procedure.number;
    match (&procedure.effective_version, procedure.acknowledged_at) {
        (None, _) => Some((Reason::SopNotEffective, format!("no version of {number}, which the recipe names, is in force"))),
        (Some(version), None) => Some((
            Reason::SopNotAcknowledged,
            format!("you have not acknowledged {number} {version}, which the recipe is run by; read and acknowledge it"),
        )),
        (Some(_), Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [RunStatus; 7] = [
        RunStatus::Unspecified,
        RunStatus::Queued,
        RunStatus::Running,
        RunStatus::Succeeded,
        RunStatus::Failed,
        RunStatus::Blocked,
        RunStatus::Cancelled,
    ];
    const VERBS: [Verb; 5] = [Verb::Start, Verb::Complete, Verb::Fail, Verb::Cancel, Verb::Unblock];

    #[test]
    fn these_steps_and_no_others() {
        let allowed = [
            (RunStatus::Queued, false, Verb::Start, RunStatus::Running),
            (RunStatus::Queued, false, Verb::Cancel, RunStatus::Cancelled),
            (RunStatus::Running, true, Verb::Complete, RunStatus::Succeeded),
            (RunStatus::Running, true, Verb::Fail, RunStatus::Failed),
            (RunStatus::Blocked, false, Verb::Unblock, RunStatus::Queued),
            (RunStatus::Blocked, true, Verb::Unblock, RunStatus::Running),
        ];
        let mut seen = 0;
        for from in STATES {
            // A queued run was never started, and a run that is past its start was.
            let histories: &[bool] = match from {
                RunStatus::Blocked => &[false, true],
                RunStatus::Running | RunStatus::Succeeded | RunStatus::Failed => &[true],
                _ => &[false],
            };
            for (started, verb) in histories.iter().flat_map(|started| VERBS.map(|verb| (*started, verb))) {
                let expected = allowed.iter().find(|row| (row.0, row.1, row.2) == (from, started, verb));
                let step = step(Uuid::nil(), from, started, verb);
                match (step, expected) {
                    (Ok(step), Some(row)) => assert_eq!(step, Step(row.3), "{from:?} {verb:?}"),
                    (Err(refusal), None) => assert_eq!(refusal.reason(), Reason::RunState, "{from:?} {verb:?}"),
                    (step, expected) => panic!("{from:?} {started} {verb:?}: {step:?} instead of {expected:?}"),
                }
                seen += 1;
            }
        }
        assert_eq!(seen, 40);
    }

    #[test]
    fn a_refused_step_says_what_would_do() {
        let refusal = step(Uuid::nil(), RunStatus::Succeeded, true, Verb::Start).expect_err("a finished run");
        assert_eq!(refusal.to_string(), "the run is succeeded; only a queued run is started");
    }

    #[test]
    fn roles_are_a_ladder() {
        assert_eq!((unblocker(false), unblocker(true)), (UserRole::Engineer, UserRole::Pi));
        let free = [UserRole::Engineer, UserRole::Pi, UserRole::Admin];
        assert!(free.into_iter().all(|role| !needs_recipe(role)));
        assert!(needs_recipe(UserRole::Technician));
    }

    #[test]
    fn only_an_online_instrument_is_ready() {
        assert_eq!(unready("Bruker", InstrumentStatus::Online), None);
        for (status, state) in [
            (InstrumentStatus::Offline, "offline"),
            (InstrumentStatus::Maintenance, "in maintenance"),
            (InstrumentStatus::Error, "in error"),
        ] {
            let why = unready("Bruker", status).expect("not ready");
            assert_eq!(why, format!("Bruker is {state}; the run can be started once the instrument is online"));
        }
    }

    #[test]
    fn who_does_not_know_the_procedure_is_told() {
        let codes = |effective: Option<&str>, acknowledged: bool| {
            let procedure = SopStanding {
                number: "SOP-1".to_owned(),
                effective_version: effective.map(str::to_owned),
                acknowledged_at: acknowledged.then(Default::default),
                ..Default::default()
            };
            unlearnt_warning(&procedure).map(|warning| warning.code)
        };
        assert_eq!(codes(Some("2"), false).as_deref(), Some("sop_not_acknowledged"));
        assert_eq!(codes(None, false).as_deref(), Some("sop_not_effective"));
        assert_eq!(codes(Some("2"), true), None);
        assert_eq!(unready_warning("Bruker", InstrumentStatus::Online), None);
        assert_eq!(unready_warning("Bruker", InstrumentStatus::Error).map(|warning| warning.code).as_deref(), Some("instrument_not_ready"));
    }
}
