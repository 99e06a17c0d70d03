//! Wafers, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, DEMO, Mesh, TEST};

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListWafers" => json!({"sampleId": id("sample")}),
        "CreateWafer" => json!({"sampleId": id("sample"), "wafer": {"waferIdCode": spectra_mesh::new_id().to_string()}}),
        "UpdateWafer" => json!({"id": id("wafer"), "wafer": {"notch": 180}, "updateMask": "notch"}),
        "GetWafer" | "DeleteWafer" => json!({"id": id("wafer")}),
        _ => return None,
    })
}

/// Registers a wafer of a sample; its id.
pub(crate) async fn wafer(engineer: &Caller, sample: &str, code: &str) -> String {
    let made = engineer.post(&format!("/api/lims/samples/{sample}/wafers"), json!({"wafer_id_code": code})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn sample(engineer: &Caller) -> String {
    engineer.post("/api/lims/samples", json!({"name": "a sample"})).await.expect(201)["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_wafer_is_registered_read_changed_and_deleted() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let sample = sample(&engineer).await;
    let of_sample = format!("/api/lims/samples/{sample}/wafers");
    let wafer = json!({
        "wafer_id_code": "W1-1", "wafer_number": 1, "orientation": "<100>", "thickness_um": 725.5, "diameter_mm": 200, "notch": 180,
        "map": {"rows": 10, "columns": 10}, "properties": {"doping": "p"},
    });
    let answer = engineer.post(&of_sample, wafer.clone()).await;
    let location = answer.header("location").to_owned();
    let created = answer.expect(201);
    assert_eq!(location, format!("/api/lims/wafers/{}", created["id"].as_str().unwrap()));
    for (name, value) in wafer.as_object().unwrap() {
        assert_eq!(created[name], *value, "{name}");
    }
    assert_eq!((&created["sample_id"], &created["is_deleted"], &created["revision"]), (&json!(sample), &json!(false), &json!(1)));

    let viewer = mesh.demo("viewer").await;
    assert_eq!(viewer.get(&location).await.expect(200), created);
    for list in [&of_sample, "/api/lims/wafers"] {
        assert_eq!(viewer.get(list).await.expect(200)["items"], json!([created]), "{list}");
    }
    let changed = engineer.put(&location, json!({"notch": null, "map": {"rows": 12}})).await.expect(200);
    assert_eq!((&changed["notch"], &changed["map"], &changed["revision"]), (&Value::Null, &json!({"rows": 12}), &json!(2)));
    assert_eq!((&changed["wafer_id_code"], &changed["diameter_mm"]), (&json!("W1-1"), &json!(200)));

    assert_eq!(engineer.delete(&location).await.status, 204);
    viewer.get(&location).await.refused(404, "not_found");
    engineer.put(&location, json!({"notch": 0})).await.refused(404, "not_found");
    let shown = viewer.get(&format!("{location}?include_deleted=true")).await.expect(200);
    assert_eq!(shown["is_deleted"], true);
    assert_eq!(viewer.get(&of_sample).await.expect(200)["items"], json!([]));
    assert_eq!(viewer.get(&format!("{of_sample}?include_deleted=true")).await.expect(200)["items"], json!([shown]));
}

#[tokio::test]
async fn codes_and_numbers_are_unique_among_the_live_wafers_of_a_sample() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (one, other) = (sample(&engineer).await, sample(&engineer).await);
    let [one, other] = [one, other].map(|sample| format!("/api/lims/samples/{sample}/wafers"));
    let first = engineer.post(&one, json!({"wafer_id_code": "W1", "wafer_number": 1})).await;
    let location = first.header("location").to_owned();
    first.expect(201);
    let second = engineer.post(&one, json!({"wafer_id_code": "W2", "wafer_number": 2})).await;
    for (taken, field) in
        [(json!({"wafer_id_code": "W1"}), "wafer_id_code"), (json!({"wafer_id_code": "W3", "wafer_number": 1}), "wafer_number")]
    {
        let problem = engineer.post(&one, taken.clone()).await.refused(409, "already_exists");
        assert_eq!(problem["field"], field);
        assert_eq!(engineer.put(second.header("location"), taken).await.refused(409, "already_exists")["field"], field);
    }
    engineer.post(&other, json!({"wafer_id_code": "W1", "wafer_number": 1})).await.expect(201);
    assert_eq!(engineer.delete(&location).await.status, 204);
    engineer.post(&one, json!({"wafer_id_code": "W1", "wafer_number": 1})).await.expect(201);
}

#[tokio::test]
async fn fields_that_break_rules_are_named() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = format!("/api/lims/samples/{}/wafers", sample(&engineer).await);
    for (body, field) in [
        (json!({}), "wafer_id_code"),
        (json!({"wafer_id_code": " "}), "wafer_id_code"),
        (json!({"wafer_id_code": "w".repeat(101)}), "wafer_id_code"),
        (json!({"wafer_id_code": "w", "wafer_number": -1}), "wafer_number"),
        (json!({"wafer_id_code": "w", "diameter_mm": 0}), "diameter_mm"),
        (json!({"wafer_id_code": "w", "diameter_mm": "Infinity"}), "diameter_mm"),
        (json!({"wafer_id_code": "w", "thickness_um": -1}), "thickness_um"),
        (json!({"wafer_id_code": "w", "notch": 361}), "notch"),
        (json!({"wafer_id_code": "w", "notch": "NaN"}), "notch"),
        (json!({"wafer_id_code": "w", "sample_id": spectra_mesh::new_id().to_string()}), "sample_id"),
        (json!({"wafer_id_code": "w", "is_deleted": true}), "is_deleted"),
    ] {
        let problem = engineer.post(&path, body.clone()).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{body} {problem}");
    }
    engineer.post(&path, json!({"wafer_id_code": "w", "map": []})).await.refused(400, "malformed");
    engineer.get("/api/lims/samples/x/wafers").await.refused(422, "invalid");
    assert_eq!(engineer.get(&path).await.expect(200)["items"], json!([]));
}

/// What hangs on a sample is as gone as the sample is, and no wafer comes after.
#[tokio::test]
async fn wafers_and_devices_go_with_their_sample() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let sample = sample(&engineer).await;
    let of_sample = format!("/api/lims/samples/{sample}/wafers");
    let kept = wafer(&engineer, &sample, "W1").await;
    let gone = wafer(&engineer, &sample, "W2").await;
    let devices = format!("/api/lims/wafers/{kept}/devices");
    let device = engineer.post(&devices, json!({"device_label": "D1"})).await.header("location").to_owned();
    assert_eq!(engineer.delete(&format!("/api/lims/wafers/{gone}")).await.status, 204);
    let gone = engineer.get(&format!("/api/lims/wafers/{gone}?include_deleted=true")).await.expect(200);

    assert_eq!(engineer.delete(&format!("/api/lims/samples/{sample}")).await.status, 204);
    for path in [&of_sample, &devices, &device, &format!("/api/lims/wafers/{kept}")] {
        engineer.get(path).await.refused(404, "not_found");
        assert_eq!(engineer.get(&format!("{path}?include_deleted=true")).await.status, 200, "{path}");
    }
    engineer.post(&of_sample, json!({"wafer_id_code": "W3"})).await.refused(404, "not_found");
    engineer.post(&devices, json!({"device_label": "D2"})).await.refused(404, "not_found");
    let device = engineer.get(&format!("{device}?include_deleted=true")).await.expect(200);
    let wafer = engineer.get(&format!("/api/lims/wafers/{kept}?include_deleted=true")).await.expect(200);
    assert_eq!((&device["is_deleted"], &device["deleted_at"]), (&json!(true), &wafer["deleted_at"]), "in one transaction");
    let again = engineer.get(&format!("/api/lims/wafers/{}?include_deleted=true", gone["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(again, gone, "what was gone before stays as it went");
    let trail: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM lims.audit_events WHERE action = 'update' AND kind IN ('wafers', 'devices') AND method LIKE '%/DeleteSample'",
    )
    .fetch_one(&mut mesh.sql().await)
    .await
    .unwrap();
    assert_eq!(trail, 2, "each on record");
}

/// Whoever registers wafers while their sample is deleted is refused, or the wafer goes too.
#[tokio::test]
async fn no_live_wafer_is_left_on_a_deleted_sample() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    for _ in 0..10 {
        let sample = sample(&engineer).await;
        let path = format!("/api/lims/samples/{sample}");
        let wafers = format!("{path}/wafers");
        let add = async |code: &str| engineer.post(&wafers, json!({"wafer_id_code": code})).await.status.as_u16();
        let (one, two, deleted, three) = tokio::join!(add("1"), add("2"), engineer.delete(&path), add("3"));
        assert_eq!(deleted.status, 204);
        assert!([one, two, three].iter().all(|status| [201, 404].contains(status)), "{one} {two} {three}");
    }
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM lims.wafers WHERE NOT is_deleted").fetch_one(&mut mesh.sql().await).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_sample_of_another_organization_is_no_sample() {
    let mesh = Mesh::start().await;
    let (engineer, other) = (mesh.caller("engineer", DEMO).await, mesh.caller("engineer", TEST).await);
    let foreign = sample(&other).await;
    let wafer = wafer(&other, &foreign, "W1").await;
    let unknown = spectra_mesh::new_id().to_string();
    for (theirs, nobodys) in [
        (format!("/api/lims/samples/{foreign}/wafers"), format!("/api/lims/samples/{unknown}/wafers")),
        (format!("/api/lims/wafers/{wafer}/devices"), format!("/api/lims/wafers/{unknown}/devices")),
    ] {
        let read = [engineer.get(&theirs).await.refused(404, "not_found"), engineer.get(&nobodys).await.refused(404, "not_found")];
        assert_eq!(read[0]["detail"], read[1]["detail"]);
        let body = json!({"wafer_id_code": "W2"});
        let body = if theirs.ends_with("devices") { json!({"device_label": "D1"}) } else { body };
        engineer.post(&theirs, body.clone()).await.refused(404, "not_found");
        engineer.post(&nobodys, body).await.refused(404, "not_found");
    }
    assert_eq!(engineer.get("/api/lims/wafers").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn wafers_are_found_by_what_people_know_of_them() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (one, other) = (sample(&engineer).await, sample(&engineer).await);
    for (sample, code, number) in [(&one, "A1-1", 1), (&one, "A1-2", 2), (&other, "A1-1", 1), (&other, "B_%", 2)] {
        let body = json!({"wafer_id_code": code, "wafer_number": number});
        engineer.post(&format!("/api/lims/samples/{sample}/wafers"), body).await.expect(201);
    }
    for (query, expected) in [
        (format!("sample_id={one}"), 2),
        ("wafer_id_code=A1-1".to_owned(), 2),
        (format!("wafer_id_code=A1-1&sample_id={other}"), 1),
        ("wafer_number=2".to_owned(), 2),
        ("q=a1-".to_owned(), 3),
        ("q=_%25".to_owned(), 1),
        ("q=none".to_owned(), 0),
    ] {
        let listed = engineer.get(&format!("/api/lims/wafers?count=true&{query}")).await.expect(200);
        assert_eq!(listed["pagination"]["total"], expected, "{query}");
        assert_eq!(listed["items"].as_array().unwrap().len(), expected, "{query}");
    }
}
