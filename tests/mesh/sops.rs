//! Standard operating procedures, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};

use crate::{calibrations, recipes};

const SOPS: &str = "/api/lims/sops";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListSops" => json!({}),
        "CreateSop" => json!({"sop": {"number": "SOP-9", "title": "t", "version": "9", "bodyMarkdown": "b"}}),
        "UpdateSop" => json!({"id": id("sop"), "sop": {"title": "t"}, "updateMask": "title"}),
        "GetSop" | "GetSopStanding" | "ListSopAcknowledgements" | "PublishSop" | "RetireSop" | "AcknowledgeSop" => json!({"id": id("sop")}),
        _ => return None,
    })
}

/// Writes a version of a procedure; its path.
pub(crate) async fn written(engineer: &Caller, number: &str, version: &str) -> String {
    let sop = json!({"number": number, "title": "IV characterisation", "version": version, "body_markdown": "# Do it\n"});
    let made = engineer.post(SOPS, sop).await;
    let path = made.header("location").to_owned();
    made.expect(201);
    path
}

/// A procedure of an organization that is in force, and that three people acknowledged; its id.
pub(crate) async fn in_force(mesh: &Mesh, organization: &str) -> String {
    let path = written(&mesh.caller("engineer", organization).await, &spectra_mesh::new_id().to_string(), "1").await;
    mesh.caller("pi", organization).await.act(&format!("{path}/publish")).await.expect(200);
    for role in ["technician", "engineer", "pi"] {
        mesh.caller(role, organization).await.act(&format!("{path}/acknowledge")).await.expect(200);
    }
    path.rsplit('/').next().unwrap().to_owned()
}

