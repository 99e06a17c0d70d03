//! What a certificate that is found bad calls into question, through the gateway.

use std::time::Instant;

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};

use crate::{
    calibrations::{certificate, day, instrument},
    results::running,
    spc_series::series,
};

const RUNS: &str = "/api/analysis/runs";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    (method == "GetImpact").then(|| json!({"id": id("calibration")}))
}

async fn impact(caller: &Caller, certificate: &str) -> Value {
    caller.get(&format!("{certificate}/impact")).await.expect(200)
}

/// Moves the start of a run to another day, as only time can.
async fn measured_on(mesh: &Mesh, run: &str, day: i64) {
    let (id, at) = (run.rsplit('/').next().unwrap(), self::day(day));
    let statement = "UPDATE analysis.runs SET started_at = $2::text::timestamptz WHERE id = $1::text::uuid";
    let mut conn = mesh.sql().await;
    for triggers in ["DISABLE", "ENABLE"] {
        if triggers == "ENABLE" {
            sqlx::query(statement).bind(id).bind(&at).execute(&mut conn).await.unwrap();
        }
        let switch = format!("ALTER TABLE analysis.runs {triggers} TRIGGER moved");
        sqlx::raw_sql(sqlx::AssertSqlSafe(switch)).execute(&mut conn).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_measured_since_the_last_good_certificate_is_listed() {
    let mesh = Mesh::start().await;
    let (engineer, viewer, pi) = (mesh.demo("engineer").await, mesh.demo("viewer").await, mesh.demo("pi").await);
    let tool = instrument(&engineer, "tool").await;
    let mut runs = Vec::new();
    for (name, from) in [("C-1", -90), ("C-2", -60), ("C-3", -30)] {
        certificate(&engineer, &tool, name, from, 100).await;
        runs.push(running(&engineer, &tool).await);
    }
    // As if each had been measured ten days after the certificate that it has pinned.
    for (run, at) in runs.iter().zip([-80, -50, -20]) {
        let said = json!({"result_type": "t", "metrics": {"v": 1}, "report_uri": format!("s3://reports/{at}")});
        engineer.post(&format!("{run}/results"), said).await.expect(201);
        measured_on(&mesh, run, at).await;
    }
    let ids: Vec<_> = runs.iter().map(|run| json!(run.rsplit('/').next().unwrap())).collect();
    let listed = viewer.get(&format!("/api/analysis/calibrations?instrument_id={tool}")).await.expect(200);
    let second = format!("/api/analysis/calibrations/{}", listed["items"][1]["id"].as_str().unwrap());

    let told = |impact: &Value| {
        let runs = impact["runs"].as_array().unwrap().iter();
        runs.map(|run| (run["id"].clone(), run["relying"].as_bool().unwrap(), run["calibration_suspect"].as_bool().unwrap()))
            .collect::<Vec<_>>()
    };
    let before = impact(&viewer, &second).await;
    assert_eq!((&before["calibration"]["certificate_id"], &before["last_good"]["certificate_id"]), (&json!("C-2"), &json!("C-1")));
    assert_eq!((&before["status"], &before["until"]), (&json!("valid"), &json!(day(-30))));
    assert_eq!(told(&before), [(ids[1].clone(), true, false), (ids[0].clone(), false, false)]);
    assert_eq!(json!([before["run_count"], before["relying_run_count"], before["result_count"]]), json!([2, 1, 1]));
    assert_eq!(before["results"][0]["report_uri"], "s3://reports/-50");

    // A point of each run, and a model that learnt from each.
    let chart = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3})).await;
    let mut models = Vec::new();
    for (version, run) in ids.iter().enumerate() {
        let points = json!({"points": [{"value": 0.1, "run_id": run}]});
        engineer.post(&format!("{chart}/points"), points).await.expect(201);
        let model = json!({"name": "m", "version": version.to_string(), "framework": "sklearn", "uri": "s3://m", "run_ids": [run]});
        models.push(engineer.post("/api/analysis/models", model).await.expect(201)["id"].as_str().unwrap().to_owned());
    }

    pi.post(&format!("{second}/revoke"), json!({"reason": "wrong standard"})).await.expect(200);
    let points = viewer.get(&format!("{chart}/points")).await.expect(200);
    for (nth, suspect) in [false, true, false].into_iter().enumerate() {
        let of_run = points["items"].as_array().unwrap().iter().find(|point| point["run_id"] == ids[nth]).unwrap();
        assert_eq!(of_run["calibration_suspect"], suspect, "{of_run}");
        assert_eq!(viewer.get(&format!("/api/analysis/models/{}", models[nth])).await.expect(200)["calibration_suspect"], suspect);
    }
    let after = impact(&viewer, &second).await;
    assert_eq!(after["status"], "revoked");
    assert_eq!(told(&after), [(ids[1].clone(), true, true), (ids[0].clone(), false, false)]);
    for (run, suspect) in runs.iter().zip([false, true, false]) {
        let read = viewer.get(run).await.expect(200);
        assert_eq!((&read["calibration_suspect"], &read["results"][0]["calibration_suspect"]), (&json!(suspect), &json!(suspect)));
    }
    let by = async |path: &str| viewer.get(path).await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!((by(&format!("{RUNS}?calibration_suspect=true")).await, by(&format!("{RUNS}?calibration_suspect=false")).await), (1, 2));
    let of_second = second.rsplit('/').next().unwrap();
    assert_eq!(by(&format!("{RUNS}?calibration_id={of_second}")).await, 1);

    // The last one found bad too: nothing good lies between it and the first.
    let third = format!("/api/analysis/calibrations/{}", listed["items"][0]["id"].as_str().unwrap());
    let all = impact(&viewer, &third).await;
    assert_eq!(all["last_good"]["certificate_id"], "C-1");
    assert_eq!(told(&all).into_iter().map(|run| run.1).collect::<Vec<_>>(), [true, false, false]);
    mesh.caller("viewer", TEST).await.get(&format!("{third}/impact")).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_run_relies_on_each_of_its_instruments() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let (first, second) = (instrument(&engineer, "first").await, instrument(&engineer, "second").await);
    certificate(&engineer, &first, "C-1", -10, 100).await;
    let bad = certificate(&engineer, &second, "C-2", -10, 100).await;
    let run = engineer.post(RUNS, json!({"instrument_id": first, "method": "m", "further_instrument_ids": [second]})).await.expect(201);
    let path = format!("{RUNS}/{}", run["id"].as_str().unwrap());
    engineer.act(&format!("{path}/start")).await.expect(200);
    let alone = running(&engineer, &first).await;
    pi.post(&format!("{bad}/revoke"), json!({"reason": "r"})).await.expect(200);
    assert_eq!(impact(&engineer, &bad).await["relying_run_count"], 1);
    assert_eq!(engineer.get(&path).await.expect(200)["calibration_suspect"], true);
    assert_eq!(engineer.get(&alone).await.expect(200)["calibration_suspect"], false);
    let refused = engineer.act(&format!("{path}/complete")).await.refused(409, "calibration_revoked");
    assert_eq!(refused["instrument_id"], json!(second), "the refusal names the instrument at fault");
}

