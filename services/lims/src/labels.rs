//! Labels: what is stuck on samples, wafers and devices, for people and scanners to read.

use spectra_mesh::{Error, OrgTx, sha256};
use spectra_proto::{
    lims::{self as pb, LabelFormat, LabelSymbology, ScannedKind},
    types::FileHead,
};

use crate::{
    devices::Device,
    samples::Sample,
    scan::code::{Code, named},
    wafers::Wafer,
};

mod layout;
mod rpc;
mod svg;
mod symbol;
mod zpl;

use layout::Layout;
use symbol::Symbol;

/// What a label says.
#[derive(Debug)]
struct Label {
    /// What it is of, as its file is called.
    name: String,
    /// For people, the most telling first.
    lines: Vec<String>,
    /// What a scanner shall read if the symbology can carry it.
    barcode: Option<String>,
    /// What a scanner reads else.
    code: Code,
}

impl Label {
    /// The label of a live sample. A barcode that reads as the name of another record would lead there.
    async fn of_sample(tx: &mut OrgTx, id: &str) -> Result<Self, Error> {
        let sample = Sample::find(tx, &pb::GetSampleRequest { id: id.to_owned(), include_deleted: None }).await?;
        Ok(Self {
            name: format!("sample-{}", sample.id),
            lines: [Some(sample.name), sample.lot_code].into_iter().flatten().collect(),
            barcode: sample.barcode.filter(|barcode| named(barcode).is_none()),
            code: Code { kind: ScannedKind::Sample, id: sample.id },
        })
    }

    /// The label of a live wafer.
    async fn of_wafer(tx: &mut OrgTx, id: &str) -> Result<Self, Error> {
        let wafer = Wafer::find(tx, &pb::GetWaferRequest { id: id.to_owned(), include_deleted: None }).await?;
        let sample = Sample::find(tx, &pb::GetSampleRequest { id: wafer.sample_id.to_string(), include_deleted: None }).await?;
        Ok(Self {
            name: format!("wafer-{}", wafer.id),
            lines: [Some(wafer.wafer_id_code), Some(sample.name), sample.lot_code].into_iter().flatten().collect(),
            barcode: None,
            code: Code { kind: ScannedKind::Wafer, id: wafer.id },
        })
    }

    /// The label of a live device.
    async fn of_device(tx: &mut OrgTx, id: &str) -> Result<Self, Error> {
        let device = Device::find(tx, &pb::GetDeviceRequest { id: id.to_owned(), include_deleted: None }).await?;
        let wafer = Wafer::find(tx, &pb::GetWaferRequest { id: device.wafer_id.to_string(), include_deleted: None }).await?;
        Ok(Self {
            name: format!("device-{}", device.id),
            lines: vec![device.device_label, wafer.wafer_id_code],
            barcode: None,
            code: Code { kind: ScannedKind::Device, id: device.id },
        })
    }

    /// Draws the label.
    fn drawn(&self, format: LabelFormat, symbology: LabelSymbology) -> Result<pb::Label, Error> {
        let (text, symbol) = self.symbol(symbology)?;
        let lines = self.lines.iter().chain([&text]).map(String::as_str);
        let layout = Layout::of(&symbol, symbology, lines);
        let (content, content_type, extension) = match format {
            LabelFormat::Zpl => (zpl::draw(&layout), "text/plain; charset=utf-8", "zpl"),
            LabelFormat::Svg | LabelFormat::Unspecified => (svg::draw(&layout), "image/svg+xml", "svg"),
        };
        let head = FileHead {
            content_type: content_type.to_owned(),
            filename: format!("{}.{extension}", self.name),
            size: i64::try_from(content.len()).map_err(Error::broken)?,
            etag: sha256(content.as_bytes()),
            inline: true,
            ..FileHead::default()
        };
        Ok(pb::Label { head: Some(head), content: content.into_bytes() })
    }

    /// The code that the symbology carries, and what it looks like.
    fn symbol(&self, symbology: LabelSymbology) -> Result<(String, Symbol), Error> {
        if let Some(barcode) = &self.barcode
            && let Some(symbol) = Symbol::of(barcode, symbology)
        {
            return Ok((barcode.clone(), symbol));
        }
        let code = self.code.to_string();
        let symbol = Symbol::of(&code, symbology).ok_or_else(|| Error::broken("a code made here fits no symbol"))?;
        Ok((code, symbol))
    }
}
