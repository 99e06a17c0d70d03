//! Results feed the series that watch them.

use std::collections::BTreeSet;

use spectra_mesh::{Error, Object, OrgTx, stamp};
use spectra_proto::analysis as pb;
use uuid::Uuid;

use super::{append, ledger::Open};

/// Adds each number among the metrics of results of a run to the active series that watch it, in the transaction that stores the results.
/// It is a point of the time at which the run ended, or of now while it measures.
pub(crate) async fn feed(tx: &mut OrgTx, run_id: Uuid, results: &[Object]) -> Result<(), Error> {
    let told = results.iter().flat_map(|metrics| &metrics.0.fields).filter(|(_, value)| number(value).is_some());
    let names: Vec<String> = told.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    if names.is_empty() {
        return Ok(());
    }
    let series = sqlx::query!(
        r#"SELECT s.id, s.metric, coalesce(r.finished_at, clock_timestamp()) AS "ts!"
             FROM spc_series s JOIN runs r ON r.organization_id = s.organization_id AND r.id = $2
            WHERE s.organization_id = $1 AND s.is_active AND s.metric = ANY($3)
              AND s.chart_type IN ('i_mr', 'xbar_r', 'xbar_s', 'ewma', 'cusum')
              AND watches(s, r.instrument_id || ARRAY(
                    SELECT i.instrument_id FROM run_instruments i WHERE i.organization_id = r.organization_id AND i.run_id = r.id),
                  r.method, r.recipe_id, r.sample_id, r.material_id)
            ORDER BY s.id"#,
        tx.org(),
        run_id,
        &names,
    )
    .fetch_all(tx.conn())
    .await?;
    // All are held before any opens an alert, in one order, so that no two wait for each other.
    let mut held = Vec::with_capacity(series.len());
    for watching in &series {
        held.push(Open::lock(tx, watching.id).await?);
    }
    for (open, watching) in held.into_iter().zip(&series) {
        let values = results.iter().filter_map(|metrics| number(metrics.0.fields.get(&watching.metric)?));
        let point = |value| pb::SpcPoint {
            ts: Some(stamp(watching.ts)),
            value: Some(value),
            run_id: Some(run_id.to_string()),
            ..pb::SpcPoint::default()
        };
        append::add(tx, open, values.map(point).collect()).await?;
    }
    Ok(())
}

/// A number that a chart can take; what is infinite, or no number, is none.
fn number(value: &prost_types::Value) -> Option<f64> {
    match value.kind {
        Some(prost_types::value::Kind::NumberValue(number)) => Some(number).filter(|number| number.is_finite()),
        _ => None,
    }
}
