//! Results feed the series that watch them.

use spectra_mesh::{Error, Object, OrgTx, stamp};
use spectra_proto::analysis as pb;
use uuid::Uuid;

use super::{append, ledger::Open};

/// Adds each number among the metrics of a result of a run to the active series that watch it, in the transaction that stores the result.
/// It is a point of the time at which the run ended, or of now while it measures.
pub(crate) async fn feed(tx: &mut OrgTx, run_id: Uuid, metrics: &Object) -> Result<(), Error> {
    let numbers: Vec<(&str, f64)> = metrics.0.fields.iter().filter_map(|(name, value)| Some((name.as_str(), number(value)?))).collect();
    if numbers.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = numbers.iter().map(|(name, _)| (*name).to_owned()).collect();
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
        let value = numbers.iter().find(|(name, _)| *name == watching.metric).map(|(_, value)| *value);
        let run_id = Some(run_id.to_string());
        let point = pb::SpcPoint { ts: Some(stamp(watching.ts)), value, run_id, ..pb::SpcPoint::default() };
        append::add(tx, open, vec![point]).await?;
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
