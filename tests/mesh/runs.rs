//! Runs and the lock-out, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};
use sqlx::Connection;
use uuid::Uuid;

use crate::calibrations::{certificate, instrument};

mod several;
mod states;

const RUNS: &str = "/api/analysis/runs";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListRuns" => json!({
            "instrumentId": id("instrument"), "recipeId": id("recipe"), "sampleId": id("another sample"), "waferId": id("wafer"),
            "deviceId": id("device"), "calibrationId": id("calibration"),
        }),
        "CreateRun" => json!({"run": {
            "instrumentId": id("instrument"), "method": "iv_sweep", "recipeId": id("recipe"), "sampleId": id("another sample"),
            "waferId": id("wafer"), "deviceId": id("device"), "furtherInstrumentIds": [id("another instrument")],
        }}),
        "WatchRuns" => json!({"instrumentId": id("instrument")}),
        "GetRun" | "StartRun" | "CancelRun" | "UnblockRun" => json!({"id": id("run")}),
        "CompleteRun" | "FailRun" => json!({"id": id("run"), "results": [{"resultType": "fit", "derivedFrom": id("result")}]}),
        _ => return None,
    })
}

pub(crate) async fn ready_tool(engineer: &Caller) -> String {
    let tool = instrument(engineer, &format!("tool {}", spectra_mesh::new_id())).await;
    certificate(engineer, &tool, "C-1", -10, 100).await;
    tool
}

