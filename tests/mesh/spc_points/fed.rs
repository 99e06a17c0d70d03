//! What each kind of chart takes of results, and that none of them ever refuses a measurement.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh};

use super::day;
use crate::{
    results::running,
    runs::ready_tool,
    spc_series::{made, series},
};

/// The values, the sizes and the parts of the points of a series, the oldest first.
async fn fed(caller: &Caller, series: &str) -> Vec<Value> {
    let listed = caller.get(&format!("{series}/points?limit=1000")).await.expect(200);
    let points = listed["items"].as_array().unwrap().iter().rev();
    points.map(|point| json!([point["value"].as_f64(), point["n"], point["part"]])).collect()
}

fn values(values: &[f64]) -> Vec<Value> {
    values.iter().map(|value| json!([value, null, null])).collect()
}

/// Makes sure that one warning tells of a series, and of nothing that the caller did not send.
fn assert_told(answer: &Value, series: &str, what: &str) {
    let warnings = answer["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{answer}");
    let message = warnings[0]["message"].as_str().unwrap();
    assert_eq!(warnings[0]["code"], "not_charted");
    assert!(message.contains(series.rsplit('/').next().unwrap()) && message.contains(what), "{message}");
    assert!(!message.contains("points["), "{message}");
}

#[tokio::test]
async fn a_chart_refuses_no_measurement() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (judging, free) = (series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3})).await, series(&engineer, json!({})).await);
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let said = |vth: f64| json!({"result_type": "t", "metrics": {"vth": vth}});
    let record =
        async |vth: f64| engineer.with("idempotency-key", &format!("{vth:e}")).post(&format!("{run}/results"), said(vth)).await.expect(201);
    assert_eq!(record(-1e308).await["warnings"], json!([]));
    let stored = record(1e308).await;
    assert_told(&stored, &judging, "vth of 1e308 is not taken: value must be finite");
    assert_eq!(record(1e308).await, stored, "the key replays what there is to know");
    assert_eq!(engineer.get(&format!("/api/analysis/results/{}", stored["id"].as_str().unwrap())).await.expect(200)["warnings"], json!([]));
    assert_eq!(record(0.1).await["warnings"], json!([]));

    // Of several that come at once, the chart takes what it can.
    let body = json!({"results": [said(0.2), said(1e308), said(-1e308), said(0.3)]});
    let ended = engineer.post(&format!("{run}/complete"), body).await.expect(200);
    assert_told(&ended, &judging, "vth of -1e308");
    assert_eq!((&ended["status"], &ended["result_count"]), (&json!("succeeded"), &json!(7)));
    assert_eq!(fed(&engineer, &judging).await, values(&[-1e308, 0.1, 0.2, 1e308, 0.3]));
    assert_eq!(fed(&engineer, &free).await, values(&[-1e308, 1e308, 0.1, 0.2, 1e308, -1e308, 0.3]));
    assert_eq!(engineer.get(&judging).await.expect(200)["points"], 5, "what is not taken is not counted");
    // A failed run tells it too.
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let failed = engineer.post(&format!("{run}/fail"), json!({"results": [said(1e308), said(-1e308)]})).await.expect(200);
    assert_told(&failed, &judging, "vth of -1e308");
}

/// A result of a run that has ended is a late point: where too many would be judged again for it, it is stored without.
#[tokio::test]
async fn a_long_chart_keeps_no_result_waiting() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"chart_type": "ewma", "ctrl_lcl": -3, "ctrl_ucl": 3})).await;
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    engineer.post(&format!("{run}/complete"), json!({})).await.expect(200);
    let id: uuid::Uuid = path.rsplit('/').next().unwrap().parse().unwrap();
    let many = "WITH made AS (
                  INSERT INTO analysis.spc_points (organization_id, series_id, id, ts, value)
                  SELECT organization_id, id, gen_random_uuid(), now() + nth * interval '1 ms', 0.1
                    FROM analysis.spc_series, generate_series(1, 100001) nth WHERE id = $1 RETURNING ts)
                UPDATE analysis.spc_states SET points = 100001, last_ts = (SELECT max(ts) FROM made) WHERE series_id = $1";
    sqlx::query(many).bind(id).execute(&mut mesh.sql().await).await.unwrap();
    let said = json!({"result_type": "t", "metrics": {"vth": 0.1}});
    let stored = engineer.post(&format!("{run}/results"), said).await.expect(201);
    assert_told(&stored, &path, "more than 100000 points would have to be judged again");
    assert_eq!(engineer.get(&path).await.expect(200)["points"], 100_001);
}

