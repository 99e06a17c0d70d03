//! The statements over devices.

use spectra_mesh::{Error, Object, OrgTx, Page, id, new_id, optional_id, page, patch};
use spectra_proto::lims as pb;
use uuid::Uuid;

use super::Device;
use crate::wafers::Wafer;

impl Device {
    /// The device asked for; a deleted one only when that is asked for too.
    pub(crate) async fn find(tx: &mut OrgTx, asked: &pb::GetDeviceRequest) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT * FROM devices WHERE organization_id = $1 AND id = $2 AND (NOT is_deleted OR $3)",
            tx.org(),
            id(&asked.id)?,
            asked.include_deleted(),
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(|| Error::not_found("device"))
    }

    /// A page of the devices that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListDevicesRequest, page: &Page) -> Result<pb::ListDevicesResponse, Error> {
        if let Some(wafer_id) = &asked.wafer_id {
            Wafer::find(tx, &pb::GetWaferRequest { id: wafer_id.clone(), include_deleted: asked.include_deleted }).await?;
        }
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM devices
              WHERE organization_id = $1
                AND ($6 OR NOT is_deleted)
                AND ($7::uuid IS NULL OR wafer_id = $7)
                AND ($8::text IS NULL OR device_label = $8)
                AND ($9::text IS NULL OR device_type = $9)
                AND ($10::text IS NULL OR design_id = $10)
                AND ($11::int IS NULL OR die_x = $11)
                AND ($12::int IS NULL OR die_y = $12)
                AND ($13::text IS NULL OR strpos(lower(concat_ws(' ', device_label, device_type, design_id)), lower($13)) > 0)",
            asked.include_deleted(),
            optional_id(asked.wafer_id.as_deref())?,
            asked.device_label,
            asked.device_type,
            asked.design_id,
            asked.die_x,
            asked.die_y,
            asked.q,
        )?;
        Ok(pb::ListDevicesResponse { items, pagination })
    }

    /// Registers a device on a live wafer.
    pub(super) async fn create(tx: &mut OrgTx, asked: &pb::CreateDeviceRequest) -> Result<Self, Error> {
        let device = asked.device.clone().unwrap_or_default();
        let wafer_id = hold_wafer(tx, asked.wafer_id.as_deref(), device.wafer_id.as_deref()).await?;
        Ok(sqlx::query_as!(
            Self,
            "INSERT INTO devices (organization_id, id, wafer_id, device_label, die_x, die_y, coordinates, device_type, design_id, dimensions, properties, metadata)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING *",
            tx.org(),
            new_id(),
            wafer_id,
            device.device_label,
            device.die_x,
            device.die_y,
            Object::of(device.coordinates.as_ref()),
            device.device_type,
            device.design_id,
            Object::of(device.dimensions.as_ref()),
            Object::of(device.properties.as_ref()),
            Object::of(device.metadata.as_ref()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Changes what the mask names of a live device.
    pub(super) async fn update(tx: &mut OrgTx, asked: pb::UpdateDeviceRequest) -> Result<Self, Error> {
        let current = Self::lock(tx, &asked.id).await?;
        let device_id = current.id;
        let device = patch::apply(&current.into(), &asked.device.unwrap_or_default(), asked.update_mask.as_ref())?;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE devices SET device_label = $3, die_x = $4, die_y = $5, coordinates = $6, device_type = $7,
                    design_id = $8, dimensions = $9, properties = $10, metadata = $11
              WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            device_id,
            device.device_label,
            device.die_x,
            device.die_y,
            Object::of(device.coordinates.as_ref()),
            device.device_type,
            device.design_id,
            Object::of(device.dimensions.as_ref()),
            Object::of(device.properties.as_ref()),
            Object::of(device.metadata.as_ref()),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Marks a live device as deleted.
    pub(super) async fn delete(tx: &mut OrgTx, asked: &str) -> Result<(), Error> {
        let device = Self::lock(tx, asked).await?;
        sqlx::query!(
            "UPDATE devices SET is_deleted = true, deleted_at = now() WHERE organization_id = $1 AND id = $2",
            tx.org(),
            device.id
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// Marks the live devices on wafers, which are locked, as deleted.
    pub(crate) async fn delete_of(tx: &mut OrgTx, wafers: &[Uuid]) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE devices SET is_deleted = true, deleted_at = now() WHERE organization_id = $1 AND wafer_id = ANY ($2) AND NOT is_deleted",
            tx.org(),
            wafers,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// A live device that nobody else changes meanwhile, at the revision that the caller meant.
    async fn lock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT * FROM devices WHERE organization_id = $1 AND id = $2 AND NOT is_deleted FOR NO KEY UPDATE",
            tx.org(),
            id(asked)?,
        )
        .fetch_optional(tx.conn())
        .await?;
        let device = found.ok_or_else(|| Error::not_found("device"))?;
        tx.expect("device", device.revision)?;
        Ok(device)
    }
}

/// Keeps the live wafer that a device is to be on: what the path says, what the device says, or both alike. Two of them are told
/// apart once both are known to be there, so that another organization's reads as nobody's.
async fn hold_wafer(tx: &mut OrgTx, path: Option<&str>, device: Option<&str>) -> Result<Uuid, Error> {
    let (path, device) = (optional_id(path)?, optional_id(device)?);
    let wafer_id = path.or(device).ok_or_else(|| Error::invalid("device.wafer_id", "must be given"))?;
    Wafer::hold(tx, wafer_id).await?;
    if let Some(other) = device.filter(|other| *other != wafer_id) {
        Wafer::hold(tx, other).await?;
        return Err(Error::invalid("device.wafer_id", "must be the wafer that the path names, or left out"));
    }
    Ok(wafer_id)
}
