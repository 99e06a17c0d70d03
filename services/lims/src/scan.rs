//! Scanning: from the code on a label to the record.

use spectra_proto::lims::{self as pb, scan_response::Record};

use crate::{devices::Device, samples::Sample, wafers::Wafer};

pub(crate) mod code;
mod rpc;
mod store;

/// A record that a code means.
#[derive(Debug)]
pub(crate) enum Scanned {
    /// A sample.
    Sample(Sample),
    /// A wafer.
    Wafer(Wafer),
    /// A device.
    Device(Device),
}

impl From<Scanned> for pb::ScanResponse {
    fn from(scanned: Scanned) -> Self {
        let (kind, record) = match scanned {
            Scanned::Sample(sample) => (pb::ScannedKind::Sample, Record::Sample(sample.into())),
            Scanned::Wafer(wafer) => (pb::ScannedKind::Wafer, Record::Wafer(wafer.into())),
            Scanned::Device(device) => (pb::ScannedKind::Device, Record::Device(device.into())),
        };
        Self { kind: kind.into(), record: Some(record) }
    }
}
