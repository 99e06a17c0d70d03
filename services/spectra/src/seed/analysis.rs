//! The demo lab's instruments, their certificates, and its runs.

use anyhow::{Context, Result};
use serde_json::json;
use spectra_mesh::{clock, stamp};
use spectra_proto::analysis::{
    self as pb, InstrumentStatus, RunStatus, calibration_service_client::CalibrationServiceClient,
    instrument_service_client::InstrumentServiceClient, run_service_client::RunServiceClient,
};
use time::{Duration, OffsetDateTime};
use tonic::Code;

use super::{SignedIn, by_name, lims::Written, object, results};

struct Tool {
    name: &'static str,
    vendor: &'static str,
    model: &'static str,
    serial: &'static str,
    interface: &'static str,
    room: &'static str,
    category: &'static str,
    status: InstrumentStatus,
}

const KEITHLEY: &str = "Keithley 2400";
const BRUKER: &str = "Bruker D8";

const TOOLS: [Tool; 5] = [
    Tool {
        name: KEITHLEY,
        vendor: "Keithley",
        model: "2400",
        serial: "ABC123456",
        interface: "visa_gpib",
        room: "Room 101",
        category: "electrical",
        status: InstrumentStatus::Online,
    },
    Tool {
        name: "Ocean Optics USB4000",
        vendor: "Ocean Optics",
        model: "USB4000",
        serial: "SPEC789",
        interface: "visa_usb",
        room: "Room 102",
        category: "optical",
        status: InstrumentStatus::Online,
    },
    Tool {
        name: "J.A. Woollam M-2000",
        vendor: "J.A. Woollam",
        model: "M-2000",
        serial: "ELL456",
        interface: "visa_tcpip",
        room: "Room 103",
        category: "optical",
        status: InstrumentStatus::Online,
    },
    Tool {
        name: BRUKER,
        vendor: "Bruker",
        model: "D8 Discover",
        serial: "XRD999",
        interface: "visa_tcpip",
        room: "Room 104",
        category: "structural",
        status: InstrumentStatus::Maintenance,
    },
    Tool {
        name: "JEOL JSM-7800F",
        vendor: "JEOL",
        model: "JSM-7800F",
        serial: "SEM777",
        interface: "tcp",
        room: "Room 105",
        category: "structural",
        status: InstrumentStatus::Online,
    },
];

/// How many runs on the Keithley went well.
const SUCCEEDED: usize = 10;

pub(super) async fn write(engineer: &SignedIn<'_>, written: &Written) -> Result<()> {
    let mut client = InstrumentServiceClient::new(engineer.stack.analysis.channel());
    let listed = client
        .list_instruments(engineer.ask(pb::ListInstrumentsRequest { limit: Some(1000), ..Default::default() }))
        .await?
        .into_inner()
        .items;
    let mut there = by_name(listed, |instrument| instrument.name.clone());
    for tool in &TOOLS {
        let instrument = match there.remove(tool.name) {
            Some(instrument) => instrument,
            None => client
                .create_instrument(engineer.ask(pb::CreateInstrumentRequest { instrument: Some(tool.instrument()) }))
                .await?
                .into_inner(),
        };
        calibrate(engineer, tool, &instrument.id).await?;
        there.insert(tool.name.to_owned(), instrument);
    }
    let id = |name: &str| there.get(name).map(|instrument| instrument.id.clone()).context("an instrument just written");
    runs(engineer, &id(KEITHLEY)?, &id(BRUKER)?, written).await
}

impl Tool {
    fn instrument(&self) -> pb::Instrument {
        pb::Instrument {
            name: self.name.to_owned(),
            vendor: self.vendor.to_owned(),
            model: self.model.to_owned(),
            serial: Some(self.serial.to_owned()),
            interface: self.interface.to_owned(),
            category: Some(self.category.to_owned()),
            location: Some(self.room.to_owned()),
            status: Some(self.status.into()),
            ..Default::default()
        }
    }

    /// The certificate's id and the days of its issue and its end, counted from today.
    fn certificate(&self) -> (String, OffsetDateTime, OffsetDateTime) {
        let today = clock::now().truncate_to_second();
        if self.name == BRUKER {
            return ("CAL-XRD999-2024".to_owned(), today - Duration::days(400), today - Duration::days(35));
        }
        let issued = today - Duration::days(30);
        (format!("CAL-{}-{}", self.serial, issued.year()), issued, today + Duration::days(335))
    }
}

