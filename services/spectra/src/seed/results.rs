//! What the demo lab's runs brought out: a curve's parameters, and a map of the wafer by its devices.

use anyhow::{Context, Result};
use serde_json::json;
use spectra_proto::{
    analysis as pb,
    lims::{
        Device, ListDevicesRequest, ListWafersRequest, Wafer, device_service_client::DeviceServiceClient,
        wafer_service_client::WaferServiceClient,
    },
};

use super::{SignedIn, lims::ALL, object};

/// How far the centres of neighbouring dies are apart, in millimetres, and how large a wafer is.
const PITCH_MM: f64 = 14.0;
const RADIUS_MM: f64 = 100.0;
/// The middle of the map, counted in dies from 1.
const MIDDLE: f64 = 5.5;

/// The wafers of these samples, in their order.
pub(super) async fn wafers(engineer: &SignedIn<'_>, samples: &[String]) -> Result<Vec<Wafer>> {
    let mut client = WaferServiceClient::new(engineer.stack.lims.channel());
    let mut all = Vec::new();
    for sample in samples {
        let asked = ListWafersRequest { limit: ALL, sample_id: Some(sample.clone()), ..Default::default() };
        let mut wafers = client.list_wafers(engineer.ask(asked)).await?.into_inner().items;
        wafers.sort_by(|one, other| one.wafer_id_code.cmp(&other.wafer_id_code));
        all.extend(wafers);
    }
    Ok(all)
}

/// The devices of a wafer, in their order.
pub(super) async fn devices(engineer: &SignedIn<'_>, wafer: &str) -> Result<Vec<Device>> {
    let mut client = DeviceServiceClient::new(engineer.stack.lims.channel());
    let asked = ListDevicesRequest { limit: ALL, wafer_id: Some(wafer.to_owned()), ..Default::default() };
    let mut devices = client.list_devices(engineer.ask(asked)).await?.into_inner().items;
    devices.sort_by(|one, other| one.device_label.cmp(&other.device_label));
    Ok(devices)
}

/// What the run that failed had measured of its device by then.
pub(super) fn broken_off() -> Result<pb::Result> {
    result("iv_sweep", &json!({}), &json!({"vgs": [0.9, 1.0, 1.1, 1.2], "id": [7.1e-6, 9.0e-6, 1.1e-5, null], "vds": 0.1}))
}

/// The results of a run on a wafer: the nth of the demo lab.
pub(super) async fn of(engineer: &SignedIn<'_>, wafer: &str, nth: usize) -> Result<Vec<pb::Result>> {
    let devices = devices(engineer, wafer).await?;
    let step = f64::from(u32::try_from(nth)?);
    let vth = 0.5 + 0.01 * step;
    let analysis = json!({"vth": vth, "gm_max": 0.001 * (1.0 + 0.1 * step), "ion_ioff_ratio": 1e6 + 1e5 * step});
    Ok(vec![result("iv_analysis", &analysis, &json!({}))?, map(&devices, vth)?])
}

/// The threshold voltage of each device, falling from the edge of the wafer to its centre.
fn map(devices: &[Device], vth: f64) -> Result<pb::Result> {
    let place = |die: Option<i32>| (f64::from(die.unwrap_or_default()) - MIDDLE) * PITCH_MM;
    let x: Vec<_> = devices.iter().map(|device| place(device.die_x)).collect();
    let y: Vec<_> = devices.iter().map(|device| place(device.die_y)).collect();
    let z: Vec<_> = x.iter().zip(&y).map(|(x, y)| vth + 0.02 * (x * x + y * y) / (RADIUS_MM * RADIUS_MM)).collect();
    let lowest = z.iter().copied().reduce(f64::min).context("a wafer with devices")?;
    let highest = z.iter().copied().reduce(f64::max).context("a wafer with devices")?;
    let ids: Vec<_> = devices.iter().map(|device| &device.id).collect();
    let labels: Vec<_> = devices.iter().map(|device| &device.device_label).collect();
    let data = json!({"x_mm": x, "y_mm": y, "z": z, "radius_mm": RADIUS_MM, "device_ids": ids, "device_labels": labels});
    result("vth_map", &json!({"vth_min": lowest, "vth_max": highest}), &data)
}

fn result(kind: &str, metrics: &serde_json::Value, data: &serde_json::Value) -> Result<pb::Result> {
    Ok(pb::Result {
        result_type: kind.to_owned(),
        metrics: Some(object(metrics)?.into()),
        data: Some(object(data)?.into()),
        ..Default::default()
    })
}
