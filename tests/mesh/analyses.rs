//! Analyses, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, DEMO, Mesh, TEST};

use crate::{results::running, runs::ready_tool};

mod kinds;

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListAnalyses" => json!({"resultId": id("result"), "runId": id("run")}),
        "GetAnalysis" => json!({"id": id("analysis"), "kind": "ANALYSIS_KIND_VAN_DER_PAUW"}),
        "Analyse" => json!({
            "kind": "ANALYSIS_KIND_VAN_DER_PAUW", "resultId": id("result"), "runId": id("run"), "inputs": {"r_a": 100, "r_b": 100},
        }),
        _ => return None,
    })
}

const ANALYSES: &str = "/api/analysis/analyses";
const RESULTS: &str = "/api/analysis/results";

/// Analyses a result; the analysis's id.
pub(crate) async fn analysed(engineer: &Caller, result: &str) -> String {
    let asked = json!({"result_id": result, "inputs": {"r_a": 100, "r_b": 50}});
    let made = engineer.post(&format!("{ANALYSES}/van_der_pauw"), asked).await.expect(200);
    made["id"].as_str().unwrap().to_owned()
}

/// The transfer characteristic of a transistor whose threshold is 0.7 V, at a drain voltage of 0.05 V.
fn transfer() -> (Vec<f64>, Vec<f64>) {
    (0..61).map(|index| 0.05 * f64::from(index)).map(|v| (v, 2e-4 * (v - 0.725).max(0.0) * 0.05 + 1e-12)).unzip()
}

fn close(value: &Value, expected: f64, rel: f64) {
    let found = value.as_f64().unwrap_or(f64::NAN);
    assert!((found - expected).abs() <= rel * expected.abs(), "{found} is not {expected}");
}

