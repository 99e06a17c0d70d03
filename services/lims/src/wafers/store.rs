//! The statements over wafers.

use spectra_mesh::{Error, Object, OrgTx, Page, id, new_id, optional_id, page, patch};
use spectra_proto::lims as pb;
use uuid::Uuid;

use super::Wafer;
use crate::{devices::Device, samples::Sample};

impl Wafer {
    /// The wafer asked for; a deleted one only when that is asked for too.
    pub(crate) async fn find(tx: &mut OrgTx, asked: &pb::GetWaferRequest) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT * FROM wafers WHERE organization_id = $1 AND id = $2 AND (NOT is_deleted OR $3)",
            tx.org(),
            id(&asked.id)?,
            asked.include_deleted(),
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(|| Error::not_found("wafer"))
    }

    /// A page of the wafers that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListWafersRequest, page: &Page) -> Result<pb::ListWafersResponse, Error> {
        if let Some(sample_id) = &asked.sample_id {
            Sample::find(tx, &pb::GetSampleRequest { id: sample_id.clone(), include_deleted: asked.include_deleted }).await?;
        }
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM wafers
              WHERE organization_id = $1
                AND ($6 OR NOT is_deleted)
                AND ($7::uuid IS NULL OR sample_id = $7)
                AND ($8::text IS NULL OR wafer_id_code = $8)
                AND ($9::int IS NULL OR wafer_number = $9)
                AND ($10::text IS NULL OR strpos(lower(wafer_id_code), lower($10)) > 0)",
            asked.include_deleted(),
            optional_id(asked.sample_id.as_deref())?,
            asked.wafer_id_code,
            asked.wafer_number,
            asked.q,
        )?;
        Ok(pb::ListWafersResponse { items, pagination })
    }

    /// Registers a wafer of a live sample.
    pub(super) async fn create(tx: &mut OrgTx, asked: &pb::CreateWaferRequest) -> Result<Self, Error> {
        let wafer = asked.wafer.clone().unwrap_or_default();
        let sample_id = id(&asked.sample_id)?;
        Sample::hold(tx, sample_id).await?;
        Ok(sqlx::query_as!(
            Self,
            "INSERT INTO wafers (organization_id, id, sample_id, wafer_id_code, wafer_number, orientation, thickness_um, diameter_mm, notch, map, properties)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING *",
            tx.org(),
            new_id(),
            sample_id,
            wafer.wafer_id_code,
            wafer.wafer_number,
            wafer.orientation,
            wafer.thickness_um,
            wafer.diameter_mm,
            wafer.notch,
            Object::of(wafer.map.as_ref()),
            Object::of(wafer.properties.as_ref()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Changes what the mask names of a live wafer.
    pub(super) async fn update(tx: &mut OrgTx, asked: pb::UpdateWaferRequest) -> Result<Self, Error> {
        let current = Self::lock(tx, &asked.id).await?;
        let wafer_id = current.id;
        let wafer = patch::apply(&current.into(), &asked.wafer.unwrap_or_default(), asked.update_mask.as_ref())?;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE wafers SET wafer_id_code = $3, wafer_number = $4, orientation = $5, thickness_um = $6,
                    diameter_mm = $7, notch = $8, map = $9, properties = $10
              WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            wafer_id,
            wafer.wafer_id_code,
            wafer.wafer_number,
            wafer.orientation,
            wafer.thickness_um,
            wafer.diameter_mm,
            wafer.notch,
            Object::of(wafer.map.as_ref()),
            Object::of(wafer.properties.as_ref()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Marks a live wafer as deleted, and its devices with it.
    pub(super) async fn delete(tx: &mut OrgTx, asked: &str) -> Result<(), Error> {
        let wafer = Self::lock(tx, asked).await?;
        sqlx::query!("UPDATE wafers SET is_deleted = true, deleted_at = now() WHERE organization_id = $1 AND id = $2", tx.org(), wafer.id)
            .execute(tx.conn())
            .await?;
        Device::delete_of(tx, &[wafer.id]).await
    }

    /// Marks the live wafers of a sample, which is locked, as deleted.
    pub(crate) async fn delete_of(tx: &mut OrgTx, sample_id: Uuid) -> Result<(), Error> {
        let wafers = sqlx::query_scalar!(
            "UPDATE wafers SET is_deleted = true, deleted_at = now() WHERE organization_id = $1 AND sample_id = $2 AND NOT is_deleted
             RETURNING id",
            tx.org(),
            sample_id,
        )
        .fetch_all(tx.conn())
        .await?;
        Device::delete_of(tx, &wafers).await
    }

    /// Keeps a live wafer from being deleted until the transaction ends.
    pub(crate) async fn hold(tx: &mut OrgTx, wafer_id: Uuid) -> Result<(), Error> {
        let found = sqlx::query_scalar!(
            "SELECT id FROM wafers WHERE organization_id = $1 AND id = $2 AND NOT is_deleted FOR SHARE",
            tx.org(),
            wafer_id,
        )
        .fetch_optional(tx.conn())
        .await?;
        found.map(drop).ok_or_else(|| Error::not_found("wafer"))
    }

    /// A live wafer that nobody else changes meanwhile, at the revision that the caller meant.
    async fn lock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT * FROM wafers WHERE organization_id = $1 AND id = $2 AND NOT is_deleted FOR NO KEY UPDATE",
            tx.org(),
            id(asked)?,
        )
        .fetch_optional(tx.conn())
        .await?;
        let wafer = found.ok_or_else(|| Error::not_found("wafer"))?;
        tx.expect("wafer", wafer.revision)?;
        Ok(wafer)
    }
}
