//! The demo lab's wafers and the devices on them.

use anyhow::Result;
use serde_json::json;
use spectra_proto::lims::{self as pb, device_service_client::DeviceServiceClient, wafer_service_client::WaferServiceClient};

use super::{SignedIn, by_name, lims::ALL, object};

/// Dies on a side of a wafer's map.
const DIES: i32 = 10;

/// Writes two wafers of each sample: W1-1 and W1-2 of the first.
pub(super) async fn write(engineer: &SignedIn<'_>, samples: &[String]) -> Result<()> {
    let mut client = WaferServiceClient::new(engineer.stack.lims.channel());
    for (sample, lot) in samples.iter().zip(1..) {
        let asked = pb::ListWafersRequest { limit: ALL, sample_id: Some(sample.clone()), ..Default::default() };
        let there = by_name(client.list_wafers(engineer.ask(asked)).await?.into_inner().items, |wafer| wafer.wafer_id_code.clone());
        for number in 1..=2 {
            let code = format!("W{lot}-{number}");
            let wafer = if let Some(wafer) = there.get(&code) {
                wafer.clone()
            } else {
                let wafer = pb::Wafer {
                    wafer_id_code: code,
                    wafer_number: Some(number),
                    diameter_mm: Some(200.0),
                    notch: Some(180.0),
                    map: Some(object(&json!({"rows": DIES, "columns": DIES}))?.into()),
                    ..Default::default()
                };
                let asked = pb::CreateWaferRequest { sample_id: sample.clone(), wafer: Some(wafer) };
                client.create_wafer(engineer.ask(asked)).await?.into_inner()
            };
            devices(engineer, &wafer.id).await?;
        }
    }
    Ok(())
}

/// Writes five devices on the diagonal of a wafer's map.
async fn devices(engineer: &SignedIn<'_>, wafer: &str) -> Result<()> {
    let mut client = DeviceServiceClient::new(engineer.stack.lims.channel());
    let asked = pb::ListDevicesRequest { limit: ALL, wafer_id: Some(wafer.to_owned()), ..Default::default() };
    let there = by_name(client.list_devices(engineer.ask(asked)).await?.into_inner().items, |device| device.device_label.clone());
    for place in 1..=5 {
        let device_label = format!("D{place}");
        if there.contains_key(&device_label) {
            continue;
        }
        let device = pb::Device {
            device_label,
            die_x: Some(place),
            die_y: Some(place),
            device_type: Some("mosfet".to_owned()),
            dimensions: Some(object(&json!({"area_cm2": 0.1}))?.into()),
            ..Default::default()
        };
        let asked = pb::CreateDeviceRequest { wafer_id: Some(wafer.to_owned()), device: Some(device) };
        client.create_device(engineer.ask(asked)).await?;
    }
    Ok(())
}
