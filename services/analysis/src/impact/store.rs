//! The statements over what rests on a certificate.

use spectra_mesh::{Error, Labelled, OrgTx, stamp};
use spectra_proto::analysis::{self as pb, ModelStage, RunStatus};
use uuid::Uuid;

use crate::calibrations::{Span, Touched};

/// How many items a list holds at most.
const MOST: usize = 1000;

/// What rests on the certificate asked for.
pub(super) async fn tell(tx: &mut OrgTx, asked: &str) -> Result<pb::Impact, Error> {
    let span = Span::find(tx, asked).await?;
    let touched = span.touched(tx).await?;
    let relying: Vec<Uuid> = touched.iter().filter(|run| run.relying).map(|run| run.run_id).collect();
    let models = models(tx, &relying).await?;
    let series = series(tx, &relying).await?;
    let most = i64::try_from(MOST).map_err(Error::broken)?;
    let results = sqlx::query_scalar!(
        r#"SELECT count(*)::int AS "count!" FROM results WHERE organization_id = $1 AND run_id = ANY($2)"#,
        tx.org(),
        &relying
    );
    let result_count = results.fetch_one(tx.conn()).await?;
    let samples = sqlx::query_scalar!(
        r#"SELECT DISTINCT sample_id AS "id!" FROM runs
            WHERE organization_id = $1 AND id = ANY($2) AND sample_id IS NOT NULL ORDER BY 1 DESC LIMIT $3"#,
        tx.org(),
        &relying,
        most,
    );
    let samples = samples.fetch_all(tx.conn()).await?;
    let wafers = sqlx::query_scalar!(
        r#"SELECT DISTINCT wafer_id AS "id!" FROM runs
            WHERE organization_id = $1 AND id = ANY($2) AND wafer_id IS NOT NULL ORDER BY 1 DESC LIMIT $3"#,
        tx.org(),
        &relying,
        most,
    );
    let wafers = wafers.fetch_all(tx.conn()).await?;
    let results = sqlx::query!(
        "SELECT id, run_id, result_type, report_uri FROM results
          WHERE organization_id = $1 AND run_id = ANY($2) ORDER BY created_at DESC, id DESC LIMIT $3",
        tx.org(),
        &relying,
        most,
    );
    let results = results.fetch_all(tx.conn()).await?.into_iter().map(|row| pb::ImpactResult {
        id: row.id.to_string(),
        run_id: row.run_id.to_string(),
        result_type: row.result_type,
        report_uri: row.report_uri,
    });
    let results = results.collect();
    Ok(pb::Impact {
        calibration: Some((&span.certificate).into()),
        instrument_id: span.instrument_id.to_string(),
        status: span.certificate.term.state(span.at).into(),
        last_good: span.last_good.as_ref().map(Into::into),
        until: Some(stamp(span.until)),
        run_count: count(touched.len()),
        relying_run_count: count(relying.len()),
        result_count,
        runs: runs(tx, &touched).await?,
        sample_ids: samples.iter().map(Uuid::to_string).collect(),
        wafer_ids: wafers.iter().map(Uuid::to_string).collect(),
        results,
        model_count: count(models.len()),
        models: models.into_iter().take(MOST).collect(),
        point_count: series.iter().map(|series| series.point_count).sum(),
        series: series.into_iter().take(MOST).collect(),
    })
}

/// The newest of the runs.
async fn runs(tx: &mut OrgTx, touched: &[Touched]) -> Result<Vec<pb::ImpactRun>, Error> {
    let newest = &touched[..touched.len().min(MOST)];
    let ids: Vec<_> = newest.iter().map(|run| run.run_id).collect();
    let relying: Vec<_> = newest.iter().map(|run| run.relying).collect();
    let rows = sqlx::query!(
        r#"SELECT runs.id, runs.method, runs.status AS "status: Labelled<RunStatus>", runs.started_at,
                  runs.calibration_suspect AS "calibration_suspect!", touched.relying AS "relying!",
                  (SELECT count(*)::int FROM results o WHERE o.organization_id = runs.organization_id AND o.run_id = runs.id) AS "result_count!"
             FROM unnest($2::uuid[], $3::bool[]) WITH ORDINALITY AS touched (id, relying, place)
             JOIN runs ON runs.organization_id = $1 AND runs.id = touched.id
            ORDER BY touched.place"#,
        tx.org(),
        &ids,
        &relying,
    );
    let rows = rows.fetch_all(tx.conn()).await?;
    let run = rows.into_iter().map(|row| pb::ImpactRun {
        id: row.id.to_string(),
        method: row.method,
        status: row.status.number(),
        started_at: row.started_at.map(stamp),
        relying: row.relying,
        calibration_suspect: row.calibration_suspect,
        result_count: row.result_count,
    });
    Ok(run.collect())
}

/// The models that were trained on these runs, the newest first.
async fn models(tx: &mut OrgTx, runs: &[Uuid]) -> Result<Vec<pb::ImpactModel>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id, name, version, stage AS "stage: Labelled<ModelStage>" FROM ml_models
            WHERE organization_id = $1 AND id IN (
                  SELECT l.model_id FROM ml_model_runs l WHERE l.organization_id = $1 AND l.run_id = ANY($2))
            ORDER BY created_at DESC, id DESC"#,
        tx.org(),
        runs,
    );
    let model = rows.fetch_all(tx.conn()).await?.into_iter().map(|row| pb::ImpactModel {
        id: row.id.to_string(),
        name: row.name,
        version: row.version,
        stage: row.stage.number(),
    });
    Ok(model.collect())
}

/// The series that have points of these runs, those with the most first.
async fn series(tx: &mut OrgTx, runs: &[Uuid]) -> Result<Vec<pb::ImpactSeries>, Error> {
    let rows = sqlx::query!(
        r#"SELECT s.id, s.name, count(*)::int AS "points!", min(p.ts) AS first, max(p.ts) AS last
             FROM spc_points p JOIN spc_series s ON s.organization_id = p.organization_id AND s.id = p.series_id
            WHERE p.organization_id = $1 AND p.run_id = ANY($2)
            GROUP BY s.id, s.name ORDER BY 3 DESC, s.id"#,
        tx.org(),
        runs,
    );
    let series = rows.fetch_all(tx.conn()).await?.into_iter().map(|row| pb::ImpactSeries {
        id: row.id.to_string(),
        name: row.name,
        point_count: row.points,
        first: row.first.map(stamp),
        last: row.last.map(stamp),
    });
    Ok(series.collect())
}

/// A count of the contract.
fn count(all: usize) -> i32 {
    i32::try_from(all).unwrap_or(i32::MAX)
}
