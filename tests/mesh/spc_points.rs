//! Points of series, through the gateway: in which order they are judged, and that none is lost or judged twice.

use http::Method;
use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};
use time::{Duration, format_description::well_known::Rfc3339, macros::datetime};
use tokio::task::JoinSet;

use crate::{runs::ready_tool, spc_alerts::alerts, spc_series::series};

mod episodes;
mod fed;
mod late;
mod measured;
mod streams;

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListSpcPoints" => json!({"seriesId": id("spc series"), "from": "2020-01-01T00:00:00Z", "runId": id("run")}),
        "GetSpcPoint" => json!({"seriesId": id("spc series"), "id": id("spc point")}),
        "ExcludeSpcPoint" | "IncludeSpcPoint" => json!({"seriesId": id("spc series"), "id": id("spc point"), "reason": "a slip"}),
        "CreateSpcPoints" | "ImportSpcPoints" => {
            json!({"seriesId": id("spc series"), "points": [{"value": 0.5, "runId": id("run")}]})
        }
        _ => return None,
    })
}

/// A time so many days into 2026.
pub(crate) fn day(days: usize) -> String {
    (datetime!(2026-01-01 00:00 UTC) + Duration::days(i64::try_from(days).unwrap())).format(&Rfc3339).unwrap()
}

/// Adds points to a series.
pub(crate) async fn points(caller: &Caller, series: &str, points: &[(&str, Option<f64>)]) -> Value {
    let points: Vec<_> = points.iter().map(|(ts, value)| json!({"ts": ts, "value": value})).collect();
    caller.post(&format!("{series}/points"), json!({"points": points})).await.expect(201)
}

/// The rules of each point of a series, in the order of time.
async fn rules(caller: &Caller, series: &str) -> Vec<(Value, Value)> {
    let mut listed = caller.get(&format!("{series}/points?limit=1000")).await.expect(200)["items"].as_array().unwrap().clone();
    listed.reverse();
    listed.into_iter().map(|mut point| (point["value"].take(), point["triggered_rules"].take())).collect()
}

/// A series of limits three off zero, whose sigma is one.
async fn standard(engineer: &Caller) -> String {
    series(engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3})).await
}

/// Values that signal now and then, by each of the rules: the same ones each time.
fn values(count: usize) -> Vec<f64> {
    let mut state = 42_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(state >> 33).unwrap()) / f64::from(u32::MAX >> 1) * 7.0 - 3.5
    };
    (0..count).map(|_| next()).collect()
}

