//! Points of runs: fed by results once each, and in question with their run.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh};
use sqlx::Connection;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    calibrations::{certificate, instrument},
    results::running,
    runs::ready_tool,
    spc_series::series,
};

/// The values of the points of a series, the newest first, and whether they are in question.
async fn marks(caller: &Caller, series: &str) -> Vec<(Value, bool)> {
    let listed = caller.get(&format!("{series}/points")).await.expect(200);
    let told = |point: &Value| (point["value"].clone(), point["calibration_suspect"].as_bool().unwrap());
    listed["items"].as_array().unwrap().iter().map(told).collect()
}

/// A point stands by the certificate of its run: when that is revoked, the point says so, and the next ones of the run do too.
#[tokio::test]
async fn a_revoked_certificate_marks_points() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = instrument(&engineer, "tool").await;
    let paper = certificate(&engineer, &tool, "C-1", -10, 100).await;
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3})).await;
    let run = engineer.post("/api/analysis/runs", json!({"instrument_id": tool, "method": "m"})).await.expect(201)["id"].clone();
    let run = run.as_str().unwrap();
    engineer.act(&format!("/api/analysis/runs/{run}/start")).await.expect(200);
    let send = async |value: f64| {
        let body = json!({"points": [{"value": value, "run_id": run}, {"value": 0.0}]});
        engineer.post(&format!("{path}/points"), body).await.expect(201)["points"].clone()
    };
    let told = |points: &Value| json!([points[0]["calibration_suspect"], points[1]["calibration_suspect"]]);
    assert_eq!(told(&send(0.1).await), json!([false, false]));
    pi.post(&format!("{paper}/revoke"), json!({"reason": "the standard was off"})).await.expect(200);
    assert_eq!(told(&send(0.2).await), json!([true, false]));
    let chart = engineer.get(&format!("{path}/chart")).await.expect(200);
    let suspects: Vec<_> = chart["suspects"].as_array().unwrap().iter().map(|point| point["value"].clone()).collect();
    assert_eq!(suspects, [json!(0.1), json!(0.2)]);
}

/// What is stored while a revocation is under way waits for it, and says what it found.
#[tokio::test]
async fn no_point_slips_past_a_revocation() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = instrument(&engineer, "tool").await;
    let paper = certificate(&engineer, &tool, "C-1", -10, 100).await;
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3})).await;
    let (run, ending) = (running(&engineer, &tool).await, running(&engineer, &tool).await);

    // Whoever asks for the instrument's lock queues behind this.
    let mut first = mesh.sql().await;
    let mut first = first.begin().await.unwrap();
    let lock = Uuid::parse_str(&tool).unwrap().as_u64_pair().1.cast_signed();
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(lock).execute(&mut *first).await.unwrap();
    let mut watcher = mesh.sql().await;
    let mut waiting = async |expected: i64| {
        let count = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let began = std::time::Instant::now();
        while sqlx::query_scalar::<_, i64>(count).fetch_one(&mut watcher).await.unwrap() < expected {
            assert!(began.elapsed().as_secs() < 20, "not all of {expected} calls wait for the instrument");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let revocation = tokio::spawn(async move { pi.post(&format!("{paper}/revoke"), json!({"reason": "r"})).await.expect(200) });
    waiting(1).await;
    let run_id = run.rsplit('/').next().unwrap();
    let mut late = JoinSet::new();
    for (path, body) in [
        (format!("{path}/points"), json!({"points": [{"value": 0.1, "run_id": run_id}]})),
        (format!("{run}/results"), json!({"result_type": "t", "metrics": {"vth": 0.2}})),
        (format!("{ending}/fail"), json!({"results": [{"result_type": "t", "metrics": {"vth": 0.3}}]})),
    ] {
        let engineer = engineer.clone();
        late.spawn(async move { engineer.post(&path, body).await.status.as_u16() });
    }
    waiting(4).await;
    first.commit().await.unwrap();
    revocation.await.unwrap();
    let statuses = late.join_all().await;
    assert!(statuses.iter().all(|status| [200, 201].contains(status)), "{statuses:?}");
    let marks = marks(&engineer, &path).await;
    assert_eq!(marks.len(), 3);
    assert!(marks.iter().all(|(_, suspect)| *suspect), "{marks:?}");
}

/// A run whose certificate has run out meanwhile takes with it what was plotted of it and learnt from it.
#[tokio::test]
async fn a_lapse_marks_points_and_models() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = instrument(&engineer, "tool").await;
    certificate(&engineer, &tool, "C-1", -10, 100).await;
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3})).await;
    let (run, other) = (running(&engineer, &tool).await, running(&engineer, &tool).await);
    let said = |vth: f64| json!({"result_type": "t", "metrics": {"vth": vth}});
    engineer.post(&format!("{run}/results"), said(0.1)).await.expect(201);
    engineer.post(&format!("{other}/results"), said(0.2)).await.expect(201);
    let run_id = run.rsplit('/').next().unwrap();
    let model = json!({"name": "m", "version": "1", "framework": "sklearn", "uri": "s3://m/1", "run_ids": [run_id]});
    let model = engineer.post("/api/analysis/models", model).await.expect(201);
    assert_eq!(model["calibration_suspect"], false);

    // As only time can.
    let expiry = "ALTER TABLE analysis.calibrations DISABLE TRIGGER USER;
                  UPDATE analysis.calibrations SET expires_at = now() - interval '1 minute';
                  ALTER TABLE analysis.calibrations ENABLE TRIGGER USER";
    sqlx::raw_sql(expiry).execute(&mut mesh.sql().await).await.unwrap();
    let last = json!({"results": [said(0.3)]});
    engineer.post(&format!("{run}/complete"), last).await.refused(409, "calibration_expired");
    assert_eq!(marks(&engineer, &path).await, [(json!(0.3), true), (json!(0.2), false), (json!(0.1), true)]);
    let model = format!("/api/analysis/models/{}", model["id"].as_str().unwrap());
    assert_eq!(engineer.get(&model).await.expect(200)["calibration_suspect"], true);
}

