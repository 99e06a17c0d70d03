//! The statements over results.

use std::slice;

use prost::Message;
use spectra_mesh::{Error, Object, OrgTx, Page, id, new_id, optional_id, page};
use spectra_proto::analysis as pb;
use tokio_stream::StreamExt;
use uuid::Uuid;

use super::{
    Origin, Outcome,
    arrays::Arrays,
    rules::{self, Open},
};
use crate::spc_points::{self, Measured};

/// How many results an answer about their run holds at most, and of how many bytes.
const WITH_RUN: (i64, usize) = (100, 2 << 20);

/// A result that was recorded, and what there is to know about that.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) id: Uuid,
    pub(crate) warnings: Vec<pb::Warning>,
}

impl Recorded {
    /// The result as the answer to whoever recorded it tells it.
    pub(super) async fn tell(self, tx: &mut OrgTx) -> Result<pb::Result, Error> {
        Ok(pb::Result { warnings: self.warnings, ..Outcome::find(tx, self.id).await?.into() })
    }
}

impl Outcome {
    /// The result of this id.
    pub(super) async fn find(tx: &mut OrgTx, result_id: Uuid) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            r#"SELECT results.*, runs.sample_id, runs.wafer_id, runs.device_id, runs.calibration_suspect AS "calibration_suspect!"
                 FROM results JOIN runs ON runs.organization_id = results.organization_id AND runs.id = results.run_id
                WHERE results.organization_id = $1 AND results.id = $2"#,
            tx.org(),
            result_id,
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(|| Error::not_found("result"))
    }

    /// A page of the results that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListResultsRequest, page: &Page) -> Result<pb::ListResultsResponse, Error> {
        let run_id = optional_id(asked.run_id.as_deref())?;
        if let Some(run_id) = run_id {
            let there = sqlx::query_scalar!("SELECT id FROM runs WHERE organization_id = $1 AND id = $2", tx.org(), run_id);
            there.fetch_optional(tx.conn()).await?.ok_or_else(|| Error::not_found("run"))?;
        }
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            r#"SELECT results.*, runs.sample_id, runs.wafer_id, runs.device_id, runs.calibration_suspect AS "calibration_suspect!"
                 FROM results JOIN runs ON runs.organization_id = results.organization_id AND runs.id = results.run_id
                WHERE results.organization_id = $1
                  AND ($6::uuid IS NULL OR results.run_id = $6)
                  AND ($7::text IS NULL OR results.result_type = $7)
                  AND ($8::uuid IS NULL OR results.derived_from = $8)
                  AND ($9::uuid IS NULL OR runs.wafer_id = $9)
                  AND ($10::uuid IS NULL OR runs.device_id = $10)
                  AND ($11::uuid IS NULL OR runs.sample_id = $11)
                  AND ($12::bool IS NULL OR runs.calibration_suspect = $12)"#,
            run_id,
            asked.result_type,
            optional_id(asked.derived_from.as_deref())?,
            optional_id(asked.wafer_id.as_deref())?,
            optional_id(asked.device_id.as_deref())?,
            optional_id(asked.sample_id.as_deref())?,
            asked.calibration_suspect,
        )?;
        Ok(pb::ListResultsResponse { items, pagination })
    }

    /// Records a result of a run.
    pub(super) async fn create(tx: &mut OrgTx, asked: pb::CreateResultRequest) -> Result<pb::Result, Error> {
        let origin = Origin::hold(tx, id(&asked.run_id)?).await?;
        let result = asked.result.unwrap_or_default();
        rules::metrics("result", result.metrics.as_ref())?;
        insert(tx, origin.open()?, &result).await?.tell(tx).await
    }
}

/// Records what a run brought out at its end, in the order that it came; what there is to know about that.
pub(crate) async fn record(tx: &mut OrgTx, run_id: Uuid, results: Vec<pb::Result>) -> Result<Vec<pb::Warning>, Error> {
    if results.is_empty() {
        return Ok(Vec::new());
    }
    let origin = Origin::hold(tx, run_id).await?;
    let open = origin.open()?;
    for (nth, result) in results.iter().enumerate() {
        rules::metrics(&format!("results[{nth}]"), result.metrics.as_ref())?;
        write(tx, open, result).await?;
    }
    plot(tx, open, &results).await
}

