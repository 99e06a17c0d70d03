//! Runs with several instruments, on wafers and devices.

use serde_json::{Value, json};
use spectra_tests::Mesh;

use super::{RUNS, path, ready_tool};
use crate::calibrations::{certificate, instrument};

#[tokio::test]
async fn every_instrument_is_calibrated_and_pinned() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let (first, second) = (ready_tool(&engineer).await, instrument(&engineer, "second").await);
    let body = json!({"instrument_id": first, "method": "m", "further_instrument_ids": [second]});
    let refused = engineer.post(RUNS, body.clone()).await.refused(409, "no_calibration");
    assert_eq!(refused["instrument_id"], json!(second));
    let attempt = format!("{RUNS}/{}", refused["run_id"].as_str().unwrap());
    let kept = engineer.get(&attempt).await.expect(200);
    assert_eq!((&kept["status"], &kept["further_instrument_ids"]), (&json!("blocked"), &json!([second])));
    assert_eq!(kept["further_instruments"][0]["calibration_id"], Value::Null);

    certificate(&engineer, &second, "S-1", -20, 100).await;
    let freed = engineer.act(&format!("{attempt}/unblock")).await.expect(200);
    assert_eq!(freed["further_instruments"][0]["certificate_id"], "S-1");
    let run = engineer.post(RUNS, body.clone()).await.expect(201);
    assert_eq!(run["further_instruments"][0]["calibration_hash"].as_str().unwrap().len(), 64);
    certificate(&engineer, &second, "S-2", -10, 100).await;
    let started = engineer.act(&format!("{}/start", path(&run))).await.expect(200);
    assert_eq!(started["further_instruments"][0]["certificate_id"], "S-2", "the start pins anew");
    engineer.patch(&format!("/api/analysis/instruments/{second}"), json!({"status": "offline"})).await.expect(200);
    let refused = engineer.act(&format!("{attempt}/start")).await.refused(409, "instrument_not_ready");
    assert_eq!(refused["instrument_id"], json!(second));
    engineer.act(&format!("{}/complete", path(&run))).await.expect(200);

    for (further, status, code) in [
        (json!([first]), 422, "invalid"),
        (json!([second, second]), 422, "invalid"),
        (json!([second, second.to_uppercase()]), 422, "invalid"),
        (json!([first.to_uppercase()]), 422, "invalid"),
        (json!(["x"]), 422, "invalid"),
        (json!([spectra_mesh::new_id().to_string()]), 404, "not_found"),
        (json!(vec![spectra_mesh::new_id().to_string(); 17]), 422, "invalid"),
    ] {
        let mut body = body.clone();
        body["further_instrument_ids"] = further;
        engineer.post(RUNS, body).await.refused(status, code);
    }
    pi.get(&format!("{RUNS}?instrument_id={second}")).await.expect(200);
}

/// Creates that take two instruments in either order, against a revocation of each: none slips through, and none waits for ever.
#[tokio::test]
async fn no_run_on_several_instruments_slips_past_a_revocation() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tools = [instrument(&engineer, "one").await, instrument(&engineer, "other").await];
    let mut papers = Vec::new();
    for tool in &tools {
        papers.push(certificate(&engineer, tool, "C-1", -10, 100).await);
    }
    let creates = (0..50).map(|nth| {
        let (first, further) = (tools[nth % 2].clone(), tools[1 - nth % 2].clone());
        let (engineer, body) = (engineer.clone(), json!({"instrument_id": first, "method": "m", "further_instrument_ids": [further]}));
        tokio::spawn(async move { engineer.post(RUNS, body).await.status.as_u16() })
    });
    let creates: Vec<_> = creates.collect();
    for paper in &papers {
        pi.post(&format!("{paper}/revoke"), json!({"reason": "r"})).await.expect(200);
    }
    let mut made = 0;
    for create in creates {
        match create.await.unwrap() {
            201 => made += 1,
            status => assert_eq!(status, 409),
        }
    }
    let slipped: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM analysis.audit_events run
          WHERE run.kind = 'runs' AND run.after ->> 'status' = 'queued' AND run.seq > (
                SELECT min(seq) FROM analysis.audit_events WHERE kind = 'calibrations' AND action = 'update')",
    )
    .fetch_one(&mut mesh.sql().await)
    .await
    .unwrap();
    println!("{made} of 50 came before the first revocation");
    assert_eq!(slipped, 0);
}

#[tokio::test]
async fn a_device_is_on_its_wafer_and_a_wafer_of_its_sample() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = ready_tool(&engineer).await;
    let (mut samples, mut wafers, mut devices) = (Vec::new(), Vec::new(), Vec::new());
    for name in ["one", "other"] {
        let sample = engineer.post("/api/lims/samples", json!({"name": name})).await.expect(201)["id"].clone();
        let wafer = crate::wafers::wafer(&engineer, sample.as_str().unwrap(), "W1").await;
        let device = engineer.post("/api/lims/devices", json!({"wafer_id": wafer, "device_label": "D1"})).await.expect(201)["id"].clone();
        samples.push(sample);
        wafers.push(json!(wafer));
        devices.push(device);
    }
    let run = |more: Value| {
        let mut body = json!({"instrument_id": tool, "method": "m"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let made = engineer.post(RUNS, run(json!({"device_id": devices[0]}))).await.expect(201);
    assert_eq!(json!([made["sample_id"], made["wafer_id"], made["device_id"]]), json!([samples[0], wafers[0], devices[0]]));
    let made = engineer.post(RUNS, run(json!({"wafer_id": wafers[1]}))).await.expect(201);
    assert_eq!(json!([made["sample_id"], made["wafer_id"], made["device_id"]]), json!([samples[1], wafers[1], null]));
    for (more, field) in [
        (json!({"device_id": devices[0], "wafer_id": wafers[1]}), "device_id"),
        (json!({"wafer_id": wafers[0], "sample_id": samples[1]}), "wafer_id"),
    ] {
        let problem = engineer.post(RUNS, run(more)).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    for field in ["device_id", "wafer_id"] {
        engineer.post(RUNS, run(json!({field: spectra_mesh::new_id().to_string()}))).await.refused(404, "not_found");
    }
    let by = async |name: &str, id: &Value| {
        engineer.get(&format!("{RUNS}?{name}={}", id.as_str().unwrap())).await.expect(200)["items"].as_array().unwrap().len()
    };
    assert_eq!((by("wafer_id", &wafers[0]).await, by("device_id", &devices[0]).await, by("device_id", &devices[1]).await), (1, 1, 0));
    assert_eq!(engineer.get(RUNS).await.expect(200)["items"].as_array().unwrap().len(), 2, "what was refused left nothing");
}
