//! What a feature set selects among the results that there are.

use spectra_mesh::{Error, Labelled, Object, OrgTx, Page, page, stamp};
use spectra_proto::analysis::{self as pb, RunStatus};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{FeatureSet, selection::Selection};

/// A result that a feature set selects.
#[derive(Debug)]
struct Row {
    id: Uuid,
    run_id: Uuid,
    result_type: String,
    instrument_id: Uuid,
    sample_id: Option<Uuid>,
    calibration_id: Option<Uuid>,
    calibration_suspect: bool,
    metrics: Object,
    created_at: OffsetDateTime,
}

impl From<Row> for pb::FeatureSetRow {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.to_string(),
            run_id: row.run_id.to_string(),
            result_type: row.result_type,
            instrument_id: row.instrument_id.to_string(),
            sample_id: row.sample_id.map(|id| id.to_string()),
            calibration_id: row.calibration_id.map(|id| id.to_string()),
            calibration_suspect: row.calibration_suspect,
            features: Some(row.metrics.into()),
            created_at: Some(stamp(row.created_at)),
        }
    }
}

/// A page of what a feature set selects now.
pub(super) async fn page(tx: &mut OrgTx, set: &FeatureSet, page: &Page) -> Result<pb::ListFeatureSetRowsResponse, Error> {
    let (selection, _) = Selection::read(&set.spec.0)?;
    let metrics = selection.metrics();
    let (mut items, pagination): (Vec<pb::FeatureSetRow>, _) = page!(
        tx,
        page,
        Row,
        r#"SELECT o.id, o.run_id, o.result_type, r.instrument_id AS "instrument_id!", r.sample_id, o.calibration_id,
                  r.calibration_suspect AS "calibration_suspect!", o.metrics, o.created_at
             FROM results o JOIN runs r ON r.organization_id = o.organization_id AND r.id = o.run_id
            WHERE o.organization_id = $1 AND selected(o, r, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"#,
        metrics.as_deref(),
        selection.result_type,
        selection.method,
        selection.run_status.map(Labelled) as Option<Labelled<RunStatus>>,
        selection.instrument_id,
        selection.recipe_id,
        selection.sample_id,
        selection.from,
        selection.to,
        selection.include_suspect,
    )?;
    for row in &mut items {
        row.features = row.features.take().map(|metrics| selection.features(&metrics));
    }
    Ok(pb::ListFeatureSetRowsResponse { items, pagination })
}

/// The runs whose results a feature set selects now, `most` at most.
pub(crate) async fn selected_runs(tx: &mut OrgTx, feature_set_id: &str, most: i64) -> Result<Vec<Uuid>, Error> {
    let set = FeatureSet::find(tx, feature_set_id).await?;
    let (selection, _) = Selection::read(&set.spec.0)?;
    let metrics = selection.metrics();
    let runs = sqlx::query_scalar!(
        "SELECT DISTINCT o.run_id
           FROM results o JOIN runs r ON r.organization_id = o.organization_id AND r.id = o.run_id
          WHERE o.organization_id = $1 AND selected(o, r, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
          LIMIT $12",
        tx.org(),
        metrics.as_deref(),
        selection.result_type,
        selection.method,
        selection.run_status.map(Labelled) as Option<Labelled<RunStatus>>,
        selection.instrument_id,
        selection.recipe_id,
        selection.sample_id,
        selection.from,
        selection.to,
        selection.include_suspect,
        most,
    );
    Ok(runs.fetch_all(tx.conn()).await?)
}