/// A revocation is one audited fact, and done in a moment, however much was measured.
#[tokio::test]
async fn a_hundred_thousand_results_are_recalled_in_a_moment() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = instrument(&engineer, "tool").await;
    let only = certificate(&engineer, &tool, "C-1", -10, 100).await;
    let run = running(&engineer, &tool).await;
    let id = run.rsplit('/').next().unwrap();
    let mut conn = mesh.sql().await;
    // Beside the service, and without the trail: only how many there are matters here.
    for statement in [
        "ALTER TABLE analysis.runs DISABLE TRIGGER USER; ALTER TABLE analysis.results DISABLE TRIGGER USER".to_owned(),
        format!(
            "INSERT INTO analysis.runs (organization_id, id, instrument_id, method, status, created_by, calibration_id, calibration_hash, started_at)
             SELECT organization_id, gen_random_uuid(), instrument_id, method, status, created_by, calibration_id, calibration_hash, started_at
               FROM analysis.runs, generate_series(1, 9999) WHERE id = '{id}'"
        ),
        "INSERT INTO analysis.results (organization_id, id, run_id, result_type, created_by)
         SELECT organization_id, gen_random_uuid(), id, 't', created_by FROM analysis.runs, generate_series(1, 10)"
            .to_owned(),
        "ALTER TABLE analysis.runs ENABLE TRIGGER USER; ALTER TABLE analysis.results ENABLE TRIGGER USER; ANALYZE analysis.runs, analysis.results".to_owned(),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await.unwrap();
    }
    let began = Instant::now();
    pi.post(&format!("{only}/revoke"), json!({"reason": "r"})).await.expect(200);
    println!("10,000 runs with 100,000 results: revoked in {:?}", began.elapsed());
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    let facts: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT kind, (after ->> 'runs')::bigint, (after ->> 'results')::bigint FROM analysis.audit_events WHERE kind = 'recalls'",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert_eq!(facts, [("recalls".to_owned(), 10_000, 100_000)]);
    let told = impact(&pi, &only).await;
    assert_eq!(json!([told["run_count"], told["result_count"]]), json!([10_000, 100_000]));
    assert_eq!(told["runs"].as_array().unwrap().len(), 1000);
    assert!(told["runs"].as_array().unwrap().iter().all(|run| run["calibration_suspect"] == true));
}

/// A run that is in question looks otherwise, although nothing was written in it: who has it asks in vain whether it is the same, and who
/// watches is told.
#[tokio::test]
async fn who_has_a_run_learns_that_it_is_in_question() {
    let mesh = Mesh::start().await;
    let (engineer, viewer, pi) = (mesh.demo("engineer").await, mesh.demo("viewer").await, mesh.demo("pi").await);
    let tool = instrument(&engineer, "tool").await;
    certificate(&engineer, &tool, "C-1", -10, 100).await;
    let run = running(&engineer, &tool).await;
    engineer.post(&format!("{run}/results"), json!({"result_type": "t", "metrics": {"v": 1}})).await.expect(201);
    let read = viewer.get(&run).await;
    let tag = read.header("etag").to_owned();
    let certificate = read.expect(200)["calibration_id"].as_str().unwrap().to_owned();
    assert_eq!(viewer.with("if-none-match", &tag).get(&run).await.status, 304);
    let mut watch = viewer.watch("/api/analysis/runs/watch").await.unwrap();
    watch.event().await.unwrap();

    pi.post(&format!("/api/analysis/calibrations/{certificate}/revoke"), json!({"reason": "r"})).await.expect(200);
    let told = watch.event().await.unwrap().data["run"].clone();
    assert_eq!((&told["id"], &told["calibration_suspect"]), (&json!(run.rsplit('/').next().unwrap()), &json!(true)));
    let again = viewer.with("if-none-match", &tag).get(&run).await;
    assert_eq!(again.expect(200)["calibration_suspect"], true);
}