#[tokio::test]
async fn a_result_is_analysed_into_another_of_its_run() {
    let mesh = Mesh::start().await;
    let (engineer, tech, viewer) = (mesh.demo("engineer").await, mesh.demo("technician").await, mesh.demo("viewer").await);
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let (vgs, id) = transfer();
    let said = json!({"result_type": "sweep", "data": {"Gate V": vgs, "id": id, "note": "warm"}, "metrics": {"vds": 0.5}});
    let input = tech.post(&format!("{run}/results"), said).await.expect(201);
    // What is sent comes before what the result holds; an input is found under its own name, or under another one.
    let asked = json!({"result_id": input["id"], "inputs": {"vds": 0.05}, "params": {"i_crit": 1e-7}, "columns": {"vgs": "Gate V"}});
    let made = tech.post(&format!("{ANALYSES}/mosfet_transfer"), asked.clone()).await.expect(200);
    close(&made["outputs"]["vth"], 0.7, 1e-5);
    close(&made["outputs"]["gm_max"], 1e-5, 1e-9);
    let run_id = run.rsplit('/').next().unwrap();
    assert_eq!((&made["kind"], &made["input_result_id"], &made["run_id"]), (&json!("mosfet_transfer"), &input["id"], &json!(run_id)));
    assert_eq!((&made["method"], &made["version"]), (&json!("extrapolation_linear_region"), &json!("1")));
    assert_eq!(made["params"], json!({"i_crit": 1e-7}));
    assert!(made["flags"].is_array() && made["created_at"].is_string());

    let derived = viewer.get(&format!("{RESULTS}/{}", made["result_id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&derived["derived_from"], &derived["run_id"]), (&input["id"], &json!(run_id)));
    assert_eq!((&derived["result_type"], &derived["calibration_hash"]), (&json!("mosfet_transfer"), &input["calibration_hash"]));
    assert_eq!(derived["metrics"]["vth"], made["outputs"]["vth"]);
    for name in ["kind", "method", "version", "params", "flags", "outputs"] {
        assert_eq!(derived["data"][name], made[name], "{name}");
    }
    assert_eq!((&derived["data"]["inputs"], &derived["data"]["columns"]), (&asked["inputs"], &asked["columns"]));

    let path = format!("{ANALYSES}/mosfet_transfer/{}", made["id"].as_str().unwrap());
    assert_eq!(viewer.get(&path).await.expect(200), made);
    for query in [
        format!("result_id={}", input["id"].as_str().unwrap()),
        format!("result_id={}", derived["id"].as_str().unwrap()),
        format!("run_id={run_id}"),
    ] {
        let listed = viewer.get(&format!("{ANALYSES}?count=true&{query}")).await.expect(200);
        assert_eq!((&listed["items"], &listed["pagination"]["total"]), (&json!([made]), &json!(1)), "{query}");
    }
    engineer.delete(&path).await.refused(405, "method_not_allowed");
    viewer.post(&format!("{ANALYSES}/mosfet_transfer"), asked).await.refused(403, "role_required");
}

#[tokio::test]
async fn numbers_that_are_sent_are_stored_under_a_run_or_not_at_all() {
    let mesh = Mesh::start().await;
    let (engineer, tech) = (mesh.demo("engineer").await, mesh.demo("technician").await);
    let path = format!("{ANALYSES}/van_der_pauw");
    let told = tech.post(&path, json!({"inputs": {"r_a": 100, "r_b": 50}})).await.expect(200);
    close(&told["outputs"]["Rs"], 326.425_130_263_649_7, 1e-12);
    assert_eq!(
        (&told["id"], &told["result_id"], &told["run_id"], &told["created_at"]),
        (&Value::Null, &Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(tech.get(ANALYSES).await.expect(200)["items"], json!([]));

    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let run_id = run.rsplit('/').next().unwrap();
    let asked = json!({"run_id": run_id, "inputs": {"cases": [[100, 100], [100, 1]]}});
    let keyed = tech.with("idempotency-key", "once");
    let made = keyed.post(&path, asked.clone()).await.expect(200);
    assert_eq!(made["flags"], json!(["resistance_ratio_over_10"]));
    assert_eq!(keyed.post(&path, asked).await.expect(200), made, "the key replays");
    let results = tech.get(&format!("{run}/results")).await.expect(200);
    assert_eq!(results["items"].as_array().unwrap().len(), 1);
    assert_eq!((&results["items"][0]["id"], &results["items"][0]["derived_from"]), (&made["result_id"], &Value::Null));
    assert_eq!(results["items"][0]["metrics"], json!({}), "lists are no metrics");

    let waiting =
        engineer.post("/api/analysis/runs", json!({"instrument_id": ready_tool(&engineer).await, "method": "m"})).await.expect(201);
    let asked = json!({"run_id": waiting["id"], "inputs": {"r_a": 1, "r_b": 1}});
    tech.post(&path, asked).await.refused(409, "run_state");
}

#[tokio::test]
async fn what_is_at_fault_is_named() {
    let mesh = Mesh::start().await;
    let tech = mesh.demo("technician").await;
    let analyse = async |kind: &str, asked: Value| tech.post(&format!("{ANALYSES}/{kind}"), asked).await;
    for (kind, asked, cause, field) in [
        (
            "mosfet_transfer",
            json!({"inputs": {"vgs": [0, 0.5, 1], "id": [1e-13, 1e-13, 1e-13], "vds": 0.05}, "params": {"i_crit": 1e-7}}),
            "threshold_not_reached",
            Value::Null,
        ),
        ("diode_iv", json!({"inputs": {"v": [0.1, 0.2], "i": [1e-9, "Infinity"]}}), "non_finite_value", json!("inputs.i[1]")),
        ("diode_iv", json!({"inputs": {"v": [0.1, 0.2], "i": [1e-9]}}), "length_mismatch", json!("inputs.i")),
        ("hall", json!({}), "missing_field", json!("inputs.current_A")),
        ("van_der_pauw", json!({"inputs": {"r_a": 1, "r_b": "x"}}), "wrong_type", json!("inputs.r_b")),
        ("wafer_map", json!({"inputs": {"z": [1, null, 2]}}), "too_few_sites", json!("inputs.z")),
        (
            "xrd_bragg",
            json!({"inputs": {"two_theta_deg": [30], "wavelength_A": 1.54, "colour": 1}}),
            "unknown_field",
            json!("inputs.colour"),
        ),
        ("cv_doping", json!({"inputs": {"v": [], "c": [], "area_m2": -1, "eps_r": 11.7}}), "out_of_range", json!("inputs.area_m2")),
        (
            "four_point_probe",
            json!({"inputs": {"v_over_i": 1e308, "probe_spacing_m": 1e-3, "thickness_m": 1}}),
            "beyond_numbers",
            Value::Null,
        ),
    ] {
        let problem = analyse(kind, asked).await.refused(422, "analysis_refused");
        assert_eq!((&problem["cause"], &problem["kind"], &problem["field"]), (&json!(cause), &json!(kind), &field), "{problem}");
    }
    let problem = analyse("hall", json!({"columns": {"v_hall": "V"}})).await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "columns");
    analyse("unspecified", json!({})).await.refused(422, "invalid");
    analyse("palm_reading", json!({})).await.refused(400, "malformed");
    let large: Vec<f64> = (0..40_000).map(|index| 1.0 + f64::from(index) * 1e-9).collect();
    let problem = analyse("wafer_map", json!({"inputs": {"z": large}})).await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "inputs");
}

#[tokio::test]
async fn another_organizations_results_and_runs_are_nobodys() {
    let mesh = Mesh::start().await;
    let (engineer, other) = (mesh.demo("engineer").await, mesh.caller("engineer", TEST).await);
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let result = engineer.post(&format!("{run}/results"), json!({"result_type": "t", "metrics": {"r_a": 1, "r_b": 2}})).await.expect(201);
    let run_id = run.rsplit('/').next().unwrap();
    let path = format!("{ANALYSES}/van_der_pauw");
    let made = engineer.post(&path, json!({"result_id": result["id"]})).await.expect(200);
    other.post(&path, json!({"result_id": result["id"]})).await.refused(404, "not_found");
    other.post(&path, json!({"run_id": run_id, "inputs": {"r_a": 1, "r_b": 2}})).await.refused(404, "not_found");
    other.get(&format!("{ANALYSES}/van_der_pauw/{}", made["id"].as_str().unwrap())).await.refused(404, "not_found");
    assert_eq!(other.get(&format!("{ANALYSES}?run_id={run_id}")).await.expect(200)["items"], json!([]));

    let elsewhere = running(&engineer, &ready_tool(&engineer).await).await;
    let asked = json!({"result_id": result["id"], "run_id": elsewhere.rsplit('/').next().unwrap()});
    let problem = engineer.post(&path, asked).await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "run_id");
    for (columns, field) in [(json!({"r_a": "R9"}), "columns.r_a"), (json!({"R": "r_a"}), "columns.R")] {
        let problem = engineer.post(&path, json!({"result_id": result["id"], "columns": columns})).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    assert_eq!(mesh.caller("viewer", DEMO).await.get(ANALYSES).await.expect(200)["items"], json!([made]), "nothing refused is stored");
}
