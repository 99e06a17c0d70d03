//! Series of control charts, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};

use crate::{calibrations::instrument, spc_points::points};

pub(crate) const SERIES: &str = "/api/analysis/spc/series";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListSpcSeries" => json!({"instrumentId": id("instrument"), "entityId": id("sample")}),
        "GetSpcSeries" => json!({"id": id("spc series")}),
        "CreateSpcSeries" => json!({"series": {
            "name": "s", "path": "a/b", "entityType": "SPC_ENTITY_TYPE_SAMPLE", "entityId": id("sample"), "instrumentId": id("instrument"), "metric": "vth",
        }}),
        "UpdateSpcSeries" => json!({"id": id("spc series"), "series": {"name": "another name"}}),
        "RebaseSpcSeries" => json!({"id": id("spc series"), "reason": "a new target", "ctrlLcl": 0.4, "ctrlUcl": 0.6}),
        _ => return None,
    })
}

/// A series with these fields besides what it must have; its path.
pub(crate) async fn series(engineer: &Caller, more: Value) -> String {
    let made = made(engineer, more).await.expect(201);
    format!("{SERIES}/{}", made["id"].as_str().unwrap())
}

pub(crate) async fn made(engineer: &Caller, more: Value) -> spectra_tests::Answer {
    let mut body = json!({"name": "Threshold voltage", "path": "mosfet/iv/vth", "entity_type": "method", "metric": "vth"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    engineer.post(SERIES, body).await
}

#[tokio::test]
async fn given_limits_are_frozen() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let body = json!({"spec_lcl": 0.4, "spec_ucl": 0.6, "ctrl_lcl": 0.47, "ctrl_ucl": 0.53});
    let answer = made(&engineer, body.clone()).await;
    let location = answer.header("location").to_owned();
    let series = answer.expect(201);
    let told = |series: &Value, fields: &[&str]| json!(fields.iter().map(|field| series[*field].clone()).collect::<Vec<_>>());
    assert_eq!(
        told(&series, &["chart_type", "subgroup_size", "ruleset", "ruleset_version", "hold", "is_active", "points", "stage", "warnings"]),
        json!(["i_mr", 1, "western_electric", 1, false, true, 0, 1, []])
    );
    let (centre, sigma) = (series["centre"].as_f64().unwrap(), series["sigma"].as_f64().unwrap());
    assert!((centre - 0.5).abs() < 1e-12 && (sigma - 0.01).abs() < 1e-12, "{series}");
    assert!(series["limits_frozen_at"].is_string());
    assert_eq!(viewer.get(&location).await.expect(200), series);
    let again = made(&engineer, body).await.expect(201);
    assert_ne!(again["id"], series["id"], "the same path may be posted again");
    let listed =
        viewer.get(&format!("{SERIES}?path=mosfet/iv/vth&metric=vth&entity_type=method&is_active=true&count=true")).await.expect(200);
    assert_eq!(listed["pagination"]["total"], 2);
    made(&viewer, json!({})).await.refused(403, "role_required");
    mesh.caller("viewer", TEST).await.get(&location).await.refused(404, "not_found");

    let free = made(&engineer, json!({"name": "free"})).await.expect(201);
    assert_eq!(told(&free, &["centre", "sigma", "limits_frozen_at"]), json!([null, null, null]), "no limits, nothing to freeze");
    let given = made(&engineer, json!({"centre": 1.0, "sigma": 0.5, "ruleset": "nelson"})).await.expect(201);
    assert_eq!(told(&given, &["centre", "sigma", "ruleset"]), json!([1, 0.5, "nelson"]));
}

#[tokio::test]
async fn what_does_not_hold_together_is_refused() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    for (more, field) in [
        (json!({"ctrl_lcl": 0.6, "ctrl_ucl": 0.4}), "ctrl_lcl"),
        (json!({"ctrl_lcl": 0.5, "ctrl_ucl": 0.5}), "ctrl_lcl"),
        (json!({"spec_lcl": 1, "spec_ucl": 1}), "spec_lcl"),
        (json!({"ctrl_lcl": 0, "ctrl_ucl": 1, "centre": 2}), "centre"),
        (json!({"ctrl_ucl": 1}), "ctrl_lcl"),
        (json!({"centre": 1}), "ctrl_lcl"),
        (json!({"sigma": -1}), "sigma"),
        (json!({"ctrl_lcl": "NaN", "ctrl_ucl": 1}), "ctrl_lcl"),
        (json!({"ctrl_lcl": 0, "ctrl_ucl": "Infinity"}), "ctrl_ucl"),
        (json!({"chart_type": "xbar_r", "subgroup_size": 1}), "subgroup_size"),
        (json!({"chart_type": "c", "subgroup_size": 5}), "subgroup_size"),
        (json!({"subgroup_size": 0}), "subgroup_size"),
        (json!({"entity_id": spectra_mesh::new_id().to_string()}), "entity_id"),
        (json!({"hold": true}), "hold"),
        (json!({"ruleset": "custom"}), "ruleset_options"),
        (json!({"ruleset": "custom", "ruleset_options": {"rules": ["no_such"]}}), "ruleset_options"),
        (json!({"ruleset_options": {"nonsense": 1}}), "ruleset_options"),
        (json!({"chart_type": "ewma", "ctrl_lcl": 0, "ctrl_ucl": 1, "chart_options": {"lambda": 2}}), "chart_options"),
        (json!({"metric": ""}), "metric"),
        (json!({"path": "p".repeat(501)}), "path"),
        (json!({"name": " "}), "name"),
    ] {
        let problem = made(&engineer, more.clone()).await.refused(422, "invalid");
        let named = problem["errors"][0]["field"].as_str().unwrap();
        assert!(named.ends_with(field), "{more} {problem}");
    }
    let huge = made(&engineer, json!({"ctrl_lcl": -1e308, "ctrl_ucl": 1e308})).await.expect(201);
    assert!(huge["sigma"].as_f64().unwrap().is_finite(), "{huge}");
    for (kind, entity) in [("recipe", json!(spectra_mesh::new_id().to_string())), ("instrument", json!(spectra_mesh::new_id().to_string()))]
    {
        made(&engineer, json!({"entity_type": kind, "entity_id": entity})).await.refused(404, "not_found");
    }
    let tool = instrument(&engineer, "tool").await;
    made(&engineer, json!({"entity_type": "instrument", "entity_id": tool, "hold": true})).await.expect(201);
}

