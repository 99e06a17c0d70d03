//! The demo lab's control chart.

use anyhow::Result;
use spectra_mesh::{clock, stamp};
use spectra_proto::analysis::{
    self as pb, SpcChartType, SpcEntityType, SpcRuleset, spc_point_service_client::SpcPointServiceClient,
    spc_series_service_client::SpcSeriesServiceClient,
};
use time::Duration;

use super::SignedIn;

const PATH: &str = "mosfet/iv/vth";

/// Threshold voltages in V, a day each: in control, with a lot of another oxide near the end, and one wafer that was mixed up.
const VALUES: [f64; 40] = [
    0.503, 0.488, 0.511, 0.497, 0.492, 0.519, 0.505, 0.481, 0.499, 0.514, 0.495, 0.508, 0.486, 0.502, 0.523, 0.490, 0.498, 0.510, 0.484,
    0.506, 0.493, 0.516, 0.501, 0.487, 0.509, 0.496, 0.518, 0.491, 0.504, 0.572, 0.494, 0.507, 0.512, 0.521, 0.515, 0.524, 0.519, 0.511,
    0.526, 0.517,
];

/// Writes the chart, unless it is there.
pub(super) async fn write(engineer: &SignedIn<'_>) -> Result<()> {
    let mut client = SpcSeriesServiceClient::new(engineer.stack.analysis.channel());
    let asked = pb::ListSpcSeriesRequest { path: Some(PATH.to_owned()), ..Default::default() };
    let there = client.list_spc_series(engineer.ask(asked)).await?.into_inner().items.into_iter().next();
    let series = match there {
        Some(series) => series,
        None => client.create_spc_series(engineer.ask(pb::CreateSpcSeriesRequest { series: Some(series()) })).await?.into_inner(),
    };
    if series.points > 0 {
        return Ok(());
    }
    let today = clock::now().truncate_to_second();
    let points = VALUES.iter().zip((1..=40).rev()).map(|(value, days)| pb::SpcPoint {
        ts: Some(stamp(today - Duration::days(days))),
        value: Some(*value),
        ..Default::default()
    });
    let asked = pb::CreateSpcPointsRequest { series_id: series.id, points: points.collect() };
    SpcPointServiceClient::new(engineer.stack.analysis.channel()).create_spc_points(engineer.ask(asked)).await?;
    Ok(())
}

fn series() -> pb::SpcSeries {
    pb::SpcSeries {
        name: "Threshold Voltage Trend".to_owned(),
        path: PATH.to_owned(),
        entity_type: SpcEntityType::Method.into(),
        method: Some("iv_sweep".to_owned()),
        metric: "vth".to_owned(),
        chart_type: Some(SpcChartType::IMr.into()),
        spec_lcl: Some(0.4),
        spec_ucl: Some(0.6),
        target: Some(0.5),
        ctrl_lcl: Some(0.45),
        ctrl_ucl: Some(0.55),
        ruleset: Some(SpcRuleset::WesternElectric.into()),
        ..Default::default()
    }
}