async fn versions(caller: &Caller, query: &str) -> Vec<String> {
    let listed = caller.get(&format!("{SOPS}?{query}")).await.expect(200);
    listed["items"].as_array().unwrap().iter().map(|sop| sop["version"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_procedure_goes_into_force_and_out_of_it() {
    let mesh = Mesh::start().await;
    let (engineer, pi, viewer) = (mesh.demo("engineer").await, mesh.demo("pi").await, mesh.demo("viewer").await);
    let sop = json!({
        "number": "SOP-001", "title": "IV characterisation", "version": "2.1", "body_markdown": "# Prepare\n<script>alert(1)</script>",
        "method": "iv_sweep", "hazard_level": "low", "checklist": ["Wear a strap", {"step": "Zero the probe", "limits": [1, 2]}],
        "effective_date": "2026-01-31", "review_date": "2027-01-31T12:00:00Z",
    });
    let made = engineer.post(SOPS, sop.clone()).await;
    let path = made.header("location").to_owned();
    let made = made.expect(201);
    for (name, value) in sop.as_object().unwrap().iter().filter(|(name, _)| *name != "review_date") {
        assert_eq!(made[name], *value, "{name}");
    }
    assert_eq!((&made["review_date"], &made["status"]), (&json!("2027-01-31"), &json!("draft")));
    assert_eq!(made["author_id"], engineer.get("/auth/me").await.expect(200)["id"]);

    let edited = engineer.patch(&path, json!({"body_md_uri": "https://wiki.lab/sop-1", "body_markdown": null, "checklist": []})).await;
    let edited = edited.expect(200);
    assert_eq!((&edited["body_markdown"], &edited["checklist"], &edited["revision"]), (&Value::Null, &json!([]), &json!(2)));
    viewer.put(&path, json!({"title": "t"})).await.refused(403, "role_required");
    engineer.act(&format!("{path}/publish")).await.refused(403, "role_required");
    pi.act(&format!("{path}/retire")).await.refused(409, "sop_state");
    let published = pi.act(&format!("{path}/publish")).await.expect(200);
    assert_eq!((&published["status"], &published["effective_date"]), (&json!("effective"), &json!("2026-01-31")));

    let frozen = engineer.put(&path, json!({"title": "other"})).await.refused(409, "sop_frozen");
    assert!(frozen["detail"].as_str().unwrap().contains("new version"), "{frozen}");
    pi.act(&format!("{path}/publish")).await.refused(409, "sop_state");
    pi.delete(&path).await.refused(405, "method_not_allowed");

    // Versions stand side by side; the next one takes the place of the one before.
    let next = written(&engineer, "SOP-001", "2.2").await;
    assert_eq!(versions(&viewer, "number=SOP-001").await, ["2.2", "2.1"]);
    let before = spectra_mesh::clock::now().date();
    let published = pi.act(&format!("{next}/publish")).await.expect(200);
    let today = [before, spectra_mesh::clock::now().date()].map(|day| day.to_string());
    assert!(today.iter().any(|day| published["effective_date"] == *day), "today, when it says no day: {published}");
    let before = viewer.get(&path).await.expect(200);
    assert_eq!(before["status"], "retired");
    assert_ne!(before["retired_at"], Value::Null);
    assert_eq!(versions(&viewer, "status=effective").await, ["2.2"]);
    let retired = pi.post(&format!("{next}/retire"), json!({"comment": "the tool is gone"})).await.expect(200);
    assert_eq!(retired["status"], "retired");
    assert!(versions(&viewer, "status=effective").await.is_empty());
    let why = pi.get("/api/lims/audit?kind=sops&limit=1").await.expect(200);
    assert_eq!(why["items"][0]["reason"], "the tool is gone");
}

#[tokio::test]
async fn a_procedure_must_make_sense() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let path = written(&engineer, "SOP-1", "1").await;
    let with = |more: Value| {
        let mut sop = json!({"number": "SOP-2", "title": "t", "version": "1", "body_markdown": "b"});
        sop.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        sop
    };
    for (more, field) in [
        (json!({"body_markdown": null}), "body_markdown"),
        (json!({"body_md_uri": "u"}), "body_md_uri"),
        (json!({"effective_date": "tomorrow"}), "effective_date"),
        (json!({"review_date": "2026-02-30"}), "review_date"),
        (json!({"number": " "}), "sop.number"),
        (json!({"status": "effective"}), "sop.status"),
        (json!({"checklist": vec!["x"; 201]}), "sop.checklist"),
    ] {
        let problem = engineer.post(SOPS, with(more)).await.refused(422, "invalid");
        assert!(problem["errors"][0]["field"].as_str().unwrap().ends_with(field.trim_start_matches("sop.")), "{field}: {problem}");
    }
    engineer
        .post(SOPS, json!({"number": "SOP-1", "title": "t", "version": "1", "body_markdown": "b"}))
        .await
        .refused(409, "already_exists");
    let planned = engineer.post(SOPS, with(json!({"effective_date": "2999-01-01"}))).await;
    let planned_path = planned.header("location").to_owned();
    planned.expect(201);
    pi.act(&format!("{planned_path}/publish")).await.refused(409, "sop_state");
    let stranger = mesh.caller("pi", TEST).await;
    for verb in ["publish", "retire", "acknowledge"] {
        stranger.act(&format!("{path}/{verb}")).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn people_acknowledge_what_is_in_force() {
    let mesh = Mesh::start().await;
    let (engineer, pi, viewer) = (mesh.demo("engineer").await, mesh.demo("pi").await, mesh.demo("viewer").await);
    let path = written(&engineer, "SOP-1", "1").await;
    viewer.act(&format!("{path}/acknowledge")).await.refused(409, "sop_state");
    pi.act(&format!("{path}/publish")).await.expect(200);
    let first = viewer.act(&format!("{path}/acknowledge")).await.expect(200);
    assert_eq!(viewer.act(&format!("{path}/acknowledge")).await.expect(200), first, "the first time counts");
    pi.act(&format!("{path}/acknowledge")).await.expect(200);
    let listed = engineer.get(&format!("{path}/acknowledgements")).await.expect(200);
    let people: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["user_id"].clone()).collect();
    assert_eq!(people.len(), 2);
    assert!(people.contains(&viewer.get("/auth/me").await.expect(200)["id"]));

    let standing = viewer.get(&format!("{path}/standing")).await.expect(200);
    assert_eq!((&standing["effective_version"], &standing["acknowledged_at"]), (&json!("1"), &first["acknowledged_at"]));
    assert_eq!(engineer.get(&format!("{path}/standing")).await.expect(200)["acknowledged_at"], Value::Null);
    // A new version is to be read anew, whichever version is asked about.
    let next = written(&engineer, "SOP-1", "2").await;
    pi.act(&format!("{next}/publish")).await.expect(200);
    let standing = viewer.get(&format!("{path}/standing")).await.expect(200);
    assert_eq!((&standing["effective_version"], &standing["acknowledged_at"]), (&json!("2"), &Value::Null));
}

#[tokio::test]
async fn who_runs_a_recipe_is_told_what_to_read() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = calibrations::instrument(&engineer, "tool").await;
    calibrations::certificate(&engineer, &tool, "C-1", -10, 100).await;
    let sop = written(&engineer, "SOP-1", "1").await;
    let sop_id = sop.rsplit('/').next().unwrap();
    let recipe = recipes::written(&engineer, json!({"name": "IV", "version": "1", "sop_id": sop_id})).await;
    pi.act(&format!("{recipe}/approve")).await.expect(200);
    let run = json!({"instrument_id": tool, "method": "iv_sweep", "recipe_id": recipe.rsplit('/').next().unwrap()});
    let warned = async || {
        let made = engineer.post("/api/analysis/runs", run.clone()).await.expect(201);
        made["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(warned().await, ["sop_not_effective"]);
    pi.act(&format!("{sop}/publish")).await.expect(200);
    assert_eq!(warned().await, ["sop_not_acknowledged"]);
    engineer.act(&format!("{sop}/acknowledge")).await.expect(200);
    assert!(warned().await.is_empty());
}

/// Of many who publish versions of one procedure at once, and retire them, nobody fails by the others.
#[tokio::test]
async fn one_version_is_in_force() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let mut publishers = tokio::task::JoinSet::new();
    for version in 0..12 {
        let path = written(&engineer, "SOP-1", &version.to_string()).await;
        let pi = pi.clone();
        publishers.spawn(async move {
            pi.act(&format!("{path}/publish")).await.expect(200);
            if version % 2 == 0 {
                let retired = pi.act(&format!("{path}/retire")).await;
                assert!([200, 409].contains(&retired.status.as_u16()), "{}", retired.status);
            }
        });
    }
    publishers.join_all().await;
    let (effective, retired) = (versions(&engineer, "status=effective").await, versions(&engineer, "status=retired").await);
    assert!(effective.len() <= 1 && effective.len() + retired.len() == 12, "{effective:?} {retired:?}");
}