#[tokio::test]
async fn new_limits_of_a_series_with_points_are_a_new_stage() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"ctrl_lcl": 0.4, "ctrl_ucl": 0.6})).await;
    let update = async |body: Value| engineer.put(&path, body).await.expect(200);
    let moved = update(json!({"ctrl_ucl": 0.8})).await;
    assert_eq!(moved["stage"], 1);
    assert!((moved["centre"].as_f64().unwrap() - 0.6).abs() < 1e-12, "without points, what follows moves along: {moved}");

    let sent = points(&engineer, &path, &[("2026-01-01T00:00:00Z", Some(0.5)), ("2026-01-02T00:00:00Z", Some(0.9))]).await;
    assert_eq!((&sent["points"][0]["triggered_rules"], &sent["points"][1]["triggered_rules"]), (&json!([]), &json!(["we1"])));
    assert_eq!(update(json!({"name": "renamed"})).await["stage"], 1, "a name is no limit");
    let wide = update(json!({"ctrl_lcl": 0, "ctrl_ucl": 2})).await;
    assert_eq!((&wide["stage"], &wide["points"]), (&json!(2), &json!(2)));
    let sent = points(&engineer, &path, &[("2026-01-02T00:00:00Z", Some(0.95)), ("2026-01-03T00:00:00Z", Some(0.9))]).await;
    let rules = |sent: &Value| json!([sent["points"][0]["triggered_rules"], sent["points"][1]["triggered_rules"]]);
    assert_eq!(rules(&sent), json!([["we1", "we2"], []]), "the old limits hold until the newest point of then, the new ones behind it");
    let chart = engineer.get(&format!("{path}/chart")).await.expect(200);
    let stages: Vec<_> = chart["stages"].as_array().unwrap().iter().map(|stage| stage["ctrl_ucl"].as_f64().unwrap()).collect();
    assert_eq!(stages, [0.8, 2.0]);
    engineer.put(&path, json!({"metric": "other"})).await.refused(422, "invalid");
    engineer.with("if-match", "\"1\"").put(&path, json!({"name": "x"})).await.refused(412, "stale");
}