async fn calibrate(engineer: &SignedIn<'_>, tool: &Tool, instrument: &str) -> Result<()> {
    let mut client = CalibrationServiceClient::new(engineer.stack.analysis.channel());
    let asked = pb::ListCalibrationsRequest { instrument_id: Some(instrument.to_owned()), ..Default::default() };
    if !client.list_calibrations(engineer.ask(asked)).await?.into_inner().items.is_empty() {
        return Ok(());
    }
    let (certificate_id, issued_at, expires_at) = tool.certificate();
    let calibration = pb::Calibration {
        instrument_id: instrument.to_owned(),
        certificate_id,
        issued_at: Some(stamp(issued_at)),
        expires_at: Some(stamp(expires_at)),
        provider: Some("NIST Traceable Lab".to_owned()),
        results: Some(object(&json!({"as_found": "in tolerance", "as_left": "in tolerance"}))?.into()),
        ..Default::default()
    };
    client.create_calibration(engineer.ask(pb::CreateCalibrationRequest { calibration: Some(calibration) })).await?;
    Ok(())
}

async fn runs(engineer: &SignedIn<'_>, keithley: &str, bruker: &str, written: &Written) -> Result<()> {
    let mut client = RunServiceClient::new(engineer.stack.analysis.channel());
    let (succeeded, failed, blocked) = (
        there(engineer, RunStatus::Succeeded).await?,
        there(engineer, RunStatus::Failed).await?,
        there(engineer, RunStatus::Blocked).await?,
    );

    // A run a wafer: each of them can be drawn as a map.
    let wafers = results::wafers(engineer, &written.samples).await?;
    for (index, wafer) in wafers.iter().enumerate().take(SUCCEEDED).skip(succeeded) {
        let run = pb::Run { sample_id: Some(wafer.sample_id.clone()), wafer_id: Some(wafer.id.clone()), ..sweep(keithley, written)? };
        let id = start(engineer, run).await?;
        let results = results::of(engineer, &wafer.id, index).await?;
        client.complete_run(engineer.ask(pb::CompleteRunRequest { id, results, log_uri: None })).await?;
    }
    if failed == 0 {
        // On one device alone.
        let wafer = wafers.first().context("a wafer")?;
        let device = results::devices(engineer, &wafer.id).await?.into_iter().next().context("a device")?;
        let run = pb::Run {
            sample_id: Some(wafer.sample_id.clone()),
            wafer_id: Some(wafer.id.clone()),
            device_id: Some(device.id),
            ..sweep(keithley, written)?
        };
        let id = start(engineer, run).await?;
        let error_message = Some("Contact lost on the drain probe at vgs 1.2 V.".to_owned());
        client
            .fail_run(engineer.ask(pb::FailRunRequest { id, error_message, results: vec![results::broken_off()?], ..Default::default() }))
            .await?;
    }
    if blocked == 0 {
        let scan = pb::Run {
            instrument_id: bruker.to_owned(),
            method: "xrd_scan".to_owned(),
            params: Some(object(&json!({"two_theta": {"start": 20, "stop": 80, "step": 0.02}}))?.into()),
            ..Default::default()
        };
        let refused = client.create_run(engineer.ask(pb::CreateRunRequest { run: Some(scan) })).await;
        anyhow::ensure!(
            refused.is_err_and(|status| status.code() == Code::FailedPrecondition),
            "a run on an instrument out of calibration was not refused"
        );
    }
    Ok(())
}

/// How many runs there are that stand so, as far as it matters.
async fn there(engineer: &SignedIn<'_>, status: RunStatus) -> Result<usize> {
    let asked = pb::ListRunsRequest { limit: Some(i32::try_from(SUCCEEDED)?), status: Some(status.into()), ..Default::default() };
    let listed = RunServiceClient::new(engineer.stack.analysis.channel()).list_runs(engineer.ask(asked)).await?;
    Ok(listed.into_inner().items.len())
}

fn sweep(keithley: &str, written: &Written) -> Result<pb::Run> {
    Ok(pb::Run {
        instrument_id: keithley.to_owned(),
        method: "iv_sweep".to_owned(),
        params: Some(object(&json!({"vgs": {"start": -2, "stop": 2, "step": 0.1}, "vds": 0.1}))?.into()),
        recipe_id: Some(written.recipe.clone()),
        ..Default::default()
    })
}

/// Makes a run and starts it; its id.
async fn start(engineer: &SignedIn<'_>, run: pb::Run) -> Result<String> {
    let mut client = RunServiceClient::new(engineer.stack.analysis.channel());
    let run = client.create_run(engineer.ask(pb::CreateRunRequest { run: Some(run) })).await?.into_inner();
    client.start_run(engineer.ask(pb::StartRunRequest { id: run.id.clone() })).await?;
    Ok(run.id)
}
