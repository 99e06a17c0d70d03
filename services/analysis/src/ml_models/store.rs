//! The statements over models.

use spectra_mesh::{Error, Labelled, Object, OrgTx, Page, id, new_id, optional_id, page};
use spectra_proto::analysis::{self as pb, ModelStage};

use super::{
    MlModel,
    lineage::Lineage,
    rules::{Move, Retirable},
};
use crate::names;

impl MlModel {
    /// The model asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM ml_models WHERE organization_id = $1 AND id = $2", tx.org(), id(asked)?)
            .fetch_optional(tx.conn())
            .await?;
        found.ok_or_else(|| Error::not_found("model"))
    }

    /// The model asked for, at the revision that the caller meant; no version of its name moves meanwhile.
    pub(super) async fn lock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let name = Self::find(tx, asked).await?.name;
        names::alone(tx, "model", &name).await?;
        // Read again: it may have moved during the wait.
        let model = sqlx::query_as!(
            Self,
            "SELECT * FROM ml_models WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE",
            tx.org(),
            id(asked)?,
        )
        .fetch_one(tx.conn())
        .await?;
        tx.expect("model", model.revision)?;
        Ok(model)
    }

    /// A page of the models that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListMlModelsRequest, page: &Page) -> Result<pb::ListMlModelsResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM ml_models
              WHERE organization_id = $1
                AND ($6::text IS NULL OR name = $6)
                AND ($7::model_stage IS NULL OR stage = $7)
                AND ($8::uuid IS NULL OR feature_set_id = $8)",
            asked.name,
            asked.stage.and_then(Labelled::of) as Option<Labelled<ModelStage>>,
            optional_id(asked.feature_set_id.as_deref())?,
        )?;
        Ok(pb::ListMlModelsResponse { items, pagination })
    }

    /// Registers a version of a model, with the runs that it was trained on.
    pub(super) async fn create(tx: &mut OrgTx, asked: &pb::CreateMlModelRequest) -> Result<Self, Error> {
        let lineage = Lineage::of(tx, asked).await?;
        let user = tx.caller().user;
        let model = sqlx::query_as!(
            Self,
            "INSERT INTO ml_models (organization_id, id, name, version, framework, model_type, metrics, uri, content_hash, feature_set_id,
                                    trained_on_runs, created_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING *",
            tx.org(),
            new_id(),
            asked.name,
            asked.version,
            asked.framework,
            asked.model_type,
            Object::of(asked.metrics.as_ref()),
            asked.uri,
            asked.content_hash,
            optional_id(asked.feature_set_id.as_deref())?,
            lineage.count()?,
            user,
        )
        .fetch_one(tx.conn())
        .await?;
        lineage.record(tx, model.id).await?;
        // Judged last, so that the instruments are held for no longer than that takes.
        if !lineage.is_suspect(tx).await? {
            return Ok(model);
        }
        let suspect = sqlx::query_as!(
            Self,
            "UPDATE ml_models SET calibration_suspect = true WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            model.id,
        );
        Ok(suspect.fetch_one(tx.conn()).await?)
    }

    /// Moves a model to the stage that it may go to; production has room for one version of a name.
    pub(super) async fn stage(tx: &mut OrgTx, moved: &Move) -> Result<Self, Error> {
        if moved.to.0 == ModelStage::Production {
            sqlx::query!(
                "UPDATE ml_models SET stage = 'archived' WHERE organization_id = $1 AND name = $2 AND stage = 'production'",
                tx.org(),
                moved.model.name,
            )
            .execute(tx.conn())
            .await?;
        }
        let moved = sqlx::query_as!(
            Self,
            "UPDATE ml_models SET stage = $3 WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            moved.model.id,
            moved.to,
        );
        Ok(moved.fetch_one(tx.conn()).await?)
    }

    /// Archives a model for good.
    pub(super) async fn retire(tx: &mut OrgTx, retirable: &Retirable) -> Result<Self, Error> {
        let retired = sqlx::query_as!(
            Self,
            "UPDATE ml_models SET stage = 'archived', retired_at = now() WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            retirable.0.id,
        );
        Ok(retired.fetch_one(tx.conn()).await?)
    }
}
