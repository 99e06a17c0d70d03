//! The statements over analyses.

use serde_json::{Map, Value, json};
use spectra_extraction::Outcome;
use spectra_mesh::{Error, Labelled, Object, OrgTx, Page, new_id, optional_id, page};
use spectra_proto::{
    Label,
    analysis::{self as pb, AnalysisKind},
};
use uuid::Uuid;

use super::{
    Analysis,
    compute::{object, tree},
    source::Computed,
};
use crate::results::{Derived, Recorded};

impl Analysis {
    /// The analysis of this id.
    pub(super) async fn find(tx: &mut OrgTx, analysis_id: Uuid) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            r#"SELECT a.*, r.data -> 'outputs' AS "outputs!"
                 FROM analyses a JOIN results r ON r.organization_id = a.organization_id AND r.id = a.result_id
                WHERE a.organization_id = $1 AND a.id = $2"#,
            tx.org(),
            analysis_id,
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(|| Error::not_found("analysis"))
    }

    /// The analysis, if it is of this kind.
    pub(super) fn of(self, kind: AnalysisKind) -> Result<Self, Error> {
        if self.kind.0 == kind { Ok(self) } else { Err(Error::not_found("analysis")) }
    }

    /// A page of the analyses that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListAnalysesRequest, page: &Page) -> Result<pb::ListAnalysesResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            r#"SELECT a.*, r.data -> 'outputs' AS "outputs!"
                 FROM analyses a JOIN results r ON r.organization_id = a.organization_id AND r.id = a.result_id
                WHERE a.organization_id = $1
                  AND ($6::uuid IS NULL OR a.input_result_id = $6 OR a.result_id = $6)
                  AND ($7::uuid IS NULL OR a.run_id = $7)"#,
            optional_id(asked.result_id.as_deref())?,
            optional_id(asked.run_id.as_deref())?,
        )?;
        Ok(pb::ListAnalysesResponse { items, pagination })
    }
}

/// Stores what was computed of a run, with a result of its own; of no run it is told and forgotten.
pub(super) async fn keep(tx: &mut OrgTx, asked: pb::AnalyseRequest, computed: Computed) -> Result<pb::Analysis, Error> {
    let kind = AnalysisKind::try_from(asked.kind).unwrap_or_default();
    let Computed { run_id, result_id, outcome } = computed;
    let Some(run_id) = run_id else { return fleeting(tx, kind, asked, outcome) };
    let params = Object::of(asked.params.as_ref());
    let derived = Derived {
        run_id,
        from: result_id,
        result_type: kind.label().to_owned(),
        metrics: object(Value::Object(metrics(&outcome.outputs)))?,
        data: object(record(kind, &asked, &outcome)?)?,
    };
    let flags: Vec<String> = outcome.flags.list().iter().map(|flag| (*flag).to_owned()).collect();
    let Recorded { id: derived_id, warnings } = derived.keep(tx).await?;
    let stored = sqlx::query_scalar!(
        "INSERT INTO analyses (organization_id, id, kind, method, version, params, flags, run_id, result_id, input_result_id, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
        tx.org(),
        new_id(),
        Labelled(kind) as _,
        outcome.method,
        outcome.version,
        params as _,
        &flags,
        run_id,
        derived_id,
        result_id,
        tx.caller().user,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(pb::Analysis { warnings, ..Analysis::find(tx, stored).await?.into() })
}

/// An analysis of nothing that is kept.
fn fleeting(tx: &OrgTx, kind: AnalysisKind, asked: pb::AnalyseRequest, outcome: Outcome) -> Result<pb::Analysis, Error> {
    Ok(pb::Analysis {
        organization_id: tx.org().to_string(),
        kind: kind.into(),
        method: outcome.method.to_owned(),
        version: outcome.version.to_owned(),
        params: Some(asked.params.unwrap_or_default()),
        flags: outcome.flags.list().iter().map(|flag| (*flag).to_owned()).collect(),
        outputs: Some(object(outcome.outputs)?.into()),
        created_by: tx.caller().user.to_string(),
        ..pb::Analysis::default()
    })
}

/// What the result tells besides its metrics: how it came about, from what was sent, and all outputs.
fn record(kind: AnalysisKind, asked: &pb::AnalyseRequest, outcome: &Outcome) -> Result<Value, Error> {
    Ok(json!({
        "kind": kind.label(),
        "method": outcome.method,
        "version": outcome.version,
        "params": tree(&Object::of(asked.params.as_ref()))?,
        "inputs": tree(&Object::of(asked.inputs.as_ref()))?,
        "columns": asked.columns,
        "flags": outcome.flags.list(),
        "outputs": outcome.outputs,
    }))
}

/// The numbers among outputs; those of a part by the names of both, such as `fit.n`.
fn metrics(outputs: &Value) -> Map<String, Value> {
    let mut numbers = Map::new();
    for (name, value) in outputs.as_object().into_iter().flatten() {
        match value {
            Value::Number(_) => drop(numbers.insert(name.clone(), value.clone())),
            Value::Object(part) => {
                let inner = part.iter().filter(|(_, value)| value.is_number());
                numbers.extend(inner.map(|(inner, value)| (format!("{name}.{inner}"), value.clone())));
            }
            _ => {}
        }
    }
    numbers
}
