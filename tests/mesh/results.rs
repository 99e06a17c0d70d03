//! Results, through the gateway.

use serde_json::{Value, json};
use spectra_proto::analysis::{self as pb, result_service_client::ResultServiceClient};
use spectra_tests::{Caller, DEMO, Mesh};
use tonic::{Code, Request};

use crate::{
    calibrations::{certificate, instrument},
    runs::ready_tool,
};

mod arrays;

const RESULTS: &str = "/api/analysis/results";
const RUNS: &str = "/api/analysis/runs";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListResults" => json!({
            "runId": id("run"), "derivedFrom": id("result"), "waferId": id("wafer"), "deviceId": id("device"), "sampleId": id("another sample"),
        }),
        "GetResult" | "DownloadResultArrays" => json!({"id": id("result")}),
        "CreateResult" => json!({"runId": id("run"), "result": {"resultType": "fit", "derivedFrom": id("result")}}),
        _ => return None,
    })
}

/// Starts a run and records two results of it, the second derived from the first; their ids.
pub(crate) async fn measured(engineer: &Caller, run: &str) -> (String, String) {
    engineer.act(&format!("{RUNS}/{run}/start")).await.expect(200);
    let path = format!("{RUNS}/{run}/results");
    let one = engineer.post(&path, json!({"result_type": "iv_sweep", "metrics": {"vth": 0.5}})).await.expect(201);
    let other = engineer.post(&path, json!({"result_type": "fit", "derived_from": one["id"]})).await.expect(201);
    (one["id"].as_str().unwrap().to_owned(), other["id"].as_str().unwrap().to_owned())
}

/// A run that is running, by its path.
pub(crate) async fn running(engineer: &Caller, tool: &str) -> String {
    let run = engineer.post(RUNS, json!({"instrument_id": tool, "method": "iv_sweep"})).await.expect(201);
    let path = format!("{RUNS}/{}", run["id"].as_str().unwrap());
    engineer.act(&format!("{path}/start")).await.expect(200);
    path
}

#[tokio::test]
async fn a_result_is_recorded_read_and_listed() {
    let mesh = Mesh::start().await;
    let (engineer, tech, viewer) = (mesh.demo("engineer").await, mesh.demo("technician").await, mesh.demo("viewer").await);
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let said = json!({
        "result_type": "iv_analysis", "metrics": {"vth": 0.5, "gm_max": 1e308, "ss": null}, "data": {"vgs": [0, 0.1, null], "note": "warm"},
        "arrays_uri": "s3://lab/a.parquet", "images_uri": "s3://lab/a.png", "artifacts_uri": "s3://lab/a.zip", "report_uri": "s3://lab/a.pdf",
    });
    let answer = tech.post(&format!("{run}/results"), said.clone()).await;
    let location = answer.header("location").to_owned();
    let made = answer.expect(201);
    assert_eq!(location, format!("{RESULTS}/{}", made["id"].as_str().unwrap()));
    for (name, value) in said.as_object().unwrap() {
        assert_eq!(made[name], *value, "{name}");
    }
    let pinned = viewer.get(&run).await.expect(200);
    assert_eq!((&made["calibration_id"], &made["calibration_hash"]), (&pinned["calibration_id"], &pinned["calibration_hash"]));
    assert_eq!((&made["calibration_suspect"], &made["derived_from"]), (&json!(false), &Value::Null));
    assert_eq!(viewer.get(&location).await.expect(200), made);
    assert_eq!((&pinned["results"], &pinned["result_count"]), (&json!([made]), &json!(1)));
    let bare = viewer.get(&format!("{run}?bare=true")).await.expect(200);
    assert_eq!((&bare["results"], &bare["result_count"]), (&json!([]), &json!(1)));

    let derived = tech.post(&format!("{run}/results"), json!({"result_type": "fit", "derived_from": made["id"]})).await.expect(201);
    let by = async |path: &str| {
        let listed = viewer.get(path).await.expect(200);
        listed["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
    };
    let id = made["id"].as_str().unwrap();
    assert_eq!(by(&format!("{run}/results")).await, [derived["id"].clone(), made["id"].clone()]);
    assert_eq!(by(&format!("{RESULTS}?result_type=iv_analysis")).await, [made["id"].clone()]);
    assert_eq!(by(&format!("{RESULTS}?derived_from={id}")).await, [derived["id"].clone()]);
    assert_eq!(by(&format!("{RESULTS}?calibration_suspect=true")).await, [Value::Null; 0]);
    assert_eq!(by(&format!("{RESULTS}?calibration_suspect=false")).await.len(), 2);
    engineer.put(&location, json!({"result_type": "other"})).await.refused(405, "method_not_allowed");
    engineer.delete(&location).await.refused(405, "method_not_allowed");
    viewer.post(&format!("{run}/results"), said).await.refused(403, "role_required");
}

#[tokio::test]
async fn a_result_must_make_sense() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let path = format!("{run}/results");
    let nobodys = spectra_mesh::new_id().to_string();
    for (field, value) in [("vth", json!("0.5")), ("vth", json!([0.5])), ("vth", json!({"v": 0.5})), ("ok", json!(true))] {
        let problem = engineer.post(&path, json!({"result_type": "t", "metrics": {field: value}})).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], format!("metrics.{field}"));
        let inline = json!({"results": [{"result_type": "t"}, {"result_type": "t", "metrics": {field: value}}]});
        let problem = engineer.post(&format!("{run}/complete"), inline).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], format!("results[1].metrics.{field}"));
    }
    for (said, field) in [
        (json!({}), "result_type"),
        (json!({"result_type": " "}), "result_type"),
        (json!({"result_type": "t".repeat(101)}), "result_type"),
        (json!({"result_type": "t", "report_uri": "u".repeat(2001)}), "report_uri"),
        (json!({"result_type": "t", "derived_from": "x"}), "derived_from"),
        (json!({"result_type": "t", "data": {"text": "x".repeat(300_000)}}), "data"),
        (json!({"result_type": "t", "calibration_suspect": true}), "calibration_suspect"),
        (json!({"result_type": "t", "run_id": nobodys}), "run_id"),
    ] {
        let problem = engineer.post(&path, said).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    for broken in [
        r#"{"result_type":"t","metrics":{"v":NaN}}"#,
        r#"{"result_type":"t","metrics":{"v":1e309}}"#,
        r#"{"result_type":"t","metrics":[1]}"#,
    ] {
        assert_eq!(
            engineer.with("content-type", "application/json").post_raw(&path, broken.as_bytes().to_vec()).await.status,
            400,
            "{broken}"
        );
    }
    engineer.post(&path, json!({"result_type": "t", "derived_from": nobodys})).await.refused(404, "not_found");
    engineer.post(&format!("{RUNS}/{nobodys}/results"), json!({"result_type": "t"})).await.refused(404, "not_found");
    let untouched = engineer.get(&run).await.expect(200);
    assert_eq!((&untouched["status"], &untouched["result_count"]), (&json!("running"), &json!(0)), "what is refused leaves nothing");
}

