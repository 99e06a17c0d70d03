//! Analyses as the crate of extraction makes them.

use serde_json::{Map, Value};
use spectra_extraction::{Kind, Outcome, Refused, analyse};
use spectra_mesh::{Error, Object, Refusal};
use spectra_proto::{Label, analysis::AnalysisKind, types::Reason};
use uuid::Uuid;

use crate::computer::Computer;

/// Makes an analysis.
pub(super) async fn compute(
    computer: &Computer,
    org: Uuid,
    kind: AnalysisKind,
    inputs: Map<String, Value>,
    params: Value,
) -> Result<Outcome, Error> {
    let known = known(kind)?;
    let answer = computer.compute(org, move || analyse(known, &Value::Object(inputs), &params)).await?;
    answer.map_err(|refused| told(kind, &refused).into())
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
