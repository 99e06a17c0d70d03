//! Evaluation of points that a request brings along, through the gateway.

use std::{fs, path::Path};

use serde_json::{Value, json};
use spectra_tests::{Mesh, tools::root};

const EVALUATE: &str = "/api/analysis/spc/evaluate";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str) -> Option<Value> {
    match method {
        "EvaluateSpc" => Some(json!({"chart": "i_mr", "inputs": {"x": [1, 2, 3]}})),
        _ => None,
    }
}

/// One of the engine's vectors.
fn vector(name: &str) -> Value {
    let path = Path::new(&root()).join("services/spc/tests/vectors").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn a_chart_is_evaluated_as_the_engine_does() {
    let mesh = Mesh::start().await;
    let viewer = mesh.demo("viewer").await;
    for name in ["imr-missing-not-bridged.json", "rules-mirror-down.json", "cusum-nist-tabular.json", "ewma-unequal-n-missing.json"] {
        let vector = vector(name);
        let asked = json!({"chart": vector["chart"], "inputs": vector["inputs"], "params": vector["params"]});
        let answer = viewer.post(EVALUATE, asked).await.expect(200);
        assert_eq!(answer["chart"], vector["chart"].as_str().unwrap().replace('-', "_"));
        let (said, expected) = (&answer["outputs"], &vector["expected"]);
        assert_eq!(said["violations"], expected["violations"], "{name}");
        for list in ["cpos", "npos", "stats"] {
            let Some(expected) = expected[list].as_array() else { continue };
            let said = said[list].as_array().unwrap_or_else(|| panic!("{name} has no {list}"));
            assert_eq!(said.len(), expected.len(), "{name} {list}");
            for (a, b) in said.iter().zip(expected) {
                assert_eq!(a.is_null(), b.is_null(), "{name} {list}");
                assert!((a.as_f64().unwrap_or(0.0) - b.as_f64().unwrap_or(0.0)).abs() < 1e-8, "{name} {list}: {a} is not {b}");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_evaluated_is_refused_with_its_code() {
    let mesh = Mesh::start().await;
    let viewer = mesh.demo("viewer").await;
    let refused = async |asked: Value| {
        let problem = viewer.post(EVALUATE, asked).await.refused(422, "invalid");
        let error = &problem["errors"][0];
        (error["field"].as_str().unwrap().to_owned(), error.to_string())
    };
    for (asked, field, code) in [
        (json!({"kind": "capability", "inputs": {"x": [1, 2], "lsl": 55, "usl": 45}}), "lsl", "(invalid_spec_limits)"),
        (json!({"chart": "i-mr", "inputs": {"x": [1, 2, "Infinity"]}}), "x", "(non_finite_value at 2)"),
        (json!({"chart": "i-mr", "inputs": {"x": [1e308, -1e308]}}), "x", "(non_finite_value)"),
        (json!({"chart": "i-mr", "inputs": {"x": []}}), "x", "(insufficient_data)"),
        (json!({"chart": "p", "inputs": {"d": [1, 2], "n": [3]}}), "n", "(length_mismatch)"),
        (json!({"chart": "i-mr", "inputs": {"x": [1, 2]}, "params": {"ruleset": "x"}}), "ruleset", "(invalid_ruleset)"),
        (json!({"chart_type": "pie"}), "chart", "(unknown_chart)"),
        (json!({"inputs": {"x": [1, 2]}}), "chart", "must be given"),
        (json!({"chart": "p", "kind": "c"}), "chart", "must be said once"),
        (json!({"chart": "i_mr", "inputs": {"x": [1]}, "points": [1]}), "points", "must be left out"),
        (json!({"chart": "i_mr", "points": ["Infinity"]}), "x", "(non_finite_value at 0)"),
        (json!({"chart": "i_mr", "points": vec![0; 100_001]}), "points", "100000"),
        (json!({"chart": "i_mr", "inputs": {"x": vec![0.5; 30_000]}}), "inputs", "256 KiB"),
        (json!({"chart": "i_mr", "points": (0..90_000).collect::<Vec<_>>(), "params": {"ruleset": "nelson"}}), "points", "fewer points"),
    ] {
        let (named, told) = refused(asked).await;
        assert_eq!(named, field, "{told}");
        assert!(told.contains(code), "{told}");
    }
    let long: Vec<f64> = (0..100_000_u32).map(|place| f64::from(place % 7)).collect();
    let answer =
        viewer.post(EVALUATE, json!({"chart": "i_mr", "points": long, "params": {"ruleset": "western_electric"}})).await.expect(200);
    assert_eq!(answer["outputs"]["mr"]["values"].as_array().unwrap().len(), 100_000);
    let missing = viewer.post(EVALUATE, json!({"chart": "i_mr", "points": [1, "NaN", 2, 3]})).await.expect(200);
    assert_eq!(missing["outputs"]["mr"]["values"], json!([null, null, null, 1]));
}
