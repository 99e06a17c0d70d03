//! Alerts of series and what they hold, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};
use tokio::task::JoinSet;

use crate::{
    runs::ready_tool,
    spc_points::{day, points},
    spc_series::series,
};

pub(crate) const ALERTS: &str = "/api/analysis/spc/alerts";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListSpcAlerts" => json!({"seriesId": id("spc series")}),
        "GetSpcAlert" | "AcknowledgeSpcAlert" => json!({"id": id("spc alert")}),
        "ResolveSpcAlert" => json!({"id": id("spc alert"), "comment": "a new probe card"}),
        _ => return None,
    })
}

/// The alerts of a series, the first one first.
pub(crate) async fn alerts(caller: &Caller, series: &str) -> Vec<Value> {
    let id = series.rsplit('/').next().unwrap();
    let mut alerts = caller.get(&format!("{ALERTS}?series_id={id}&limit=1000")).await.expect(200)["items"].as_array().unwrap().clone();
    alerts.sort_by_key(|alert| (alert["window_to"].as_str().unwrap().to_owned(), alert["rule"].as_str().unwrap().to_owned()));
    alerts
}

#[tokio::test]
async fn an_alert_is_of_one_rule_and_episode() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3})).await;
    let values = [Some(0.5), Some(4.0), Some(5.0), None, Some(6.0), Some(0.0), Some(-4.0), Some(f64::MAX)];
    let days: Vec<_> = (1..=values.len()).map(day).collect();
    let sent: Vec<_> = days.iter().map(String::as_str).zip(values).collect();
    for batch in sent.chunks(3) {
        points(&engineer, &path, batch).await;
    }
    let told: Vec<_> = alerts(&engineer, &path).await;
    let of = |rule: &str| told.iter().filter(|alert| alert["rule"] == rule).map(|alert| alert["window_to"].clone()).collect::<Vec<_>>();
    assert_eq!(of("we1"), [json!(days[1]), json!(days[6])], "a missing point ends no episode, one that does not signal does");
    assert_eq!(of("we2"), [json!(days[2])], "2 of 3 beyond 2 sigma");
    let first = told.iter().find(|alert| alert["rule"] == "we1").unwrap();
    assert_eq!((&first["severity"], &first["window_from"], &first["closed_at"]), (&json!("critical"), &json!(days[1]), &Value::Null));
    assert_eq!((&first["details"]["ucl"], &first["details"]["stage"]), (&json!(3), &json!(1)), "{first}");
    let second = told.iter().find(|alert| alert["rule"] == "we2").unwrap();
    assert_eq!((&second["severity"], &second["window_from"]), (&json!("warning"), &json!(days[0])), "{second}");
    let point = engineer.get(&format!("{path}/points/{}", first["point_id"].as_str().unwrap())).await.expect(200);
    assert_eq!(point["value"], 4.0);
}