/// JSON has no infinity; the contract itself does.
#[tokio::test]
async fn metrics_are_finite() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let (token, run_id) = (mesh.token("engineer", DEMO).await, run.rsplit('/').next().unwrap());
    let mut client = ResultServiceClient::new(mesh.channel("spectra.analysis.v1"));
    for number in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        let metrics = [("vth".to_owned(), prost_types::Value::from(number))].into_iter().collect();
        let result =
            pb::Result { result_type: "t".to_owned(), metrics: Some(prost_types::Struct { fields: metrics }), ..pb::Result::default() };
        let mut request = Request::new(pb::CreateResultRequest { run_id: run_id.to_owned(), result: Some(result) });
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let refused = client.create_result(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    }
    assert_eq!(engineer.get(&run).await.expect(200)["result_count"], 0);
}

#[tokio::test]
async fn runs_that_were_started_bring_results_out() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = ready_tool(&engineer).await;
    let said = json!({"result_type": "t", "metrics": {"v": 1}});
    let waiting = engineer.post(RUNS, json!({"instrument_id": tool, "method": "m"})).await.expect(201);
    let waiting = format!("{RUNS}/{}", waiting["id"].as_str().unwrap());
    let refused = engineer.post(&format!("{waiting}/results"), said.clone()).await.refused(409, "run_state");
    assert_eq!(refused["run_status"], "queued");
    engineer.act(&format!("{waiting}/cancel")).await.expect(200);
    engineer.post(&format!("{waiting}/results"), said.clone()).await.refused(409, "run_state");
    for end in ["complete", "fail"] {
        let run = running(&engineer, &tool).await;
        engineer.post(&format!("{run}/results"), said.clone()).await.expect(201);
        let ended = engineer.post(&format!("{run}/{end}"), json!({"results": [said, said], "log_uri": "file:///log"})).await.expect(200);
        assert_eq!((&ended["result_count"], &ended["log_uri"]), (&json!(3), &json!("file:///log")), "{end}");
        assert_eq!(ended["results"].as_array().unwrap().len(), 3);
        engineer.post(&format!("{run}/results"), said.clone()).await.expect(201);
        assert_eq!(engineer.get(&run).await.expect(200)["result_count"], 4);
    }
}

#[tokio::test]
async fn what_was_measured_before_a_revocation_stays_and_is_in_question() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = instrument(&engineer, "tool").await;
    let only = certificate(&engineer, &tool, "C-1", -10, 100).await;
    let run = running(&engineer, &tool).await;
    let said = json!({"result_type": "t", "metrics": {"v": 1}});
    let before = engineer.post(&format!("{run}/results"), said.clone()).await.expect(201);
    pi.post(&format!("{only}/revoke"), json!({"reason": "r"})).await.expect(200);
    let body = json!({"results": [said]});
    engineer.post(&format!("{run}/complete"), body).await.refused(409, "calibration_revoked");
    let blocked = engineer.get(&run).await.expect(200);
    assert_eq!((&blocked["status"], &blocked["calibration_suspect"]), (&json!("blocked"), &json!(true)));
    let marks: Vec<_> = blocked["results"].as_array().unwrap().iter().map(|result| result["calibration_suspect"].clone()).collect();
    assert_eq!(marks, [json!(true), json!(true)], "what came with the refused call is kept too");
    assert_eq!(blocked["results"][1]["id"], before["id"]);
    engineer.post(&format!("{run}/results"), said).await.refused(409, "run_state");
}

#[tokio::test]
async fn the_same_key_records_one_result() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let path = format!("{run}/results");
    let keyed = engineer.with("idempotency-key", "k");
    let first = keyed.post(&path, json!({"result_type": "t"})).await.expect(201);
    assert_eq!(keyed.post(&path, json!({"result_type": "t"})).await.expect(201), first);
    keyed.post(&path, json!({"result_type": "u"})).await.refused(409, "key_reused");
    assert_eq!(engineer.get(&run).await.expect(200)["result_count"], 1);
}
