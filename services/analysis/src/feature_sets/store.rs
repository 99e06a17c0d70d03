//! The statements over feature sets.

use spectra_mesh::{Error, Object, OrgTx, Page, id, new_id, page};
use spectra_proto::analysis as pb;

use super::{FeatureSet, selection::Selection};
use crate::names;

impl FeatureSet {
    /// The feature set asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM feature_sets WHERE organization_id = $1 AND id = $2", tx.org(), id(asked)?)
            .fetch_optional(tx.conn())
            .await?;
        found.ok_or_else(|| Error::not_found("feature set"))
    }

    /// A page of the feature sets that match the filter.
    pub(super) async fn page(
        tx: &mut OrgTx,
        asked: &pb::ListFeatureSetsRequest,
        page: &Page,
    ) -> Result<pb::ListFeatureSetsResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM feature_sets WHERE organization_id = $1 AND ($6::text IS NULL OR name = $6)",
            asked.name,
        )?;
        Ok(pb::ListFeatureSetsResponse { items, pagination })
    }

    /// Keeps a feature set, as the next version of its name.
    pub(super) async fn create(tx: &mut OrgTx, set: &pb::FeatureSet) -> Result<pb::FeatureSet, Error> {
        let spec = Object::of(set.spec.as_ref());
        let (_, warnings) = Selection::read(&spec.0)?;
        names::alone(tx, "feature set", &set.name).await?;
        let user = tx.caller().user;
        let kept = sqlx::query_as!(
            Self,
            "INSERT INTO feature_sets (organization_id, id, name, spec, created_by, set_version)
             SELECT $1, $2, $3, $4, $5, coalesce(max(set_version), 0) + 1 FROM feature_sets WHERE organization_id = $1 AND name = $3
             RETURNING *",
            tx.org(),
            new_id(),
            set.name,
            spec,
            user,
        )
        .fetch_one(tx.conn())
        .await?;
        Ok(pb::FeatureSet { warnings, ..kept.into() })
    }
}