#[tokio::test]
async fn an_alert_is_acknowledged_and_resolved() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3})).await;
    points(&engineer, &path, &[(&day(1), Some(4.0)), (&day(2), Some(0.0)), (&day(3), Some(0.0)), (&day(4), Some(4.0))]).await;
    let told = alerts(&viewer, &path).await;
    let at = |nth: usize| format!("{ALERTS}/{}", told[nth]["id"].as_str().unwrap());
    let (first, second) = (at(0), at(1));
    viewer.post(&format!("{first}/acknowledge"), json!({})).await.refused(403, "role_required");
    let seen = engineer.post(&format!("{first}/acknowledge"), json!({"comment": "looking"})).await.expect(200);
    assert_eq!((&seen["acknowledged_comment"], seen["acknowledged_at"].is_string()), (&json!("looking"), true));
    engineer.post(&format!("{first}/acknowledge"), json!({})).await.refused(409, "spc_alert_state");
    let resolved = engineer.post(&format!("{first}/resolve"), json!({"comment": "a loose cable"})).await.expect(200);
    assert_eq!(
        (&resolved["resolution"], resolved["closed_by"].is_string(), &resolved["manifest"]),
        (&json!("a loose cable"), true, &Value::Null)
    );
    engineer.post(&format!("{first}/resolve"), json!({"comment": "again"})).await.refused(409, "spc_alert_state");
    engineer.post(&format!("{second}/resolve"), json!({"comment": " "})).await.refused(422, "invalid");
    engineer.post(&format!("{second}/resolve"), json!({"comment": "no acknowledging is needed"})).await.expect(200);
    engineer.post(&format!("{second}/acknowledge"), json!({})).await.refused(409, "spc_alert_state");
    let count = async |query: &str| viewer.get(&format!("{ALERTS}?count=true&{query}")).await.expect(200)["pagination"]["total"].clone();
    assert_eq!(
        (count("open=true").await, count("open=false&severity=critical").await, count("rule=we1").await),
        (json!(0), json!(2), json!(2))
    );
    assert_eq!(viewer.get(&first).await.expect(200), resolved);
    mesh.caller("engineer", TEST).await.get(&first).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_open_critical_alert_holds_runs() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let (tool, other) = (ready_tool(&engineer).await, ready_tool(&engineer).await);
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3, "hold": true, "instrument_id": tool, "method": "iv_sweep"})).await;
    let run = async |tool: &str, method: &str| engineer.post("/api/analysis/runs", json!({"instrument_id": tool, "method": method})).await;
    run(&tool, "iv_sweep").await.expect(201);
    points(&engineer, &path, &[(&day(1), Some(4.0))]).await;
    let alert = alerts(&engineer, &path).await[0].clone();
    let problem = run(&tool, "iv_sweep").await.refused(409, "spc_hold");
    assert_eq!((&problem["alert_id"], &problem["series_id"]), (&alert["id"], &alert["series_id"]), "{problem}");
    run(&tool, "cv_sweep").await.expect(201);
    run(&other, "iv_sweep").await.expect(201);

    let resolve = format!("{ALERTS}/{}/resolve", alert["id"].as_str().unwrap());
    let signed = |password: &str| json!({"comment": "a new probe", "method": "password", "password": password});
    engineer.post(&resolve, signed("eng123")).await.refused(403, "role_required");
    pi.post(&resolve, json!({"comment": "a new probe"})).await.refused(422, "invalid");
    pi.post(&resolve, signed("wrong")).await.refused(403, "wrong_password");
    run(&tool, "iv_sweep").await.refused(409, "spc_hold");
    let resolved = pi.post(&resolve, signed("pi123")).await.expect(200);
    let manifest: Value = serde_json::from_str(resolved["manifest"].as_str().unwrap()).unwrap();
    assert_eq!((&manifest["record"]["kind"], &manifest["record"]["id"]), (&json!("spc_alert"), &alert["id"]));
    assert_eq!(resolved["signature_key"].as_str().unwrap().len(), 64);
    run(&tool, "iv_sweep").await.expect(201);
}

/// What an engineer may not resolve, they may not walk around either.
#[tokio::test]
async fn a_hold_is_let_go_by_whoever_may_resolve_it() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = ready_tool(&engineer).await;
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3, "instrument_id": tool, "method": "iv_sweep"})).await;
    for hold in [true, false, true] {
        engineer.put(&path, json!({"hold": hold})).await.expect(200);
    }
    points(&engineer, &path, &[(&day(1), Some(4.0))]).await;
    let alert = alerts(&engineer, &path).await[0]["id"].clone();
    let problem = engineer.put(&path, json!({"hold": false})).await.refused(409, "spc_hold");
    assert_eq!(problem["alert_id"], alert, "{problem}");
    engineer.put(&path, json!({"name": "Renamed", "hold": true})).await.expect(200);
    let run = json!({"instrument_id": tool, "method": "iv_sweep"});
    engineer.post("/api/analysis/runs", run.clone()).await.refused(409, "spc_hold");
    assert_eq!(pi.put(&path, json!({"hold": false})).await.expect(200)["hold"], false);
    engineer.post("/api/analysis/runs", run).await.expect(201);
}

