//! Devices: what is made on wafers and measured.

use spectra_mesh::{Object, stamp};
use spectra_proto::lims as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod rpc;
mod store;

/// What is made on a wafer and measured.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "they are called as the lab calls them, in the contract too")]
pub(crate) struct Device {
    organization_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) wafer_id: Uuid,
    pub(crate) device_label: String,
    die_x: Option<i32>,
    die_y: Option<i32>,
    coordinates: Object,
    device_type: Option<String>,
    design_id: Option<String>,
    dimensions: Object,
    properties: Object,
    metadata: Object,
    is_deleted: bool,
    deleted_at: Option<OffsetDateTime>,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Device> for pb::Device {
    fn from(device: Device) -> Self {
        Self {
            organization_id: device.organization_id.to_string(),
            id: device.id.to_string(),
            wafer_id: Some(device.wafer_id.to_string()),
            device_label: device.device_label,
            die_x: device.die_x,
            die_y: device.die_y,
            coordinates: Some(device.coordinates.into()),
            device_type: device.device_type,
            design_id: device.design_id,
            dimensions: Some(device.dimensions.into()),
            properties: Some(device.properties.into()),
            metadata: Some(device.metadata.into()),
            is_deleted: device.is_deleted,
            deleted_at: device.deleted_at.map(stamp),
            revision: device.revision,
            created_at: Some(stamp(device.created_at)),
            updated_at: Some(stamp(device.updated_at)),
        }
    }
}
