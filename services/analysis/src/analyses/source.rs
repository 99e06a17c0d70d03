//! What an analysis is made of: what the caller sent, and what a result holds.

use serde_json::{Map, Value};
use spectra_extraction::Outcome;
use spectra_mesh::{Error, Object, OrgTx, optional_id};
use spectra_proto::analysis::{self as pb, AnalysisKind};
use uuid::Uuid;

use super::compute::{known, tree};
use crate::results::Input;

/// The inputs of an analysis, and where they are from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) run_id: Option<Uuid>,
    pub(super) result_id: Option<Uuid>,
    pub(super) inputs: Map<String, Value>,
}

/// An analysis that was computed.
#[derive(Debug)]
pub(super) struct Computed {
    pub(super) run_id: Option<Uuid>,
    pub(super) result_id: Option<Uuid>,
    pub(super) outcome: Outcome,
}

impl Source {
    /// Numbers that were sent, of a run or of none.
    pub(super) fn sent(asked: &pb::AnalyseRequest) -> Result<Self, Error> {
        if !asked.columns.is_empty() {
            return Err(Error::invalid("columns", "says what a result holds, and none is named"));
        }
        Ok(Self { run_id: optional_id(asked.run_id.as_deref())?, result_id: None, inputs: members(asked)? })
    }

    /// What a result holds under the names that the analysis knows, but for what was sent.
    pub(super) async fn stored(tx: &mut OrgTx, result_id: Uuid, asked: &pb::AnalyseRequest) -> Result<Self, Error> {
        let (known, _) = known(AnalysisKind::try_from(asked.kind).unwrap_or_default())?.names();
        let names = known.iter().map(|name| asked.columns.get(*name).map_or_else(|| (*name).to_owned(), String::clone));
        let held = Input::read(tx, result_id, names.collect()).await?;
        let run_id = held.run_id;
        if let Some(named) = optional_id(asked.run_id.as_deref())? {
            let there = sqlx::query_scalar!("SELECT id FROM runs WHERE organization_id = $1 AND id = $2", tx.org(), named);
            there.fetch_optional(tx.conn()).await?.ok_or_else(|| Error::not_found("run"))?;
            if named != run_id {
                return Err(Error::invalid("run_id", "must be the run of the result, or be left out"));
            }
        }
        Ok(Self { run_id: Some(run_id), result_id: Some(result_id), inputs: chosen(asked, held)? })
    }
}

/// The inputs that were sent.
fn members(asked: &pb::AnalyseRequest) -> Result<Map<String, Value>, Error> {
    match tree(&Object::of(asked.inputs.as_ref()))? {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// What was sent, and of the rest what the result holds: arrays and data come before metrics.
fn chosen(asked: &pb::AnalyseRequest, mut held: Input) -> Result<Map<String, Value>, Error> {
    let mut inputs = members(asked)?;
    let (names, _) = known(AnalysisKind::try_from(asked.kind).unwrap_or_default())?.names();
    if let Some(name) = asked.columns.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(Error::invalid(format!("columns.{name}"), format!("is no input of this analysis; inputs are: {}", names.join(", "))));
    }
    for name in names {
        let column = asked.columns.get(*name).map(String::as_str);
        let found = column.unwrap_or(name);
        // Several inputs may be of one column.
        let value = held.values.get(found).cloned().or_else(|| held.metrics.remove(found));
        match value {
            _ if inputs.contains_key(*name) => {}
            Some(value) => drop(inputs.insert((*name).to_owned(), value)),
            None if column.is_some() => return Err(Error::invalid(format!("columns.{name}"), "names nothing that the result holds")),
            None => {}
        }
    }
    Ok(inputs)
}