/// What feeds a series is what it holds: any instrument of a run counts, and a recipe or a sample only where the run names one.
#[tokio::test]
async fn a_series_holds_what_feeds_it() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (first, second) = (ready_tool(&engineer).await, ready_tool(&engineer).await);
    let sample = engineer.post("/api/lims/samples", json!({"name": "S-1"})).await.expect(201)["id"].clone();
    let watching = async |more: Value| {
        let mut body = json!({"ctrl_lcl": -3, "ctrl_ucl": 3});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        series(&engineer, body).await
    };
    let of_second = watching(json!({"entity_type": "instrument", "entity_id": second, "hold": true})).await;
    let of_samples = watching(json!({"entity_type": "sample", "method": "iv_sweep", "hold": true})).await;
    let plain = json!({"instrument_id": first, "method": "iv_sweep"});
    let with = |name: &str, value: Value| {
        let mut run = plain.clone();
        run[name] = value;
        run
    };
    let (several, sampled) = (with("further_instrument_ids", json!([second])), with("sample_id", sample));
    for (run, fed) in [(plain.clone(), [0, 0]), (several.clone(), [1, 0]), (sampled.clone(), [1, 1])] {
        let run = engineer.post("/api/analysis/runs", run).await.expect(201)["id"].clone();
        let run = format!("/api/analysis/runs/{}", run.as_str().unwrap());
        engineer.act(&format!("{run}/start")).await.expect(200);
        engineer.post(&format!("{run}/results"), json!({"result_type": "iv", "metrics": {"vth": 0.5}})).await.expect(201);
        for (series, fed) in [&of_second, &of_samples].into_iter().zip(fed) {
            assert_eq!(engineer.get(series).await.expect(200)["points"], fed, "{series}");
        }
        engineer.post(&format!("{run}/complete"), json!({})).await.expect(200);
    }
    for series in [&of_second, &of_samples] {
        let points = json!({"points": [{"value": 4.0}]});
        engineer.post(&format!("{series}/points"), points).await.expect(201);
    }
    engineer.post("/api/analysis/runs", plain).await.expect(201);
    for run in [several, sampled] {
        engineer.post("/api/analysis/runs", run).await.refused(409, "spc_hold");
    }
}

/// Fifty runs are asked for while an alert is opened: those that came before it are there, and none after.
#[tokio::test]
async fn no_run_slips_past_a_hold() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = ready_tool(&engineer).await;
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3, "hold": true, "instrument_id": tool})).await;
    let mut all = JoinSet::new();
    for _ in 0..50 {
        let (engineer, tool) = (engineer.clone(), tool.clone());
        all.spawn(async move { engineer.post("/api/analysis/runs", json!({"instrument_id": tool, "method": "m"})).await.status.as_u16() });
    }
    points(&engineer, &path, &[(&day(1), Some(4.0))]).await;
    let statuses = all.join_all().await;
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    // The trail is linked in the order in which transactions commit.
    let late: i64 = sqlx::query_scalar(
        "WITH linked AS (SELECT kind, action, link FROM analysis.audit_events e JOIN analysis.audit_links l ON l.event = e.seq)
         SELECT count(*) FROM linked WHERE kind = 'runs' AND link > (SELECT min(link) FROM linked WHERE kind = 'spc_alerts')",
    )
    .fetch_one(&mut mesh.sql().await)
    .await
    .unwrap();
    assert_eq!(late, 0, "a run was written after the alert that holds it");
    engineer.post("/api/analysis/runs", json!({"instrument_id": tool, "method": "m"})).await.refused(409, "spc_hold");
    let there = engineer.get("/api/analysis/runs?count=true").await.expect(200)["pagination"]["total"].as_u64().unwrap();
    let made = statuses.iter().filter(|status| **status == 201).count();
    assert_eq!(there, u64::try_from(made).unwrap());
}

