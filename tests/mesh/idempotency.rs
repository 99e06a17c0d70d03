//! Idempotency keys: the same call twice is one call.

use serde_json::json;
use spectra_tests::Mesh;

use crate::calibrations::instrument;

const SAMPLES: &str = "/api/lims/samples";

#[tokio::test]
async fn the_same_key_replays_the_first_answer() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await.with("idempotency-key", "k-1");
    let first = engineer.post_raw(SAMPLES, r#"{"name":"n","lot_code":"L"}"#).await;
    let location = first.header("location").to_owned();
    let first = first.expect(201);
    let again = engineer.post_raw(SAMPLES, "{ \"lot_code\" : \"L\",\n \"name\": \"n\" }").await;
    assert_eq!(again.header("location"), location);
    assert_eq!(again.expect(201), first);
    engineer.post(SAMPLES, json!({"name": "another"})).await.refused(409, "key_reused");
    mesh.demo("engineer").await.with("idempotency-key", " ").post(SAMPLES, json!({"name": "n"})).await.refused(422, "invalid");
    engineer.with("idempotency-key", "k-2").post(SAMPLES, json!({"name": "n"})).await.refused(422, "invalid");
    let pi = mesh.demo("pi").await.with("idempotency-key", "k-1");
    pi.post(SAMPLES, json!({"name": "of another caller"})).await.expect(201);
    let listed = mesh.demo("viewer").await.get(SAMPLES).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn fifty_at_once_make_one_row_and_fifty_equal_answers() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await.with("idempotency-key", "k");
    let calls = (0..50).map(|_| {
        let engineer = engineer.clone();
        tokio::spawn(async move { engineer.post(SAMPLES, json!({"name": "n"})).await })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap().expect(201));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    assert_eq!(mesh.demo("viewer").await.get(SAMPLES).await.expect(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_kept_refusal_is_replayed_too() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = instrument(&engineer, "tool").await;
    let keyed = engineer.with("idempotency-key", "k");
    let body = json!({"instrument_id": tool, "method": "m"});
    let first = keyed.post("/api/analysis/runs", body.clone()).await.refused(409, "no_calibration");
    let again = keyed.post("/api/analysis/runs", body).await.refused(409, "no_calibration");
    assert_eq!(first["run_id"], again["run_id"]);
    assert_eq!(engineer.get("/api/analysis/runs").await.expect(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refusal_that_left_nothing_may_be_tried_again() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let taken = engineer.post(SAMPLES, json!({"name": "n", "barcode": "B"})).await;
    let path = taken.header("location").to_owned();
    let keyed = engineer.with("idempotency-key", "k");
    keyed.post(SAMPLES, json!({"name": "n", "barcode": "B"})).await.refused(409, "already_exists");
    assert_eq!(engineer.delete(&path).await.status, 204);
    keyed.post(SAMPLES, json!({"name": "n", "barcode": "B"})).await.expect(201);
    engineer.with("idempotency-key", &"x".repeat(256)).post(SAMPLES, json!({"name": "n"})).await.refused(422, "invalid");
}