/// Whatever the order of the results in a call, series are held in one: no two calls wait for each other.
#[tokio::test]
async fn runs_end_at_once_with_several_results() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = ready_tool(&engineer).await;
    let limits = |name: &str, metric: &str| json!({"name": name, "path": format!("mosfet/iv/{metric}"), "metric": metric, "ctrl_lcl": -3, "ctrl_ucl": 3});
    let (vth, gm) = (series(&engineer, limits("one", "vth")).await, series(&engineer, limits("other", "gm")).await);
    let mut runs = Vec::new();
    for _ in 0..12 {
        runs.push(running(&engineer, &tool).await);
    }
    let mut ends = JoinSet::new();
    for (nth, run) in runs.into_iter().enumerate() {
        let mut results = [json!({"result_type": "t", "metrics": {"vth": 0.1}}), json!({"result_type": "t", "metrics": {"gm": 0.1}})];
        if nth % 2 == 0 {
            results.reverse();
        }
        let engineer = engineer.clone();
        ends.spawn(async move { engineer.post(&format!("{run}/complete"), json!({"results": results})).await.status.as_u16() });
    }
    assert_eq!(ends.join_all().await, [200; 12]);
    assert_eq!((marks(&engineer, &vth).await.len(), marks(&engineer, &gm).await.len()), (12, 12));
}

/// What is computed of a result is charted, unless that, or what it was computed of itself, was measured and charted already.
#[tokio::test]
async fn what_is_derived_is_not_plotted_again() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3})).await;
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let results = format!("{run}/results");
    let record = async |metrics: Value, from: &Value| {
        let said = json!({"result_type": "t", "metrics": metrics, "derived_from": from});
        engineer.post(&results, said).await.expect(201)["id"].clone()
    };
    let measured = record(json!({"vth": 0.1, "gm": null}), &Value::Null).await;
    let derived = record(json!({"vth": 0.2}), &measured).await;
    let again = record(json!({"ss": 0.07}), &derived).await;
    let last = json!({"result_type": "t", "metrics": {"vth": 0.3}, "derived_from": again});
    engineer.post(&results, last.clone()).await.expect(201);
    engineer.post(&format!("{run}/complete"), json!({"results": [last]})).await.expect(200);
    assert_eq!(marks(&engineer, &path).await, [(json!(0.1), false)]);

    // What was missing, or is found first now, was never charted.
    let (gm, bare) = (series(&engineer, json!({"metric": "gm"})).await, record(json!({"vth": null}), &Value::Null).await);
    record(json!({"gm": 0.5}), &derived).await;
    record(json!({"vth": 0.6}), &bare).await;
    assert_eq!(marks(&engineer, &gm).await, [(json!(0.5), false)]);
    assert_eq!(marks(&engineer, &path).await, [(json!(0.6), false), (json!(0.1), false)]);
}

/// The way of most labs: a sweep comes up as a file, its analysis finds the threshold, and a chart watches that.
#[tokio::test]
async fn what_an_analysis_finds_is_charted() {
    let mesh = Mesh::start().await;
    let (engineer, technician) = (mesh.demo("engineer").await, mesh.demo("technician").await);
    let path = series(&engineer, json!({"ctrl_lcl": 0.6, "ctrl_ucl": 0.8})).await;
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let drain = |vgs: f64| 2e-4 * (vgs - 0.725_f64).max(0.0) * 0.05 + 1e-12;
    let rows = (0..61).map(|nth| 0.05 * f64::from(nth)).map(|vgs| format!("{vgs},{:e}\n", drain(vgs)));
    let sweep = format!("vgs,id\n{}", rows.collect::<String>());
    let upload = format!("{run}/results/upload?result_type=iv_sweep");
    let sweep = technician.with("content-type", "text/csv").post_raw(&upload, sweep).await.expect(201);
    assert_eq!(sweep["warnings"], json!([]));
    engineer.post(&format!("{run}/complete"), json!({})).await.expect(200);
    let asked = json!({"result_id": sweep["id"], "inputs": {"vds": 0.05}});
    let keyed = technician.with("idempotency-key", "once");
    let found = keyed.post("/api/analysis/analyses/mosfet_transfer", asked.clone()).await.expect(200);
    keyed.post("/api/analysis/analyses/mosfet_transfer", asked).await.expect(200);
    assert_eq!(found["warnings"], json!([]));
    assert_eq!(marks(&engineer, &path).await, [(found["outputs"]["vth"].clone(), false)]);
    let point = engineer.get(&format!("{path}/points")).await.expect(200)["items"][0].clone();
    let ended = engineer.get(&run).await.expect(200);
    assert_eq!((&point["run_id"], &point["ts"]), (&ended["id"], &ended["finished_at"]), "it was measured when the run measured");
}