/// An alert keeps what was to be done when it was opened, whatever the series says by now.
#[tokio::test]
async fn an_alert_keeps_the_reaction_plan() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let plan = "1. Stop the lot.\n2. Measure the golden wafer again.";
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3, "reaction_plan": plan})).await;
    assert_eq!(engineer.get(&path).await.expect(200)["reaction_plan"], plan);
    points(&engineer, &path, &[(&day(1), Some(4.0)), (&day(2), Some(0.0))]).await;
    let renamed = engineer.put(&path, json!({"reaction_plan": "Call the process engineer."})).await.expect(200);
    assert_eq!((&renamed["reaction_plan"], &renamed["stage"]), (&json!("Call the process engineer."), &json!(1)), "a plan is no limit");
    points(&engineer, &path, &[(&day(3), Some(4.0)), (&day(4), Some(0.0))]).await;
    let cleared = engineer.put(&path, json!({"reaction_plan": null})).await.expect(200);
    assert_eq!(cleared["reaction_plan"], Value::Null, "{cleared}");
    let sent = points(&engineer, &path, &[(&day(5), Some(4.0))]).await;
    assert_eq!(sent["alerts"][0]["reaction_plan"], Value::Null);
    let told = alerts(&engineer, &path).await;
    let plans: Vec<_> = told.iter().filter(|alert| alert["rule"] == "we1").map(|alert| alert["reaction_plan"].clone()).collect();
    assert_eq!(plans, [json!(plan), json!("Call the process engineer."), Value::Null]);
    let changes: Vec<(Value, Value)> = sqlx::query_as(
        "SELECT before -> 'reaction_plan', after -> 'reaction_plan' FROM analysis.audit_events
          WHERE kind = 'spc_series' AND action = 'update' ORDER BY seq",
    )
    .fetch_all(&mut mesh.sql().await)
    .await
    .unwrap();
    assert_eq!(changes, [(json!(plan), json!("Call the process engineer.")), (json!("Call the process engineer."), Value::Null)]);
    for broken in ["", " ", &"x".repeat(4001)] {
        let problem = engineer.put(&path, json!({"reaction_plan": broken})).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "reaction_plan", "{problem}");
    }
}

/// A series that is to hold runs, and by its rules never can, says so.
#[tokio::test]
async fn a_hold_without_a_critical_rule_is_told() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let codes = async |more: Value| {
        let mut body = json!({"hold": true, "method": "iv_sweep", "ctrl_lcl": -3, "ctrl_ucl": 3});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let path = series(&engineer, body).await;
        let warnings = engineer.get(&path).await.expect(200)["warnings"].clone();
        warnings.as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let own = |rules: Value| json!({"ruleset": "custom", "ruleset_options": {"rules": rules}});
    let supplementary = json!({"ruleset": "western_electric_supplementary"});
    for idle in [supplementary.clone(), own(json!(["n2", {"id": "n1", "sigmas": 2}])), own(json!(["n5"]))] {
        assert_eq!(codes(idle.clone()).await, ["cannot_hold"], "{idle}");
    }
    let mut free = supplementary.clone();
    free.as_object_mut().unwrap().extend(json!({"ctrl_lcl": null, "ctrl_ucl": null}).as_object().unwrap().clone());
    assert_eq!(codes(free).await, ["cannot_hold"], "with limits or without");
    let ewma = json!({"ruleset": "western_electric_supplementary", "chart_type": "ewma"});
    let unheld = json!({"ruleset": "western_electric_supplementary", "hold": false});
    for fit in [json!({}), own(json!(["n2", "n1"])), own(json!([{"id": "n1", "sigmas": 4}])), ewma, unheld] {
        assert_eq!(codes(fit.clone()).await, [""; 0], "{fit}");
    }
}
