//! Analyses of the demo lab: a transistor's curve and the map of a wafer, and what they tell.

use anyhow::{Context, Result};
use serde_json::json;
use spectra_proto::analysis::{
    self as pb, AnalysisKind, RunStatus, analysis_service_client::AnalysisServiceClient, result_service_client::ResultServiceClient,
    run_service_client::RunServiceClient,
};

use super::{SignedIn, object};

/// The drain voltage and the threshold of the curve, in volts.
const VDS: f64 = 0.1;
const VTH: f64 = 0.5;

/// Records the curve that the first run measured, and analyses it and the map of its wafer, unless that was done.
pub(super) async fn write(engineer: &SignedIn<'_>) -> Result<()> {
    let mut analyses = AnalysisServiceClient::new(engineer.stack.analysis.channel());
    if !analyses.list_analyses(engineer.ask(pb::ListAnalysesRequest::default())).await?.into_inner().items.is_empty() {
        return Ok(());
    }
    let asked = pb::ListRunsRequest { limit: Some(1000), status: Some(RunStatus::Succeeded.into()), ..Default::default() };
    let runs = RunServiceClient::new(engineer.stack.analysis.channel()).list_runs(engineer.ask(asked)).await?.into_inner().items;
    let run_id = runs.last().context("a run that went well")?.id.clone();
    let vgs: Vec<f64> = (-20..=20).map(|step| f64::from(step) / 10.0).collect();
    let id: Vec<f64> = vgs.iter().map(|vgs| current(*vgs)).collect();
    let result = pb::Result {
        result_type: "iv_sweep".to_owned(),
        data: Some(object(&json!({"vgs": vgs, "id": id, "vds": VDS, "W": 1e-5, "L": 1e-6}))?.into()),
        ..Default::default()
    };
    let mut results = ResultServiceClient::new(engineer.stack.analysis.channel());
    let swept = results.create_result(engineer.ask(pb::CreateResultRequest { run_id, result: Some(result) })).await?.into_inner();
    let maps = pb::ListResultsRequest {
        limit: Some(1),
        run_id: Some(swept.run_id),
        result_type: Some("vth_map".to_owned()),
        ..Default::default()
    };
    let map = results.list_results(engineer.ask(maps)).await?.into_inner().items.pop().context("the map of a wafer")?;
    for (kind, result_id) in [(AnalysisKind::WaferMap, map.id), (AnalysisKind::MosfetTransfer, swept.id)] {
        let asked = pb::AnalyseRequest { kind: kind.into(), result_id: Some(result_id), ..Default::default() };
        analyses.analyse(engineer.ask(asked)).await?;
    }
    Ok(())
}

/// The drain current of a transistor from weak to strong inversion, after Enz, Krummenacher and Vittoz, over a little leakage.
fn current(vgs: f64) -> f64 {
    let (slope, thermal, gain) = (1.3, 0.025_85, 2e-4);
    let half = |v: f64| (v / (2.0 * thermal)).exp().ln_1p().powi(2);
    let pinch = (vgs - VTH) / slope;
    2.0 * slope * gain * thermal * thermal * (half(pinch) - half(pinch - VDS)) + 1e-12
}
