//! What a model was trained on: runs, and through them the certificates that it rests on.

use std::collections::HashSet;

use spectra_mesh::{Error, Labelled, OrgTx, Page, id, new_id, page};
use spectra_proto::analysis::{self as pb, RunStatus};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::MlModel;
use crate::{
    calibrations::{settle, summary},
    feature_sets::selected_runs,
    runs::Pinned,
};

/// How many runs a model is linked to at most.
const MOST: usize = 100_000;

/// The runs that a model is about to be linked to.
#[derive(Debug)]
pub(super) struct Lineage(Vec<Uuid>);

impl Lineage {
    /// The runs that the caller names or, without them, those that the feature set selects now.
    pub(super) async fn of(tx: &mut OrgTx, asked: &pb::CreateMlModelRequest) -> Result<Self, Error> {
        if !asked.run_ids.is_empty() {
            return Self::named(&asked.run_ids);
        }
        let Some(feature_set) = &asked.feature_set_id else { return Ok(Self(Vec::new())) };
        let runs = selected_runs(tx, feature_set, i64::try_from(MOST + 1).map_err(Error::broken)?).await?;
        if runs.len() > MOST {
            return Err(Error::invalid("feature_set_id", "selects more than 100000 runs: narrow it, or name run_ids"));
        }
        Ok(Self(runs))
    }

    /// The runs of these ids, each once.
    fn named(run_ids: &[String]) -> Result<Self, Error> {
        let runs = run_ids.iter().map(|run| id(run)).collect::<Result<Vec<_>, _>>()?;
        // As ids, since one may be written in several ways.
        let mut known = HashSet::with_capacity(runs.len());
        match runs.iter().position(|run| !known.insert(*run)) {
            Some(nth) => Err(Error::invalid(format!("run_ids[{nth}]"), "is named already")),
            None => Ok(Self(runs)),
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> Result<i32, Error> {
        i32::try_from(self.0.len()).map_err(Error::broken)
    }

    /// Whether one of them is in question. What they rest on stays as it is until the transaction ends, so that a revocation
    /// either is seen here or sees the model.
    pub(super) async fn is_suspect(&self, tx: &mut OrgTx) -> Result<bool, Error> {
        settle(tx, &self.0).await?;
        let suspect = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM runs WHERE organization_id = $1 AND id = ANY($2) AND runs.calibration_suspect) AS "suspect!""#,
            tx.org(),
            &self.0,
        );
        Ok(suspect.fetch_one(tx.conn()).await?)
    }

    /// Links a model to the runs, each of which must exist.
    pub(super) async fn record(&self, tx: &mut OrgTx, model_id: Uuid) -> Result<(), Error> {
        let ids: Vec<_> = self.0.iter().map(|_| new_id()).collect();
        sqlx::query!(
            "INSERT INTO ml_model_runs (organization_id, id, model_id, run_id)
             SELECT $1, id, $2, run_id FROM unnest($3::uuid[], $4::uuid[]) AS linked (id, run_id)",
            tx.org(),
            model_id,
            &ids,
            &self.0,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}

/// Flags the models that were trained on runs whose measurements are in question.
pub(crate) async fn suspect(tx: &mut OrgTx, run_ids: &[Uuid]) -> Result<(), Error> {
    // All are held first, in the order of their ids, so that no two revocations wait for each other.
    let models = sqlx::query_scalar!(
        "SELECT id FROM ml_models
          WHERE organization_id = $1 AND NOT calibration_suspect
            AND id IN (SELECT model_id FROM ml_model_runs l WHERE l.organization_id = $1 AND l.run_id = ANY($2))
          ORDER BY id FOR NO KEY UPDATE",
        tx.org(),
        run_ids,
    );
    let models = models.fetch_all(tx.conn()).await?;
    sqlx::query!(
        "UPDATE ml_models SET calibration_suspect = true WHERE organization_id = $1 AND id = ANY($2) AND NOT calibration_suspect",
        tx.org(),
        &models,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A run that a model was trained on.
#[derive(Debug)]
struct Link {
    id: Uuid,
    run_id: Uuid,
    instrument_id: Uuid,
    method: String,
    status: Labelled<RunStatus>,
    sample_id: Option<Uuid>,
    calibration_suspect: bool,
    created_at: OffsetDateTime,
    calibration_id: Option<Uuid>,
    certificate_id: Option<String>,
    issued_at: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
    further: Json<Vec<Pinned>>,
}

impl From<Link> for pb::MlModelRun {
    fn from(link: Link) -> Self {
        let calibration = summary(link.calibration_id, link.certificate_id, link.issued_at, link.expires_at);
        Self {
            id: link.id.to_string(),
            run_id: link.run_id.to_string(),
            instrument_id: link.instrument_id.to_string(),
            method: link.method,
            status: link.status.number(),
            sample_id: link.sample_id.map(|id| id.to_string()),
            calibration,
            calibration_suspect: link.calibration_suspect,
            further_instruments: link.further.0.into_iter().map(Into::into).collect(),
        }
    }
}

/// A page of the runs that a model was trained on.
pub(super) async fn page(tx: &mut OrgTx, model: &MlModel, page: &Page) -> Result<pb::ListMlModelRunsResponse, Error> {
    let (items, pagination) = page!(
        tx,
        page,
        Link,
        r#"SELECT l.id, l.run_id, l.created_at, runs.instrument_id AS "instrument_id!", runs.method AS "method!",
                  runs.status AS "status!: Labelled<RunStatus>", runs.sample_id, runs.calibration_suspect AS "calibration_suspect!",
                  runs.further AS "further!: Json<Vec<Pinned>>", runs.calibration_id, c.certificate_id AS "certificate_id?", c.issued_at AS "issued_at?", c.expires_at AS "expires_at?"
             FROM ml_model_runs l
             JOIN runs ON runs.organization_id = l.organization_id AND runs.id = l.run_id
             LEFT JOIN calibrations c ON c.organization_id = runs.organization_id AND c.id = runs.calibration_id
            WHERE l.organization_id = $1 AND l.model_id = $6"#,
        model.id,
    )?;
    Ok(pb::ListMlModelRunsResponse { items, pagination })
}
