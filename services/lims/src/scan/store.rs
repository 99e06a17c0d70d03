//! The statements that find what a code means.

use spectra_mesh::{Error, Labelled, OrgTx};
use spectra_proto::lims::{self as pb, ScannedKind};
use uuid::Uuid;

use super::{Scanned, code::named};
use crate::{devices::Device, samples::Sample, wafers::Wafer};

impl Scanned {
    /// The live record that a code means. What names a record by its id comes first: a barcode may look like anything, and must not
    /// stand before another record's label.
    pub(crate) async fn find(tx: &mut OrgTx, code: &str) -> Result<Self, Error> {
        let named = match named(code) {
            Some((id, said)) => kind_of(tx, id).await?.filter(|kind| said.is_none_or(|said| said == *kind)).map(|kind| (kind, id)),
            None => None,
        };
        let found = match named {
            Some(found) => Some(found),
            None => labelled(tx, code).await?.map(|id| (ScannedKind::Sample, id)),
        };
        let Some((kind, id)) = found else { return Err(Error::not_found("record with this code")) };
        let (id, include_deleted) = (id.to_string(), None);
        Ok(match kind {
            ScannedKind::Wafer => Self::Wafer(Wafer::find(tx, &pb::GetWaferRequest { id, include_deleted }).await?),
            ScannedKind::Device => Self::Device(Device::find(tx, &pb::GetDeviceRequest { id, include_deleted }).await?),
            ScannedKind::Sample | ScannedKind::Unspecified => {
                Self::Sample(Sample::find(tx, &pb::GetSampleRequest { id, include_deleted }).await?)
            }
        })
    }
}

/// What kind of live record has this id.
async fn kind_of(tx: &mut OrgTx, id: Uuid) -> Result<Option<ScannedKind>, Error> {
    let kind = sqlx::query_scalar!(
        r#"SELECT 'sample' AS "kind!: Labelled<ScannedKind>" FROM samples WHERE organization_id = $1 AND id = $2 AND NOT is_deleted
            UNION ALL SELECT 'wafer' FROM wafers WHERE organization_id = $1 AND id = $2 AND NOT is_deleted
            UNION ALL SELECT 'device' FROM devices WHERE organization_id = $1 AND id = $2 AND NOT is_deleted"#,
        tx.org(),
        id,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(kind.map(|Labelled(kind)| kind))
}

/// The live sample with this barcode.
async fn labelled(tx: &mut OrgTx, barcode: &str) -> Result<Option<Uuid>, Error> {
    Ok(sqlx::query_scalar!("SELECT id FROM samples WHERE organization_id = $1 AND barcode = $2 AND NOT is_deleted", tx.org(), barcode)
        .fetch_optional(tx.conn())
        .await?)
}
