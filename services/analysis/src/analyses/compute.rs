//! Where analyses are computed: beside the threads that serve calls, few at a time.

use std::sync::Arc;

use serde_json::{Map, Value};
use spectra_extraction::{Kind, Outcome, Refused, analyse};
use spectra_mesh::{Error, Object, Refusal};
use spectra_proto::{Label, analysis::AnalysisKind, types::Reason};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// How many analyses are computed at once; others wait. Each keeps a core busy, for seconds where its lists are long.
const AT_ONCE: usize = 2;

/// Computes analyses.
#[derive(Debug)]
pub(crate) struct Computer(Arc<Semaphore>);

impl Default for Computer {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Computer {
    /// Makes an analysis. What was begun is finished although the caller goes away, and counts until then.
    pub(super) async fn analyse(&self, kind: AnalysisKind, inputs: Map<String, Value>, params: Value) -> Result<Outcome, Error> {
        let known = known(kind)?;
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(Error::broken)?;
        let work = move || {
            let _turn = turn;
            analyse(known, &Value::Object(inputs), &params)
        };
        let answer = spawn_blocking(work).await.map_err(Error::broken)?;
        answer.map_err(|refused| told(kind, &refused).into())
    }
}

/// The kind as the crate of extraction knows it.
pub(super) fn known(kind: AnalysisKind) -> Result<Kind, Error> {
    Kind::of(kind.label()).ok_or_else(|| Error::invalid("kind", "must be a kind of analysis"))
}

/// A refusal to analyse, as the contract tells it.
fn told(kind: AnalysisKind, refused: &Refused) -> Refusal {
    let refusal = Refusal::new(Reason::AnalysisRefused, &*refused.message).about("kind", kind.label()).about("cause", refused.code);
    match &refused.field {
        Some(field) => refusal.about("field", field),
        None => refusal,
    }
}

/// Free JSON of the contract as a tree.
pub(super) fn tree(object: &Object) -> Result<Value, Error> {
    serde_json::to_value(object).map_err(Error::broken)
}

/// A tree as free JSON of the contract; one that is no object is a fault of ours.
pub(super) fn object(tree: Value) -> Result<Object, Error> {
    serde_json::from_value(tree).map_err(Error::broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_and_the_extraction_know_the_same_kinds() {
        let named: Vec<_> = (1..).map_while(|number| AnalysisKind::try_from(number).ok()).map(Label::label).collect();
        let mut known: Vec<_> = Kind::ALL.map(Kind::label).to_vec();
        known.sort_unstable();
        let mut sorted = named.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, known);
    }
}