#[tokio::test]
async fn charts_of_counts_and_of_parts_are_fed() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let chart = async |kind: &str, more: Value| {
        let mut body = json!({"metric": "flaws", "chart_type": kind});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        series(&engineer, body).await
    };
    let (c, u, p) =
        (chart("c", json!({"centre": 4})).await, chart("u", json!({"centre": 0.5})).await, chart("p", json!({"centre": 0.1})).await);
    let parts = json!({"parts": {"A": {"mean": 1, "sigma": 1}, "iv_sweep": {"mean": 2, "sigma": 1}}});
    let short = chart("z_mr", json!({"metric": "vth", "chart_options": parts})).await;
    let several = json!({
        "chart_type": "t2", "ctrl_ucl": 9, "chart_options": {"variables": {"mean": [0, 0], "covariance": [[1, 0], [0, 1]]}},
    });
    let several = made(&engineer, several).await.expect(201);
    assert_eq!(several["warnings"][0]["code"], "fed_by_hand", "{several}");
    assert_eq!(engineer.get(&c).await.expect(200)["warnings"], json!([]));

    let tool = ready_tool(&engineer).await;
    let run = async |params: Value| {
        let run = json!({"instrument_id": tool, "method": "iv_sweep", "params": params});
        let run = engineer.post("/api/analysis/runs", run).await.expect(201)["id"].clone();
        let path = format!("/api/analysis/runs/{}", run.as_str().unwrap());
        engineer.act(&format!("{path}/start")).await.expect(200);
        format!("{path}/results")
    };
    let record = async |run: &str, metrics: Value| engineer.post(run, json!({"result_type": "t", "metrics": metrics})).await.expect(201);
    let one = run(json!({"part": "A"})).await;
    assert_eq!(record(&one, json!({"flaws": 5, "flaws_n": 20, "vth": 1.5})).await["warnings"], json!([]));
    // Without a size `u` and `p` take nothing; a share is no count; and no more can be flawed than were looked at.
    let bare = record(&one, json!({"flaws": 3})).await;
    assert_eq!(bare["warnings"].as_array().unwrap().len(), 2, "{bare}");
    let broken = record(&one, json!({"flaws": 2.5, "n": 10})).await;
    assert_eq!(broken["warnings"].as_array().unwrap().len(), 3, "{broken}");
    assert!(broken["warnings"][0]["message"].as_str().unwrap().contains("a count is a whole number of 0 or more"), "{broken}");
    assert_told(&record(&one, json!({"flaws": 12, "n": 10})).await, &p, "flaws of 12.0 is not taken");
    assert_eq!(fed(&engineer, &c).await, values(&[5.0, 3.0, 12.0]));
    assert_eq!(fed(&engineer, &u).await, [json!([5.0, 20, null]), json!([12.0, 10, null])]);
    assert_eq!(fed(&engineer, &p).await, [json!([5.0, 20, null])]);

    record(&run(json!({})).await, json!({"vth": 2.5})).await;
    record(&run(json!({"part": 7})).await, json!({"vth": 2.6})).await;
    let unknown = record(&run(json!({"part": "B"})).await, json!({"vth": 2.7})).await;
    assert_told(&unknown, &short, "part ");
    assert_eq!(fed(&engineer, &short).await, [json!([1.5, null, "A"]), json!([2.5, null, "iv_sweep"]), json!([2.6, null, "iv_sweep"])]);
}

/// Whoever looks at what a certificate calls into question finds its points, run by run and all together.
#[tokio::test]
async fn points_are_listed_by_run_and_by_doubt() {
    let mesh = Mesh::start().await;
    let (engineer, pi, viewer) = (mesh.demo("engineer").await, mesh.demo("pi").await, mesh.demo("viewer").await);
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3})).await;
    let tool = crate::calibrations::instrument(&engineer, "tool").await;
    let paper = crate::calibrations::certificate(&engineer, &tool, "C-1", -10, 100).await;
    let (first, second) = (running(&engineer, &tool).await, running(&engineer, &ready_tool(&engineer).await).await);
    for (run, vth) in [(&first, 0.1), (&second, 0.2), (&first, 0.3)] {
        engineer.post(&format!("{run}/results"), json!({"result_type": "t", "metrics": {"vth": vth}})).await.expect(201);
    }
    engineer.post(&format!("{path}/points"), json!({"points": [{"ts": day(1), "value": 0.4}]})).await.expect(201);
    pi.post(&format!("{paper}/revoke"), json!({"reason": "the standard was off"})).await.expect(200);
    let listed = async |query: &str| {
        let listed = viewer.get(&format!("{path}/points?count=true&{query}")).await.expect(200);
        let values: Vec<f64> = listed["items"].as_array().unwrap().iter().map(|point| point["value"].as_f64().unwrap()).collect();
        (values, listed["pagination"]["total"].as_u64().unwrap())
    };
    let id = |run: &str| run.rsplit('/').next().unwrap().to_owned();
    assert_eq!(listed(&format!("run_id={}", id(&first))).await, (vec![0.3, 0.1], 2));
    assert_eq!(listed(&format!("run_id={}", id(&second))).await, (vec![0.2], 1));
    assert_eq!(listed("calibration_suspect=true").await, (vec![0.3, 0.1], 2));
    assert_eq!(listed("calibration_suspect=false").await, (vec![0.2, 0.4], 2));
    assert_eq!(listed(&format!("run_id={}&calibration_suspect=true", id(&second))).await, (Vec::new(), 0));
    let first_page = viewer.get(&format!("{path}/points?limit=1&calibration_suspect=true")).await.expect(200);
    let token = first_page["pagination"]["next_page_token"].as_str().unwrap();
    assert_eq!(listed(&format!("limit=1&calibration_suspect=true&page_token={token}")).await, (vec![0.1], 2));
    viewer.get(&format!("{path}/points?run_id=x")).await.refused(422, "invalid");
}