fn path(run: &Value) -> String {
    format!("{RUNS}/{}", run["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_run_pins_the_certificate_that_allowed_it() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = ready_tool(&engineer).await;
    let answer = engineer.post(RUNS, json!({"instrument_id": tool, "method": "iv_sweep", "params": {"vds": 0.1}})).await;
    let location = answer.header("location").to_owned();
    let run = answer.expect(201);
    assert_eq!(location, path(&run));
    assert_eq!((&run["status"], &run["params"], &run["warnings"]), (&json!("queued"), &json!({"vds": 0.1}), &json!([])));
    assert_eq!(run["calibration_hash"].as_str().unwrap().len(), 64);
    let read = engineer.get(&location).await.expect(200);
    assert_eq!(read["calibration"]["certificate_id"], "C-1");
    assert_eq!(read["calibration_id"], run["calibration_id"]);

    let tech = mesh.demo("technician").await;
    let started = tech.act(&format!("{location}/start")).await.expect(200);
    assert_eq!(started["status"], "running");
    assert!(started["started_at"].is_string() && started["operator_id"].is_string());
    tech.act(&format!("{location}/start")).await.refused(409, "run_state");
    tech.act(&format!("{location}/cancel")).await.refused(409, "run_state");
    let done = tech.act(&format!("{location}/complete")).await.expect(200);
    assert_eq!(done["status"], "succeeded");
    assert!(done["finished_at"].is_string());
    tech.post(&format!("{location}/fail"), json!({"error_message": "x"})).await.refused(409, "run_state");
}

#[tokio::test]
async fn an_instrument_out_of_calibration_is_locked_and_the_attempt_is_kept() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    for (name, certificates, code) in [
        ("none", vec![], "no_calibration"),
        ("expired", vec![(-100, -35)], "calibration_expired"),
        ("future", vec![(5, 10)], "calibration_not_yet_valid"),
        ("revoked", vec![(-10, 100)], "calibration_revoked"),
    ] {
        let tool = instrument(&engineer, name).await;
        for (from, to) in certificates {
            let path = certificate(&engineer, &tool, "C-1", from, to).await;
            if name == "revoked" {
                pi.post(&format!("{path}/revoke"), json!({"reason": "r"})).await.expect(200);
            }
        }
        let problem = engineer.post(RUNS, json!({"instrument_id": tool, "method": "m"})).await.refused(409, code);
        assert_eq!(problem["instrument_id"], tool);
        let detail = problem["detail"].as_str().unwrap().to_lowercase();
        assert!(detail.contains("calibration"), "{detail}");
        if code == "calibration_expired" {
            assert!(detail.contains("expired"), "{detail}");
            assert_eq!(problem["certificate_id"], "C-1");
            assert!(problem["expires_at"].is_string());
        }
        let kept = engineer.get(&format!("{RUNS}/{}", problem["run_id"].as_str().unwrap())).await.expect(200);
        assert_eq!((&kept["status"], &kept["blocked_reason"]), (&json!("blocked"), &json!(code)));
    }
    assert_eq!(engineer.get(&format!("{RUNS}?status=blocked")).await.expect(200)["items"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn start_and_complete_check_again() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = instrument(&engineer, "tool").await;
    let first = certificate(&engineer, &tool, "C-1", -10, 100).await;
    let queued = path(&engineer.post(RUNS, json!({"instrument_id": tool, "method": "m"})).await.expect(201));
    let running = path(&engineer.post(RUNS, json!({"instrument_id": tool, "method": "m"})).await.expect(201));
    engineer.act(&format!("{running}/start")).await.expect(200);
    pi.post(&format!("{first}/revoke"), json!({"reason": "r"})).await.expect(200);

    engineer.act(&format!("{queued}/start")).await.refused(409, "calibration_revoked");
    engineer.act(&format!("{running}/complete")).await.refused(409, "calibration_revoked");
    for run in [&queued, &running] {
        assert_eq!(engineer.get(run).await.expect(200)["status"], "blocked");
        pi.act(&format!("{run}/unblock")).await.refused(409, "calibration_revoked");
    }
    let second = certificate(&engineer, &tool, "C-2", -1, 100).await;
    engineer.act(&format!("{running}/unblock")).await.refused(403, "role_required");
    let again = engineer.act(&format!("{queued}/unblock")).await.expect(200);
    assert_eq!((&again["status"], &again["blocked_reason"]), (&json!("queued"), &Value::Null));
    assert_eq!(pi.act(&format!("{running}/unblock")).await.expect(200)["status"], "running");
    let done = engineer.act(&format!("{running}/complete")).await.expect(200);
    let pinned = |run: &Value| run["calibration_id"].as_str().map(|id| format!("/api/analysis/calibrations/{id}"));
    assert_eq!((&done["status"], pinned(&done)), (&json!("succeeded"), Some(first)), "it was measured under the first");
    assert_eq!(pinned(&again), Some(second), "it is still to be measured");
    assert_eq!(engineer.act(&format!("{queued}/cancel")).await.expect(200)["status"], "cancelled");
}

#[tokio::test]
async fn recipes_and_samples_are_checked_with_lims() {
    let mesh = Mesh::start().await;
    let (engineer, pi, tech) = (mesh.demo("engineer").await, mesh.demo("pi").await, mesh.demo("technician").await);
    let tool = ready_tool(&engineer).await;
    let recipe = engineer.post("/api/lims/recipes", json!({"name": "IV", "version": "1.0", "params": {"v": 1}})).await.expect(201);
    let sample = engineer.post("/api/lims/samples", json!({"name": "s"})).await.expect(201);
    let run = json!({"instrument_id": tool, "method": "m", "recipe_id": recipe["id"], "sample_id": sample["id"]});

    engineer.post(RUNS, run.clone()).await.refused(409, "recipe_not_approved");
    tech.post(RUNS, run.clone()).await.refused(409, "recipe_not_approved");
    tech.post(RUNS, json!({"instrument_id": tool, "method": "m"})).await.refused(403, "recipe_required");
    let approve = format!("/api/lims/recipes/{}/approve", recipe["id"].as_str().unwrap());
    pi.act(&approve).await.expect(200);
    let made = tech.post(RUNS, run.clone()).await.expect(201);
    assert_eq!((&made["recipe_version"], &made["recipe_params_hash"]), (&json!("1.0"), &recipe["params_hash"]));

    for (field, value) in
        [("recipe_id", spectra_mesh::new_id()), ("sample_id", spectra_mesh::new_id()), ("instrument_id", spectra_mesh::new_id())]
    {
        let mut unknown = run.clone();
        unknown[field] = json!(value.to_string());
        engineer.post(RUNS, unknown).await.refused(404, "not_found");
    }
    let other = mesh.caller("engineer", TEST).await;
    let theirs = ready_tool(&other).await;
    let mut foreign = run.clone();
    foreign["instrument_id"] = json!(theirs);
    engineer.post(RUNS, foreign).await.refused(404, "not_found");
    assert_eq!(other.get(RUNS).await.expect(200)["items"], json!([]));
    assert_eq!(engineer.delete(&format!("/api/lims/samples/{}", sample["id"].as_str().unwrap())).await.status, 204);
    engineer.post(RUNS, run).await.refused(404, "not_found");
    assert_eq!(engineer.get(RUNS).await.expect(200)["items"].as_array().unwrap().len(), 1, "what was refused for a reference left nothing");
}

#[tokio::test]
async fn an_instrument_in_maintenance_does_not_start() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = ready_tool(&engineer).await;
    engineer.patch(&format!("/api/analysis/instruments/{tool}"), json!({"status": "maintenance"})).await.expect(200);
    let run = engineer.post(RUNS, json!({"instrument_id": tool, "method": "m"})).await.expect(201);
    assert_eq!(run["warnings"][0]["code"], "instrument_not_ready");
    let problem = engineer.act(&format!("{}/start", path(&run))).await.refused(409, "instrument_not_ready");
    assert_eq!(problem["instrument_status"], "maintenance");
    assert_eq!(engineer.get(&path(&run)).await.expect(200)["status"], "queued");
}

#[tokio::test]
async fn a_run_that_waits_for_a_revocation_is_refused_by_it() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = instrument(&engineer, "tool").await;
    certificate(&engineer, &tool, "C-1", -10, 100).await;

    // A revocation in the middle of its transaction, with the instrument's lock.
    let mut revocation = mesh.sql().await;
    let mut revocation = revocation.begin().await.unwrap();
    let lock = Uuid::parse_str(&tool).unwrap().as_u64_pair().1.cast_signed();
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(lock).execute(&mut *revocation).await.unwrap();
    sqlx::query("UPDATE analysis.calibrations SET revoked_at = clock_timestamp(), revoked_reason = 'r'")
        .execute(&mut *revocation)
        .await
        .unwrap();

    let body = json!({"instrument_id": tool, "method": "m"});
    let run = tokio::spawn(async move { engineer.post(RUNS, body).await });
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let mut watcher = mesh.sql().await;
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut watcher).await.unwrap() == 0 {
        assert!(!run.is_finished(), "the run did not wait");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    revocation.commit().await.unwrap();
    run.await.unwrap().refused(409, "calibration_revoked");
}

#[tokio::test]
async fn no_run_slips_past_a_revocation() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = instrument(&engineer, "tool").await;
    let only = certificate(&engineer, &tool, "C-1", -10, 100).await;
    let creates = (0..50).map(|_| {
        let (engineer, body) = (engineer.clone(), json!({"instrument_id": tool, "method": "m"}));
        tokio::spawn(async move { engineer.post(RUNS, body).await.status.as_u16() })
    });
    let creates: Vec<_> = creates.collect();
    // Once the first runs are there, so that some come before it.
    let queued = "SELECT count(*) FROM analysis.runs WHERE status = 'queued'";
    let mut watcher = mesh.sql().await;
    while sqlx::query_scalar::<_, i64>(queued).fetch_one(&mut watcher).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    pi.post(&format!("{only}/revoke"), json!({"reason": "r"})).await.expect(200);
    engineer.post(RUNS, json!({"instrument_id": tool, "method": "m"})).await.refused(409, "calibration_revoked");
    let mut made = 0;
    for create in creates {
        match create.await.unwrap() {
            201 => made += 1,
            status => assert_eq!(status, 409),
        }
    }
    // The trail's numbers are given under the lock: none that was let through comes after the revocation.
    let slipped: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM analysis.audit_events run JOIN analysis.audit_events revocation ON revocation.kind = 'calibrations' AND revocation.action = 'update'
          WHERE run.kind = 'runs' AND run.after ->> 'status' = 'queued' AND run.seq > revocation.seq",
    )
    .fetch_one(&mut mesh.sql().await)
    .await
    .unwrap();
    println!("{made} of 50 came before the revocation");
    assert_ne!(made, 0);
    assert_eq!(slipped, 0);
}