/// Limits that were estimated hold what the points amount to, are on record with their reason, and may judge what is there.
#[tokio::test]
async fn limits_are_rebased_from_points() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({})).await;
    let rebase = format!("{path}/rebase");
    engineer.post(&rebase, json!({"reason": "first"})).await.refused(409, "spc_too_few_points");
    let values: Vec<_> = (0..30).map(|nth| (format!("2026-01-{:02}T00:00:00Z", nth + 1), Some([1.0, 2.0, 3.0][nth % 3]))).collect();
    let mut values: Vec<_> = values.iter().map(|(ts, value)| (ts.as_str(), *value)).collect();
    values[29].1 = Some(50.0);
    let sent = points(&engineer, &path, &values).await;
    assert!(sent["points"].as_array().unwrap().iter().all(|point| point["triggered_rules"] == json!([])), "nothing to judge by yet");
    let chart = engineer.get(&format!("{path}/chart")).await.expect(200);
    assert_eq!((&chart["frozen"], chart["centre"].is_number()), (&json!(false), true), "drawn by what the points amount to");

    let outlier = sent["points"][29]["id"].as_str().unwrap();
    engineer.post(&format!("{path}/points/{outlier}/exclude"), json!({"reason": "a slipped probe"})).await.expect(200);
    let body = json!({"reason": "the process is known now", "starts_at": "2026-01-02T00:00:00Z"});
    let rebased = engineer.post(&rebase, body.clone()).await.expect(200);
    // Moving ranges of 1, 1 and 2 in turn, over d2.
    let (centre, sigma) = (rebased["centre"].as_f64().unwrap(), rebased["sigma"].as_f64().unwrap());
    assert!((centre - 57.0 / 29.0).abs() < 1e-9 && (sigma - (37.0 / 28.0) / std::f64::consts::FRAC_2_SQRT_PI).abs() < 1e-6, "{rebased}");
    assert_eq!((&rebased["stage"], rebased["limits_frozen_at"].is_string()), (&json!(2), true));
    engineer.post(&rebase, body).await.refused(409, "spc_stage_order");
    let point = engineer.get(&format!("{path}/points/{outlier}")).await.expect(200);
    assert_eq!((&point["triggered_rules"], &point["excluded"]), (&json!(["we1"]), &json!(true)), "excluded, and judged all the same");
    let alerts = engineer.get(&format!("/api/analysis/spc/alerts?series_id={}", rebased["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(alerts["items"].as_array().unwrap().len(), 1, "{alerts}");

    let given = engineer.post(&rebase, json!({"reason": "by the book", "ctrl_lcl": 0, "ctrl_ucl": 60})).await.expect(200);
    assert_eq!((&given["stage"], &given["centre"]), (&json!(3), &json!(30)));
    engineer.post(&rebase, json!({"reason": "x", "ctrl_lcl": 2, "ctrl_ucl": 1})).await.refused(422, "invalid");
    engineer.post(&rebase, json!({"ctrl_lcl": 1, "ctrl_ucl": 2})).await.refused(422, "invalid");
    mesh.demo("technician").await.post(&rebase, json!({"reason": "x"})).await.refused(403, "role_required");
    let reasons: Vec<(String,)> =
        sqlx::query_as("SELECT reason FROM analysis.audit_events WHERE kind = 'spc_stages' AND reason IS NOT NULL ORDER BY seq")
            .fetch_all(&mut mesh.sql().await)
            .await
            .unwrap();
    let reasons: Vec<_> = reasons.into_iter().map(|(reason,)| reason).collect();
    assert_eq!(reasons, ["the process is known now", "by the book"]);
}

/// A stage begins where points are, or may come: one of the end of time would leave nothing to judge, and no time for the next.
#[tokio::test]
async fn a_stage_does_not_begin_in_the_future() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"ctrl_lcl": 0, "ctrl_ucl": 1})).await;
    points(&engineer, &path, &[("2026-01-01T00:00:00Z", Some(0.5))]).await;
    let rebase = async |starts_at: &str| {
        let body = json!({"reason": "new limits", "ctrl_lcl": 0, "ctrl_ucl": 2, "starts_at": starts_at});
        engineer.post(&format!("{path}/rebase"), body).await
    };
    for future in ["9999-12-31T23:59:59.999999Z", "9999-12-31T00:00:00Z", "9000-01-01T00:00:00Z"] {
        let problem = rebase(future).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "starts_at", "{problem}");
    }
    assert_eq!(engineer.put(&path, json!({"ctrl_ucl": 3})).await.expect(200)["stage"], 2);
    // The newest point may be of a time to come, and so may what is behind it.
    points(&engineer, &path, &[("9998-12-31T23:59:59.999999Z", Some(0.5))]).await;
    rebase("9999-01-01T00:00:00.000001Z").await.refused(422, "invalid");
    assert_eq!(rebase("9999-01-01T00:00:00Z").await.expect(200)["stage"], 3);
    assert_eq!(engineer.put(&path, json!({"ctrl_ucl": 4})).await.expect(200)["stage"], 3, "no point is behind it yet");
}

/// Limits that were estimated and not judged by yet may be written over, and are not said to be estimated then.
#[tokio::test]
async fn limits_that_replace_estimated_ones_are_not_estimated() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({})).await;
    let days: Vec<_> = (0..9).map(crate::spc_points::day).collect();
    let sent: Vec<_> = days.iter().enumerate().map(|(nth, day)| (day.as_str(), Some([1.0, 2.0, 3.0][nth % 3]))).collect();
    points(&engineer, &path, &sent).await;
    engineer.post(&format!("{path}/rebase"), json!({"reason": "it is known now"})).await.expect(200);
    let stage = async || engineer.get(&format!("{path}/chart")).await.expect(200)["stages"][1].clone();
    let told = |stage: &Value| json!([stage["estimated_points"], stage["reason"], stage["estimator"].is_string()]);
    assert_eq!(told(&stage().await), json!([9, "it is known now", true]));
    assert_eq!(engineer.put(&path, json!({"ctrl_lcl": 0, "ctrl_ucl": 10})).await.expect(200)["stage"], 2);
    let replaced = stage().await;
    assert_eq!((&replaced["ctrl_ucl"], told(&replaced)), (&json!(10), json!([null, null, false])), "{replaced}");
}
