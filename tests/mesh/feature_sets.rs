//! Feature sets, through the gateway.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use spectra_tests::{Caller, DEMO, Mesh};

use crate::runs::ready_tool;

const FEATURE_SETS: &str = "/api/analysis/feature-sets";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListFeatureSets" => json!({"name": "features"}),
        "GetFeatureSet" | "ListFeatureSetRows" => json!({"id": id("feature set")}),
        "CreateFeatureSet" => json!({"featureSet": {"name": "features", "spec": {"metrics": ["vth"]}}}),
        _ => return None,
    })
}

/// The id of a feature set that selects by this.
pub(crate) async fn feature_set(engineer: &Caller, spec: Value) -> String {
    let set = engineer.post(FEATURE_SETS, json!({"name": "features", "spec": spec})).await.expect(201);
    set["id"].as_str().unwrap().to_owned()
}

/// A result of a new run on an instrument: the ids of both.
pub(crate) async fn measured(engineer: &Caller, tool: &str, metrics: Value) -> (String, String) {
    let run = engineer.post("/api/analysis/runs", json!({"instrument_id": tool, "method": "iv_sweep"})).await.expect(201);
    let run = run["id"].as_str().unwrap().to_owned();
    let path = format!("/api/analysis/runs/{run}");
    engineer.act(&format!("{path}/start")).await.expect(200);
    let result = engineer.post(&format!("{path}/results"), json!({"result_type": "iv_analysis", "metrics": metrics})).await.expect(201);
    (run, result["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_feature_set_selects_metrics_of_results() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let (tool, other) = (ready_tool(&engineer).await, ready_tool(&engineer).await);
    let (first, _) = measured(&engineer, &tool, json!({"vth": 0.5, "gm_max": 1e-3})).await;
    let (second, _) = measured(&engineer, &tool, json!({"vth": 0.51, "gm_max": null})).await;
    measured(&engineer, &other, json!({"vth": 0.9})).await;
    measured(&engineer, &tool, json!({"roughness": 2})).await;

    let features = json!(["vth", {"metric": "gm_max", "name": "gm"}]);
    let set = feature_set(&engineer, json!({"metrics": features, "instrument_id": tool})).await;
    let rows = viewer.get(&format!("{FEATURE_SETS}/{set}/rows?count=true")).await.expect(200);
    let told = |row: &Value| (row["run_id"].as_str().unwrap().to_owned(), row["features"].clone());
    let told: Vec<_> = rows["items"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(told, [(second, json!({"vth": 0.51, "gm": null})), (first, json!({"vth": 0.5, "gm": 0.001}))]);
    assert_eq!(rows["pagination"]["total"], 2);

    let all = feature_set(&engineer, json!({"method": "iv_sweep"})).await;
    let rows = viewer.get(&format!("{FEATURE_SETS}/{all}/rows")).await.expect(200);
    assert_eq!(rows["items"][0]["features"], json!({"roughness": 2}), "every number is a feature");
    assert_eq!(rows["items"].as_array().unwrap().len(), 4);
    let none = feature_set(&engineer, json!({"to": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(viewer.get(&format!("{FEATURE_SETS}/{none}/rows")).await.expect(200)["items"], json!([]));
}

/// A model is linked to the runs of the rows that it was trained on, whatever they are selected by.
#[tokio::test]
async fn lineage_is_of_the_rows_that_are_selected() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let (tool, other) = (ready_tool(&engineer).await, ready_tool(&engineer).await);
    let mut runs = Vec::new();
    for (tool, metrics) in [(&tool, json!({"vth": 0.5})), (&other, json!({"vth": 0.6})), (&tool, json!({"gm": 1}))] {
        runs.push(measured(&engineer, tool, metrics).await.0);
    }
    let path = |run: &str| format!("/api/analysis/runs/{run}");
    let more = json!({"result_type": "dc", "metrics": {"vth": 0.7}});
    let second = engineer.post(&format!("{}/results", path(&runs[0])), more).await.expect(201)["created_at"].clone();
    engineer.act(&format!("{}/complete", path(&runs[0]))).await.expect(200);
    let certificate = engineer.get(&path(&runs[1])).await.expect(200)["calibration_id"].as_str().unwrap().to_owned();
    pi.post(&format!("/api/analysis/calibrations/{certificate}/revoke"), json!({"reason": "drift"})).await.expect(200);

    for (nth, (spec, selected)) in [
        (json!({}), vec![0, 2]),
        (json!({"include_suspect": true}), vec![0, 1, 2]),
        (json!({"metrics": ["vth"]}), vec![0]),
        (json!({"metrics": ["vth", "gm"], "include_suspect": true}), vec![0, 1, 2]),
        (json!({"result_type": "dc"}), vec![0]),
        (json!({"method": "iv_sweep"}), vec![0, 2]),
        (json!({"method": "other"}), vec![]),
        (json!({"run_status": "succeeded"}), vec![0]),
        (json!({"instrument_id": tool}), vec![0, 2]),
        (json!({"recipe_id": tool}), vec![]),
        (json!({"sample_id": tool}), vec![]),
        (json!({"from": second}), vec![0]),
        (json!({"to": second, "include_suspect": true}), vec![0, 1, 2]),
        (json!({"to": second, "metrics": ["gm"]}), vec![2]),
    ]
    .into_iter()
    .enumerate()
    {
        let set = feature_set(&engineer, spec.clone()).await;
        let model = json!({"name": "m", "version": nth.to_string(), "framework": "f", "uri": "u", "feature_set_id": set});
        let model = engineer.post("/api/analysis/models", model).await.expect(201)["id"].as_str().unwrap().to_owned();
        let expected: BTreeSet<_> = selected.into_iter().map(|nth: usize| runs[nth].clone()).collect();
        for list in [format!("{FEATURE_SETS}/{set}/rows"), format!("/api/analysis/models/{model}/runs")] {
            let listed = engineer.get(&list).await.expect(200);
            let told: BTreeSet<_> =
                listed["items"].as_array().unwrap().iter().map(|row| row["run_id"].as_str().unwrap().to_owned()).collect();
            assert_eq!(told, expected, "{list} by {spec}");
        }
    }
}

#[tokio::test]
async fn suspect_results_are_taken_when_they_are_asked_for() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = ready_tool(&engineer).await;
    let (run, _) = measured(&engineer, &tool, json!({"vth": 0.5})).await;
    let certificate = engineer.get(&format!("/api/analysis/runs/{run}")).await.expect(200)["calibration_id"].as_str().unwrap().to_owned();
    let model = json!({"name": "m", "version": "1", "framework": "sklearn", "uri": "s3://m/1", "run_ids": [run]});
    let model = engineer.post("/api/analysis/models", model).await.expect(201);
    pi.post(&format!("/api/analysis/calibrations/{certificate}/revoke"), json!({"reason": "drift"})).await.expect(200);

    for (include, expected) in [(false, 0), (true, 1)] {
        let set = feature_set(&engineer, json!({"metrics": ["vth"], "include_suspect": include})).await;
        let rows = engineer.get(&format!("{FEATURE_SETS}/{set}/rows")).await.expect(200);
        let rows = rows["items"].as_array().unwrap();
        assert_eq!(rows.len(), expected);
        assert!(rows.iter().all(|row| row["calibration_suspect"] == true));
    }
    let model = format!("/api/analysis/models/{}", model["id"].as_str().unwrap());
    assert_eq!(pi.get(&model).await.expect(200)["calibration_suspect"], true);
    pi.post(&format!("{model}/stage"), json!({"stage": "production"})).await.refused(409, "model_suspect");
    let late = json!({"name": "m", "version": "2", "framework": "sklearn", "uri": "s3://m/2", "run_ids": [run]});
    assert_eq!(engineer.post("/api/analysis/models", late).await.expect(201)["calibration_suspect"], true);
}

#[tokio::test]
async fn another_of_the_same_name_is_its_next_version() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (name, spec) = ("several at once", json!({"metrics": ["vth"], "colour": "red"}));
    let made = (0..8).map(|_| {
        let (engineer, set) = (engineer.clone(), json!({"name": name, "spec": spec}));
        tokio::spawn(async move { engineer.post(FEATURE_SETS, set).await.expect(201) })
    });
    let mut versions = Vec::new();
    for made in made.collect::<Vec<_>>() {
        let made = made.await.unwrap();
        assert_eq!((&made["spec"]["colour"], &made["warnings"][0]["code"]), (&json!("red"), &json!("spec_key_unknown")));
        versions.push(made["set_version"].as_i64().unwrap());
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=8).collect::<Vec<_>>());
    let listed = engineer.get(&format!("{FEATURE_SETS}?name=several%20at%20once&count=true")).await.expect(200);
    assert_eq!(listed["pagination"]["total"], 8);
    mesh.caller("technician", DEMO).await.post(FEATURE_SETS, json!({"name": "n", "spec": {}})).await.refused(403, "role_required");
}

#[tokio::test]
async fn a_spec_that_means_nothing_is_refused_by_its_place() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    for (spec, place) in [
        (json!({"metrics": "vth"}), "spec.metrics"),
        (json!({"metrics": ["vth", "vth"]}), "spec.metrics"),
        (json!({"sample_id": "x"}), "spec.sample_id"),
        (json!({"from": 1}), "spec.from"),
    ] {
        let problem = engineer.post(FEATURE_SETS, json!({"name": "n", "spec": spec})).await.refused(422, "invalid");
        assert!(problem.to_string().contains(place), "{problem}");
    }
    engineer.post(FEATURE_SETS, json!({"name": "n"})).await.refused(422, "invalid");
}