/// The newest results of a run, as many as an answer about it holds.
pub(crate) async fn of_run(tx: &mut OrgTx, run_id: Uuid) -> Result<Vec<pb::Result>, Error> {
    let (most, full) = WITH_RUN;
    let mut rows = sqlx::query_as!(
        Outcome,
        r#"SELECT results.*, runs.sample_id, runs.wafer_id, runs.device_id, runs.calibration_suspect AS "calibration_suspect!"
             FROM results JOIN runs ON runs.organization_id = results.organization_id AND runs.id = results.run_id
            WHERE results.organization_id = $1 AND results.run_id = $2
            ORDER BY results.created_at DESC, results.id DESC LIMIT $3"#,
        tx.org(),
        run_id,
        most,
    )
    .fetch(tx.conn());
    let (mut results, mut bytes): (Vec<pb::Result>, _) = (Vec::new(), 0);
    while let Some(outcome) = rows.next().await.transpose()? {
        let result = pb::Result::from(outcome);
        bytes += result.encoded_len();
        if bytes > full {
            break;
        }
        results.push(result);
    }
    Ok(results)
}

/// Writes a result of a run that brings results out, and feeds the series that watch it.
pub(super) async fn insert(tx: &mut OrgTx, open: Open<'_>, said: &pb::Result) -> Result<Recorded, Error> {
    let id = write(tx, open, said).await?;
    Ok(Recorded { id, warnings: plot(tx, open, slice::from_ref(said)).await? })
}

/// Feeds the series that watch what was measured: all results of a call at once, as series are held in one order. What is computed anew from a
/// result is no further measurement.
async fn plot(tx: &mut OrgTx, open: Open<'_>, said: &[pb::Result]) -> Result<Vec<pb::Warning>, Error> {
    let mut measured = Vec::with_capacity(said.len());
    for result in said {
        let charted = match optional_id(result.derived_from.as_deref())? {
            Some(from) => numbers(tx, from).await?,
            None => Vec::new(),
        };
        measured.push(Measured { metrics: result.metrics.clone().unwrap_or_default(), charted });
    }
    spc_points::feed(tx, open.origin().id, &measured).await
}

/// The names of the metrics that a result, or one that it was computed from, holds a number of.
async fn numbers(tx: &mut OrgTx, result_id: Uuid) -> Result<Vec<String>, Error> {
    let names = sqlx::query_scalar!(
        r#"WITH RECURSIVE origins AS (
             SELECT derived_from, metrics FROM results WHERE organization_id = $1 AND id = $2
             UNION ALL
             SELECT r.derived_from, r.metrics FROM origins o JOIN results r ON r.organization_id = $1 AND r.id = o.derived_from)
           SELECT DISTINCT m.key AS "name!" FROM origins, jsonb_each(origins.metrics) AS m WHERE jsonb_typeof(m.value) = 'number'"#,
        tx.org(),
        result_id,
    );
    Ok(names.fetch_all(tx.conn()).await?)
}

/// Writes the row of a result; its id.
async fn write(tx: &mut OrgTx, open: Open<'_>, said: &pb::Result) -> Result<Uuid, Error> {
    let origin = open.origin();
    let result_id = sqlx::query_scalar!(
        "INSERT INTO results (organization_id, id, run_id, result_type, metrics, data, arrays_uri, images_uri, artifacts_uri, report_uri,
                              array_names, array_rows, derived_from, calibration_id, calibration_hash, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id",
        tx.org(),
        new_id(),
        origin.id,
        said.result_type,
        Object::of(said.metrics.as_ref()),
        Object::of(said.data.as_ref()),
        said.arrays_uri,
        said.images_uri,
        said.artifacts_uri,
        said.report_uri,
        &said.array_names,
        said.array_rows,
        optional_id(said.derived_from.as_deref())?,
        origin.calibration_id,
        origin.calibration_hash,
        tx.caller().user,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(result_id)
}

/// Writes the arrays of a new result.
pub(super) async fn keep(tx: &mut OrgTx, result_id: Uuid, arrays: &Arrays) -> Result<(), Error> {
    for ((name, numbers), place) in arrays.names.iter().zip(&arrays.columns).zip(0..) {
        sqlx::query!(
            "INSERT INTO result_arrays (organization_id, result_id, place, name, numbers) VALUES ($1, $2, $3, $4, $5)",
            tx.org(),
            result_id,
            place,
            name,
            numbers,
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// The arrays of a result, or those of these names, in their order.
pub(super) async fn columns(tx: &mut OrgTx, result_id: Uuid, names: Option<Vec<String>>) -> Result<Arrays, Error> {
    let rows = sqlx::query!(
        "SELECT name, numbers FROM result_arrays
          WHERE organization_id = $1 AND result_id = $2 AND ($3::text[] IS NULL OR name = ANY($3)) ORDER BY place",
        tx.org(),
        result_id,
        names as _,
    );
    let (names, columns) = rows.fetch_all(tx.conn()).await?.into_iter().map(|row| (row.name, row.numbers)).unzip();
    Ok(Arrays { names, columns })
}