#[tokio::test]
async fn lists_are_filtered() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (one, other) = (ready_tool(&engineer).await, ready_tool(&engineer).await);
    for tool in [&one, &one, &other] {
        engineer.post(RUNS, json!({"instrument_id": tool, "method": "m"})).await.expect(201);
    }
    let by = async |query: &str| engineer.get(&format!("{RUNS}?{query}")).await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!(
        (by("").await, by(&format!("instrument_id={one}")).await, by("status=queued").await, by("status=failed").await),
        (3, 2, 3, 0)
    );
    assert_eq!((by("from=2020-01-01T00:00:00Z").await, by("to=2020-01-01T00:00:00Z").await), (3, 0));

    let all = engineer.get(RUNS).await.expect(200);
    let at = |nth: usize| all["items"][nth]["created_at"].as_str().unwrap();
    assert_eq!((by(&format!("from={}", at(1))).await, by(&format!("to={}", at(1))).await), (2, 1), "from a moment on, and before it");
    assert_eq!(by(&format!("from={}&to={}", at(2), at(0))).await, 2);
    assert_eq!(by(&format!("from={}&to={}", at(0), at(2))).await, 0);
}

#[tokio::test]
async fn runs_are_listed_by_recipe_and_sample() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = ready_tool(&engineer).await;
    let (mut made, mut recipes, mut samples) = (Vec::new(), Vec::new(), Vec::new());
    for name in ["one", "two"] {
        let recipe = engineer.post("/api/lims/recipes", json!({"name": name, "version": "1"})).await.expect(201)["id"].clone();
        pi.act(&format!("/api/lims/recipes/{}/approve", recipe.as_str().unwrap())).await.expect(200);
        recipes.push(recipe);
        samples.push(engineer.post("/api/lims/samples", json!({"name": name})).await.expect(201)["id"].clone());
    }
    for (recipe, sample) in [(0, 0), (0, 1), (1, 1)] {
        let run = json!({"instrument_id": tool, "method": "m", "recipe_id": recipes[recipe], "sample_id": samples[sample]});
        made.push(engineer.post(RUNS, run).await.expect(201)["id"].clone());
    }
    engineer.post(RUNS, json!({"instrument_id": tool, "method": "m"})).await.expect(201);
    let by = async |name: &str, id: &Value| {
        let listed = engineer.get(&format!("{RUNS}?{name}={}", id.as_str().unwrap())).await.expect(200);
        listed["items"].as_array().unwrap().iter().map(|run| run["id"].clone()).collect::<Vec<_>>()
    };
    let runs = |nths: &[usize]| nths.iter().map(|nth| made[*nth].clone()).collect::<Vec<_>>();
    assert_eq!((by("recipe_id", &recipes[0]).await, by("recipe_id", &recipes[1]).await), (runs(&[1, 0]), runs(&[2])));
    assert_eq!((by("sample_id", &samples[0]).await, by("sample_id", &samples[1]).await), (runs(&[0]), runs(&[2, 1])));
}

#[tokio::test]
async fn a_run_fails_with_its_reason() {
    let mesh = Mesh::start().await;
    let (engineer, tech) = (mesh.demo("engineer").await, mesh.demo("technician").await);
    let run = path(&engineer.post(RUNS, json!({"instrument_id": ready_tool(&engineer).await, "method": "m"})).await.expect(201));
    tech.post(&format!("{run}/fail"), json!({"error_message": "early"})).await.refused(409, "run_state");
    tech.act(&format!("{run}/start")).await.expect(200);
    let failed = tech.post(&format!("{run}/fail"), json!({"error_message": "the probe broke"})).await.expect(200);
    assert_eq!((&failed["status"], &failed["error_message"]), (&json!("failed"), &json!("the probe broke")));
    assert!(failed["finished_at"].is_string());
    assert_eq!(engineer.get(&run).await.expect(200), failed);
    assert_eq!(engineer.get(&format!("{RUNS}?status=failed")).await.expect(200)["items"].as_array().unwrap().len(), 1);
    tech.act(&format!("{run}/complete")).await.refused(409, "run_state");
}