#[tokio::test]
async fn points_are_judged_listed_and_read() {
    let mesh = Mesh::start().await;
    let (engineer, technician, viewer) = (mesh.demo("engineer").await, mesh.demo("technician").await, mesh.demo("viewer").await);
    let path = standard(&engineer).await;
    let run = json!({"instrument_id": ready_tool(&engineer).await, "method": "m"});
    let run = engineer.post("/api/analysis/runs", run).await.expect(201)["id"].clone();
    let body = json!({"points": [
        {"ts": day(2), "value": 4.0, "run_id": run, "metadata": {"operator": "Zoë"}, "subgroup": 7},
        {"ts": day(1), "value": 0.1},
        {"ts": day(3), "value": null},
    ]});
    let sent = technician.post(&format!("{path}/points"), body).await.expect(201);
    let told: Vec<_> = sent["points"].as_array().unwrap().iter().map(|point| json!([point["value"], point["triggered_rules"]])).collect();
    assert_eq!(told, [json!([4, ["we1"]]), json!([0.1, []]), json!([null, []])], "in the order in which they were sent");
    assert_eq!((sent["alerts"].as_array().unwrap().len(), &sent["alerts_opened"]), (1, &json!(1)));
    let first = &sent["points"][0];
    assert_eq!((&first["run_id"], &first["metadata"], &first["subgroup"]), (&run, &json!({"operator": "Zoë"}), &json!(7)));
    let read = viewer.get(&format!("{path}/points/{}", first["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(&read, first);
    assert_eq!(rules(&viewer, &path).await, [(json!(0.1), json!([])), (json!(4), json!(["we1"])), (Value::Null, json!([]))]);
    let some = viewer.get(&format!("{path}/points?from={}&to={}&count=true", day(2), day(3))).await.expect(200);
    assert_eq!((&some["items"][0], &some["pagination"]["total"]), (first, &json!(1)));
    assert_eq!(viewer.get(&path).await.expect(200)["points"], 3);

    viewer.post(&format!("{path}/points"), json!({"points": [{"value": 1}]})).await.refused(403, "role_required");
    let theirs = mesh.caller("engineer", TEST).await;
    theirs.post(&format!("{path}/points"), json!({"points": [{"value": 1}]})).await.refused(404, "not_found");
    theirs.get(&format!("{path}/points")).await.refused(404, "not_found");
    let now = technician.post(&format!("{path}/points"), json!({"points": [{"value": 0.2}]})).await.expect(201);
    assert!(now["points"][0]["ts"].is_string(), "a point without a time is of now");
}

#[tokio::test]
async fn what_is_no_point_is_refused_whole() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = format!("{}/points", standard(&engineer).await);
    for (sent, field) in [
        (json!([]), "points"),
        (json!([{"value": 1}, {"value": "Infinity"}]), "points[1].value"),
        (json!([{"value": "-Infinity"}]), "points[0].value"),
        (json!([{"ts": "1969-12-31T23:59:59Z", "value": 1}]), "points[0].ts"),
        (json!([{"value": 1, "n": 0}]), "points[0].n"),
        (json!([{"value": 1, "run_id": "x"}]), "points[0].run_id"),
        (json!([{"value": 1, "triggered_rules": ["we1"]}]), "points[0].triggered_rules"),
        (json!(vec![json!({"value": 1}); 10_001]), "points"),
    ] {
        let shown = sent.to_string();
        let problem = engineer.post(&path, json!({"points": sent})).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{} {problem}", &shown[..shown.len().min(200)]);
    }
    engineer.post(&path, json!({"points": [{"value": 1, "run_id": spectra_mesh::new_id().to_string()}]})).await.refused(404, "not_found");
    engineer.post(&path, json!({"points": [{"value": 1}, {"worth": 1}]})).await.refused(400, "malformed");
    assert_eq!(engineer.get(&path).await.expect(200)["items"], json!([]), "nothing of it is stored");

    let fine = json!([{"value": 1e308}, {"value": "NaN"}, {"value": -1e308}, {"value": 5e-324}, {"value": -0.0}]);
    let sent = engineer.post(&path, json!({"points": fine})).await.expect(201);
    let told: Vec<_> = sent["points"].as_array().unwrap().iter().map(|point| point["triggered_rules"].to_string()).collect();
    assert_eq!(told, [r#"["we1"]"#, "[]", r#"["we1"]"#, "[]", "[]"]);
}

#[tokio::test]
async fn points_of_the_same_time_are_judged_as_they_came() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = standard(&engineer).await;
    let at = day(1);
    let sent: Vec<_> = (0..8).map(|nth| (at.as_str(), Some(f64::from(nth) / 100.0 + 0.1))).collect();
    points(&engineer, &path, &sent[..5]).await;
    points(&engineer, &path, &sent[5..]).await;
    let told = rules(&engineer, &path).await;
    assert_eq!(told.iter().map(|(value, _)| value.as_f64()).collect::<Vec<_>>(), sent.iter().map(|(_, value)| *value).collect::<Vec<_>>());
    assert_eq!(told[7].1, json!(["we4"]));
}

/// Two write to one series at once: every point is there, judged once, and each episode has one alert.
#[tokio::test]
async fn writers_of_one_series_wait_for_each_other() {
    let mesh = Mesh::start().await;
    let (engineer, technician) = (mesh.demo("engineer").await, mesh.demo("technician").await);
    let path = standard(&engineer).await;
    let mut all = JoinSet::new();
    for nth in 0..40 {
        let (caller, path) = (if nth % 2 == 0 { engineer.clone() } else { technician.clone() }, path.clone());
        all.spawn(async move { points(&caller, &path, &[(&day(1), Some(4.0)), (&day(1), Some(4.5))]).await });
    }
    let mut opened = 0;
    for sent in all.join_all().await {
        opened += sent["alerts"].as_array().unwrap().iter().filter(|alert| alert["rule"] == "we1").count();
    }
    let told = rules(&engineer, &path).await;
    assert_eq!(told.len(), 80);
    assert!(told.iter().all(|(_, rules)| rules.as_array().unwrap().contains(&json!("we1"))));
    assert_eq!(told.iter().filter(|(_, rules)| rules.as_array().unwrap().contains(&json!("we4"))).count(), 73, "from the eighth on");
    assert_eq!((opened, alerts(&engineer, &path).await.len()), (1, 4), "one alert a rule, whoever opened it");
}

#[tokio::test]
async fn a_key_stores_points_once() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = standard(&engineer).await;
    let keyed = engineer.with("idempotency-key", "k1");
    let body = json!({"points": [{"ts": day(1), "value": 4.0}]});
    let first = keyed.post(&format!("{path}/points"), body.clone()).await.expect(201);
    assert_eq!(keyed.post(&format!("{path}/points"), body).await.expect(201), first);
    keyed.post(&format!("{path}/points"), json!({"points": [{"value": 1}]})).await.refused(409, "key_reused");
    assert_eq!((rules(&engineer, &path).await.len(), alerts(&engineer, &path).await.len()), (1, 1));
}

#[tokio::test]
async fn a_point_is_excluded_and_included_on_record() {
    let mesh = Mesh::start().await;
    let (engineer, technician) = (mesh.demo("engineer").await, mesh.demo("technician").await);
    let path = standard(&engineer).await;
    let sent = points(&engineer, &path, &[(&day(1), Some(4.0))]).await;
    let point = format!("{path}/points/{}", sent["points"][0]["id"].as_str().unwrap());
    technician.post(&format!("{point}/exclude"), json!({"reason": "x"})).await.refused(403, "role_required");
    engineer.post(&format!("{point}/exclude"), json!({})).await.refused(422, "invalid");
    let excluded = engineer.post(&format!("{point}/exclude"), json!({"reason": "a slipped probe"})).await.expect(200);
    assert_eq!((&excluded["excluded"], &excluded["excluded_reason"]), (&json!(true), &json!("a slipped probe")));
    assert_eq!(excluded["triggered_rules"], json!(["we1"]));
    let chart = engineer.get(&format!("{path}/chart")).await.expect(200);
    assert_eq!((chart["exclusions"].as_array().unwrap().len(), chart["violations"].as_array().unwrap().len()), (1, 1));
    let included = engineer.post(&format!("{point}/include"), json!({"reason": "it was real"})).await.expect(200);
    assert_eq!((&included["excluded"], &included["excluded_reason"]), (&json!(false), &Value::Null));
    let trail: Vec<(bool,)> =
        sqlx::query_as("SELECT (after ->> 'excluded')::boolean FROM analysis.audit_events WHERE kind = 'spc_exclusions' ORDER BY seq")
            .fetch_all(&mut mesh.sql().await)
            .await
            .unwrap();
    assert_eq!(trail, [(true,), (false,)]);
    for refused in [engineer.delete(&point).await, engineer.send(Method::PUT, &point, Some("{}".into())).await] {
        assert_eq!(refused.status, 405, "what was measured stays");
    }
}

/// Results feed the series that watch them, and no others, in the transaction that stores them.
#[tokio::test]
async fn results_feed_series() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (tool, other) = (ready_tool(&engineer).await, ready_tool(&engineer).await);
    let limits = |more: Value| {
        let mut body = json!({"ctrl_lcl": -3, "ctrl_ucl": 3});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let watching = series(&engineer, limits(json!({"instrument_id": tool, "method": "iv_sweep"}))).await;
    let mut others = Vec::new();
    for more in [
        json!({"instrument_id": other}),
        json!({"method": "cv_sweep"}),
        json!({"is_active": false}),
        json!({"metric": "gm_max"}),
        json!({"entity_type": "recipe"}),
    ] {
        others.push(series(&engineer, limits(more)).await);
    }
    let run = engineer.post("/api/analysis/runs", json!({"instrument_id": tool, "method": "iv_sweep"})).await.expect(201);
    let run = format!("/api/analysis/runs/{}", run["id"].as_str().unwrap());
    engineer.act(&format!("{run}/start")).await.expect(200);
    let result = json!({"result_type": "iv_analysis", "metrics": {"vth": 4.5, "ion": 1e-3, "ioff": null}});
    engineer.post(&format!("{run}/results"), result).await.expect(201);
    let completed = json!({"results": [{"result_type": "iv_analysis", "metrics": {"vth": 0.5}}]});
    engineer.post(&format!("{run}/complete"), completed).await.expect(200);
    assert_eq!(rules(&engineer, &watching).await, [(json!(4.5), json!(["we1"])), (json!(0.5), json!([]))]);
    let fed = engineer.get(&format!("{watching}/points")).await.expect(200);
    assert!(run.ends_with(fed["items"][0]["run_id"].as_str().unwrap()));
    assert_eq!(alerts(&engineer, &watching).await.len(), 1);
    for other in others {
        assert_eq!(rules(&engineer, &other).await, [], "{other}");
    }
}

/// The service makes the partitions of the months to come; points of a month that came before its partition move into it.
#[tokio::test]
async fn each_month_has_its_partition() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = standard(&engineer).await;
    let mut sql = mesh.sql().await;
    let ahead = "SELECT to_char(now() AT TIME ZONE 'UTC' + interval '10 months', 'YYYY_MM')";
    let month: String = sqlx::query_scalar(ahead).fetch_one(&mut sql).await.unwrap();
    let run = async |statement: String| sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut mesh.sql().await).await.unwrap();
    run(format!("DROP TABLE analysis.spc_points_{month}")).await;
    let ts = format!("{}-02T00:00:00Z", month.replace('_', "-"));
    points(&engineer, &path, &[(&ts, Some(4.0))]).await;
    let held = async |table: String| -> i64 {
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM analysis.{table}"));
        sqlx::query_scalar(count).fetch_one(&mut mesh.sql().await).await.unwrap()
    };
    assert_eq!(held("spc_points_other".to_owned()).await, 1);
    run("SET ROLE spectra_analysis; SET search_path = analysis; SELECT make_partitions()".to_owned()).await;
    assert_eq!((held("spc_points_other".to_owned()).await, held(format!("spc_points_{month}")).await), (0, 1));
    assert_eq!(engineer.get(&format!("{path}/chart")).await.expect(200)["points"][0]["value"], 4.0);
    points(&engineer, &path, &[(&ts, Some(5.0))]).await;
    assert_eq!(held(format!("spc_points_{month}")).await, 2);
}
