//! Instruments: what the lab measures with.

use spectra_mesh::{Labelled, Object, stamp};
use spectra_proto::analysis::{self as pb, InstrumentStatus};
use time::OffsetDateTime;
use uuid::Uuid;

mod rpc;
mod store;

/// A device that measures samples.
#[derive(Debug)]
struct Instrument {
    organization_id: Uuid,
    id: Uuid,
    name: String,
    vendor: String,
    model: String,
    serial: Option<String>,
    interface: String,
    category: Option<String>,
    location: Option<String>,
    status: Labelled<InstrumentStatus>,
    capabilities: Object,
    config: Object,
    metadata: Object,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl From<Instrument> for pb::Instrument {
    fn from(instrument: Instrument) -> Self {
        Self {
            id: instrument.id.to_string(),
            organization_id: instrument.organization_id.to_string(),
            name: instrument.name,
            vendor: instrument.vendor,
            model: instrument.model,
            serial: instrument.serial,
            interface: instrument.interface,
            category: instrument.category,
            location: instrument.location,
            status: Some(instrument.status.number()),
            capabilities: Some(instrument.capabilities.into()),
            config: Some(instrument.config.into()),
            metadata: Some(instrument.metadata.into()),
            revision: instrument.revision,
            created_at: Some(stamp(instrument.created_at)),
            updated_at: Some(stamp(instrument.updated_at)),
        }
    }
}
