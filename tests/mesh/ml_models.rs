//! Models, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};
use sqlx::Connection;

use crate::{
    calibrations::{certificate, instrument},
    feature_sets::{feature_set, measured},
    runs::ready_tool,
};

const MODELS: &str = "/api/analysis/models";
const RUNS: &str = "/api/analysis/runs";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListMlModels" => json!({"featureSetId": id("feature set")}),
        "CreateMlModel" => {
            let (set, run) = (id("feature set"), id("run"));
            json!({"name": "vth", "version": "next", "framework": "sklearn", "uri": "s3://models/vth", "featureSetId": set, "runIds": [run]})
        }
        "GetMlModel" | "ListMlModelRuns" | "RetireMlModel" => json!({"id": id("model")}),
        "StageMlModel" => json!({"id": id("model"), "stage": "MODEL_STAGE_STAGING"}),
        _ => return None,
    })
}

/// The path of a new model that was trained on these runs.
pub(crate) async fn model(engineer: &Caller, version: &str, more: Value) -> String {
    let mut model = json!({"name": "vth", "version": version, "framework": "sklearn", "uri": "s3://models/vth"});
    model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let model = engineer.post(MODELS, model).await.expect(201);
    format!("{MODELS}/{}", model["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_model_says_what_it_was_trained_on() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let tool = ready_tool(&engineer).await;
    let (first, _) = measured(&engineer, &tool, json!({"vth": 0.5})).await;
    let (second, _) = measured(&engineer, &tool, json!({"vth": 0.6})).await;
    measured(&engineer, &tool, json!({"other": 1})).await;
    let set = feature_set(&engineer, json!({"metrics": ["vth"]})).await;

    let selected = model(&engineer, "1", json!({"feature_set_id": set, "metrics": {"r2": 0.98}, "content_hash": "ab".repeat(32)})).await;
    measured(&engineer, &tool, json!({"vth": 0.7})).await;
    let read = viewer.get(&selected).await.expect(200);
    assert_eq!((&read["trained_on_runs"], &read["stage"], &read["metrics"]), (&json!(2), &json!("none"), &json!({"r2": 0.98})));
    let runs = viewer.get(&format!("{selected}/runs")).await.expect(200);
    let mut linked: Vec<_> = runs["items"].as_array().unwrap().iter().map(|run| run["run_id"].as_str().unwrap()).collect();
    linked.sort_unstable();
    let mut expected = [first.as_str(), &second];
    expected.sort_unstable();
    assert_eq!(linked, expected, "those that there were when it was registered");
    assert_eq!((&runs["items"][0]["calibration"]["certificate_id"], &runs["items"][0]["status"]), (&json!("C-1"), &json!("running")));

    let named = model(&engineer, "2", json!({"feature_set_id": set, "run_ids": [second]})).await;
    assert_eq!(viewer.get(&format!("{named}/runs?count=true")).await.expect(200)["pagination"]["total"], 1);
    let bare = json!({"name": "vth", "version": "1", "framework": "sklearn", "uri": "u"});
    engineer.post(MODELS, bare.clone()).await.refused(409, "already_exists");
    let nobodys = json!({"name": "n", "version": "1", "framework": "f", "uri": "u", "run_ids": [spectra_mesh::new_id().to_string()]});
    let problem = engineer.post(MODELS, nobodys).await.refused(404, "not_found");
    assert!(problem["detail"].as_str().unwrap().contains("run"), "{problem}");
    let twice = json!({"name": "n", "version": "1", "framework": "f", "uri": "u", "run_ids": [second, second.to_uppercase()]});
    assert_eq!(engineer.post(MODELS, twice).await.refused(422, "invalid")["errors"][0]["field"], "run_ids[1]");
    let theirs = mesh.caller("engineer", TEST).await;
    theirs.post(MODELS, bare).await.expect(201);
    theirs.get(&selected).await.refused(404, "not_found");
}

/// A model is in question by any certificate of its runs: the lineage names them all.
#[tokio::test]
async fn lineage_names_the_certificates_of_all_instruments() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let (first, second) = (instrument(&engineer, "first").await, instrument(&engineer, "second").await);
    certificate(&engineer, &first, "C-1", -10, 100).await;
    let bad = certificate(&engineer, &second, "C-2", -10, 100).await;
    let run = engineer.post(RUNS, json!({"instrument_id": first, "method": "m", "further_instrument_ids": [second]})).await.expect(201);
    let alone = engineer.post(RUNS, json!({"instrument_id": first, "method": "m"})).await.expect(201);
    for run in [&run, &alone] {
        engineer.act(&format!("{RUNS}/{}/start", run["id"].as_str().unwrap())).await.expect(200);
    }
    let path = model(&engineer, "1", json!({"run_ids": [run["id"], alone["id"]]})).await;
    let lineage = async || {
        let listed = engineer.get(&format!("{path}/runs")).await.expect(200)["items"].as_array().unwrap().clone();
        [&run, &alone].map(|run| listed.iter().find(|linked| linked["run_id"] == run["id"]).unwrap().clone())
    };
    let [both, one] = lineage().await;
    assert_eq!((&both["calibration"]["certificate_id"], &both["calibration_suspect"]), (&json!("C-1"), &json!(false)));
    assert_eq!(
        both["further_instruments"],
        engineer.get(&format!("{RUNS}/{}", run["id"].as_str().unwrap())).await.expect(200)["further_instruments"]
    );
    assert_eq!(one["further_instruments"], json!([]));

    pi.post(&format!("{bad}/revoke"), json!({"reason": "drift"})).await.expect(200);
    assert_eq!(engineer.get(&path).await.expect(200)["calibration_suspect"], true);
    let [both, one] = lineage().await;
    assert_eq!((&both["calibration_suspect"], &one["calibration_suspect"]), (&json!(true), &json!(false)));
    let further = &both["further_instruments"][0];
    assert_eq!((&further["instrument_id"], &further["certificate_id"]), (&json!(second), &json!("C-2")));
    let status = async |id: &Value| {
        engineer.get(&format!("/api/analysis/calibrations/{}", id.as_str().unwrap())).await.expect(200)["status"].clone()
    };
    assert_eq!(status(&further["calibration_id"]).await, "revoked", "this is the one at fault");
    assert_eq!(status(&both["calibration"]["id"]).await, "valid");
}

#[tokio::test]
async fn production_has_room_for_one_version_of_a_name() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let stage = |stage: &str| json!({"stage": stage, "comment": "it does better"});
    let first = model(&engineer, "1", json!({})).await;
    engineer.post(&format!("{first}/stage"), stage("staging")).await.refused(403, "role_required");
    pi.post(&format!("{first}/stage"), json!({})).await.refused(422, "invalid");
    assert_eq!(pi.post(&format!("{first}/stage"), stage("staging")).await.expect(200)["stage"], "staging");
    pi.post(&format!("{first}/stage"), stage("production")).await.expect(200);
    pi.post(&format!("{first}/stage"), stage("production")).await.refused(409, "model_state");

    let mut moves = Vec::new();
    for version in ["2", "3", "4", "5"] {
        let path = format!("{}/stage", model(&engineer, version, json!({})).await);
        let (pi, body) = (pi.clone(), stage("production"));
        moves.push(tokio::spawn(async move { pi.post(&path, body).await.expect(200) }));
    }
    for moved in moves {
        moved.await.unwrap();
    }
    let listed = |stage: &str| format!("{MODELS}?name=vth&stage={stage}");
    assert_eq!(pi.get(&listed("production")).await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(pi.get(&listed("archived")).await.expect(200)["items"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn what_is_retired_stays_so_and_nothing_is_rewritten() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let path = model(&engineer, "1", json!({})).await;
    pi.post(&format!("{path}/stage"), json!({"stage": "production"})).await.expect(200);
    engineer.act(&format!("{path}/retire")).await.refused(403, "role_required");
    let retired = pi.post(&format!("{path}/retire"), json!({"comment": "replaced"})).await.expect(200);
    assert_eq!((&retired["stage"], retired["retired_at"].is_string()), (&json!("archived"), true));
    pi.act(&format!("{path}/retire")).await.refused(409, "model_state");
    pi.post(&format!("{path}/stage"), json!({"stage": "staging"})).await.refused(409, "model_state");
    assert_eq!(engineer.delete(&path).await.status, 405);
    let other = model(&engineer, "2", json!({})).await;
    engineer.act(&format!("{other}/retire")).await.expect(200);

    let mut sql = mesh.sql().await;
    for change in ["uri = 'elsewhere'", "metrics = '{\"r2\": 1}'", "retired_at = NULL, stage = 'none'", "trained_on_runs = 7"] {
        let mut tx = sql.begin().await.unwrap();
        let statement = format!("UPDATE analysis.ml_models SET {change} WHERE version = '1'");
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *tx).await.unwrap_err().to_string();
        assert!(refused.contains("a model is never rewritten"), "{change}: {refused}");
        tx.rollback().await.unwrap();
    }
}
