//! Making a call once more: only what does no harm, and never so often that a service in trouble is called twice as much.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName};
use prost_reflect::MethodDescriptor;
use spectra_mesh::clock;
use spectra_proto::policy::{method_policy, reads};
use tower::retry::budget::{Budget as _, TpsBudget};

use crate::call::Failure;

/// Under which an answer is remembered.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How long to wait before a call is made again.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether and how often calls of a method are made again, however they came here.
#[derive(Debug)]
pub(crate) struct Again {
    repeats: Repeats,
    /// A tenth of the calls.
    budget: TpsBudget,
}

/// When a call does the same if it is made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeats {
    /// It reads.
    Always,
    /// Its answer is remembered under the caller's key.
    WithKey,
    Never,
}

impl Again {
    /// What the contract says of a method.
    pub(crate) fn of(method: &MethodDescriptor) -> Self {
        let repeats = match () {
            () if reads(method) => Repeats::Always,
            () if method_policy(method).unwrap_or_default().idempotent => Repeats::WithKey,
            () => Repeats::Never,
        };
        Self { repeats, budget: TpsBudget::new(Duration::from_secs(10), 1, 0.1) }
    }

    /// Whether every call does: it only reads.
    pub(crate) fn always(&self) -> bool {
        self.repeats == Repeats::Always
    }

    /// Whether a call that says this besides its message does the same if it is made twice.
    pub(crate) fn allows(&self, metadata: &HeaderMap) -> bool {
        match self.repeats {
            Repeats::Always => true,
            Repeats::WithKey => metadata.contains_key(IDEMPOTENCY_KEY),
            Repeats::Never => false,
        }
    }

    /// Makes a call within `time`; where that is `allowed`, once more when nobody answered.
    pub(crate) async fn call<T, F>(&self, allowed: bool, time: Duration, once: impl Fn(Duration) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let begun = Instant::now();
        self.budget.deposit();
        let answered = once(time).await;
        if !matches!(answered, Err(Failure::Unanswered)) || !allowed || !self.budget.withdraw() {
            return answered;
        }
        // Whoever is restarting, or its twin, may be there in a moment.
        tokio::time::sleep(clock::jitter(PAUSE)).await;
        once(time.saturating_sub(begun.elapsed())).await
    }
}
