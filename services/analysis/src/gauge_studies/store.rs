//! The statements over gauge studies.

use spectra_mesh::{Error, Labelled, OrgTx, Page, id, new_id, optional_id, page};
use spectra_proto::analysis::{self as pb, GaugeMethod};

use super::{GaugeStudy, rules::Outcome};

impl GaugeStudy {
    /// The study asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM gauge_studies WHERE organization_id = $1 AND id = $2", tx.org(), id(asked)?)
            .fetch_optional(tx.conn())
            .await?;
        found.ok_or_else(|| Error::not_found("gauge study"))
    }

    /// A page of the studies that match the filters.
    pub(super) async fn page(
        tx: &mut OrgTx,
        asked: &pb::ListGaugeStudiesRequest,
        page: &Page,
    ) -> Result<pb::ListGaugeStudiesResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM gauge_studies
              WHERE organization_id = $1
                AND ($6::uuid IS NULL OR instrument_id = $6)
                AND ($7::text IS NULL OR metric = $7)",
            optional_id(asked.instrument_id.as_deref())?,
            asked.metric,
        )?;
        Ok(pb::ListGaugeStudiesResponse { items, pagination })
    }

    /// Records a study with what it comes to.
    pub(super) async fn create(tx: &mut OrgTx, asked: pb::GaugeStudy) -> Result<Self, Error> {
        let outcome = Outcome::of(&asked)?;
        let created_by = tx.caller().user;
        Ok(sqlx::query_as!(
            Self,
            "INSERT INTO gauge_studies (organization_id, id, instrument_id, metric, method, measurements, tolerance, alpha_to_pool,
                                        study_width, variance, grr_percent, tolerance_percent, ndc, created_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING *",
            tx.org(),
            new_id(),
            id(&asked.instrument_id)?,
            asked.metric,
            Labelled(outcome.method) as Labelled<GaugeMethod>,
            outcome.measurements as _,
            outcome.study.tolerance,
            outcome.study.alpha_to_pool,
            outcome.study.k,
            outcome.variance,
            outcome.grr_percent,
            outcome.tolerance_percent,
            outcome.ndc,
            created_by,
        )
        .fetch_one(tx.conn())
        .await?)
    }
}
