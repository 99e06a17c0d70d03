//! Wafers: the slices of samples.

use spectra_mesh::{Object, stamp};
use spectra_proto::lims as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod rpc;
mod store;

/// A slice of a sample, on which devices are made.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "they are called as the lab calls them, in the contract too")]
pub(crate) struct Wafer {
    organization_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) sample_id: Uuid,
    pub(crate) wafer_id_code: String,
    wafer_number: Option<i32>,
    orientation: Option<String>,
    thickness_um: Option<f64>,
    diameter_mm: Option<f64>,
    notch: Option<f64>,
    map: Object,
    properties: Object,
    is_deleted: bool,
    deleted_at: Option<OffsetDateTime>,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Wafer> for pb::Wafer {
    fn from(wafer: Wafer) -> Self {
        Self {
            organization_id: wafer.organization_id.to_string(),
            id: wafer.id.to_string(),
            sample_id: wafer.sample_id.to_string(),
            wafer_id_code: wafer.wafer_id_code,
            wafer_number: wafer.wafer_number,
            orientation: wafer.orientation,
            thickness_um: wafer.thickness_um,
            diameter_mm: wafer.diameter_mm,
            notch: wafer.notch,
            map: Some(wafer.map.into()),
            properties: Some(wafer.properties.into()),
            is_deleted: wafer.is_deleted,
            deleted_at: wafer.deleted_at.map(stamp),
            revision: wafer.revision,
            created_at: Some(stamp(wafer.created_at)),
            updated_at: Some(stamp(wafer.updated_at)),
        }
    }
}
