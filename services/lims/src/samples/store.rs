//! The statements over samples.

use spectra_mesh::{Error, Object, OrgTx, Page, id, new_id, optional_id, page, patch};
use spectra_proto::lims as pb;
use uuid::Uuid;

use super::Sample;
use crate::wafers::Wafer;

impl Sample {
    /// The sample asked for; a deleted one only when that is asked for too.
    pub(crate) async fn find(tx: &mut OrgTx, asked: &pb::GetSampleRequest) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT * FROM samples WHERE organization_id = $1 AND id = $2 AND (NOT is_deleted OR $3)",
            tx.org(),
            id(&asked.id)?,
            asked.include_deleted(),
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(|| Error::not_found("sample"))
    }

    /// A page of the samples that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListSamplesRequest, page: &Page) -> Result<pb::ListSamplesResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM samples
              WHERE organization_id = $1
                AND ($6 OR NOT is_deleted)
                AND ($7::text IS NULL OR barcode = $7)
                AND ($8::text IS NULL OR lot_code = $8)
                AND ($9::text IS NULL OR location = $9)
                AND ($10::uuid IS NULL OR material_id = $10)
                AND ($11::text IS NULL OR strpos(words, lower($11)) > 0)",
            asked.include_deleted(),
            asked.barcode,
            asked.lot_code,
            asked.location,
            optional_id(asked.material_id.as_deref())?,
            asked.q,
        )?;
        Ok(pb::ListSamplesResponse { items, pagination })
    }

    /// Registers a sample.
    pub(crate) async fn create(tx: &mut OrgTx, sample: &pb::Sample) -> Result<Self, Error> {
        Ok(sqlx::query_as!(
            Self,
            "INSERT INTO samples (organization_id, id, name, material_type, material_id, lot_code, barcode, location, dimensions, properties, metadata)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING *",
            tx.org(),
            new_id(),
            sample.name,
            sample.material_type,
            optional_id(sample.material_id.as_deref())?,
            sample.lot_code,
            sample.barcode,
            sample.location,
            Object::of(sample.dimensions.as_ref()),
            Object::of(sample.properties.as_ref()),
            Object::of(sample.metadata.as_ref()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Changes what the mask names of a live sample.
    pub(super) async fn update(tx: &mut OrgTx, asked: pb::UpdateSampleRequest) -> Result<Self, Error> {
        let current: pb::Sample = Self::lock(tx, &asked.id).await?.into();
        let sample = patch::apply(&current, &asked.sample.unwrap_or_default(), asked.update_mask.as_ref())?;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE samples SET name = $3, material_type = $4, material_id = $5, lot_code = $6, barcode = $7, location = $8,
                    dimensions = $9, properties = $10, metadata = $11
              WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            id(&asked.id)?,
            sample.name,
            sample.material_type,
            optional_id(sample.material_id.as_deref())?,
            sample.lot_code,
            sample.barcode,
            sample.location,
            Object::of(sample.dimensions.as_ref()),
            Object::of(sample.properties.as_ref()),
            Object::of(sample.metadata.as_ref()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Marks a live sample as deleted, and what was made of it with it.
    pub(crate) async fn delete(tx: &mut OrgTx, asked: &str) -> Result<(), Error> {
        let sample = Self::lock(tx, asked).await?;
        sqlx::query!(
            "UPDATE samples SET is_deleted = true, deleted_at = now() WHERE organization_id = $1 AND id = $2",
            tx.org(),
            sample.id
        )
        .execute(tx.conn())
        .await?;
        Wafer::delete_of(tx, sample.id).await
    }

    /// Keeps a live sample from being deleted until the transaction ends.
    pub(crate) async fn hold(tx: &mut OrgTx, sample_id: Uuid) -> Result<(), Error> {
        let found = sqlx::query_scalar!(
            "SELECT id FROM samples WHERE organization_id = $1 AND id = $2 AND NOT is_deleted FOR SHARE",
            tx.org(),
            sample_id,
        )
        .fetch_optional(tx.conn())
        .await?;
        found.map(drop).ok_or_else(|| Error::not_found("sample"))
    }

    /// A live sample that nobody else changes meanwhile, at the revision that the caller meant.
    pub(crate) async fn lock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT * FROM samples WHERE organization_id = $1 AND id = $2 AND NOT is_deleted FOR NO KEY UPDATE",
            tx.org(),
            id(asked)?,
        )
        .fetch_optional(tx.conn())
        .await?;
        let sample = found.ok_or_else(|| Error::not_found("sample"))?;
        tx.expect("sample", sample.revision)?;
        Ok(sample)
    }
}
