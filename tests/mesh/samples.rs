//! Samples, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{DEMO, Mesh, TEST};

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListSamples" => json!({"materialId": id("material")}),
        "CreateSample" => json!({"sample": {"name": "n", "materialId": id("material")}}),
        "UpdateSample" => json!({"id": id("sample"), "sample": {"materialId": id("material")}, "updateMask": "materialId"}),
        "GetSample" | "DeleteSample" => json!({"id": id("sample")}),
        _ => return None,
    })
}

#[tokio::test]
async fn a_sample_is_registered_read_changed_and_deleted() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let material = engineer.post("/api/lims/materials", json!({"name": "Silicon", "type": "semiconductor"})).await.expect(201);

    let sample = json!({
        "name": "Sample-1", "material_type": "Si", "material_id": material["id"], "lot_code": "LOT-1", "barcode": "B-1",
        "location": "Cabinet A", "dimensions": {"thickness_um": 525}, "properties": {"type": "p"}, "metadata": {"nested": {"list": [1, null, "x"]}},
    });
    let answer = engineer.post("/api/lims/samples", sample.clone()).await;
    let location = answer.header("location").to_owned();
    assert!(answer.header("etag").starts_with("\"1-"), "{}", answer.header("etag"));
    let created = answer.expect(201);
    let id = created["id"].as_str().unwrap();
    assert_eq!(location, format!("/api/lims/samples/{id}"));
    for (name, value) in sample.as_object().unwrap() {
        assert_eq!(created[name], *value, "{name}");
    }
    assert_eq!(created["is_deleted"], false);
    assert_eq!(created["deleted_at"], Value::Null);
    assert_eq!(created["revision"], 1);

    let viewer = mesh.demo("viewer").await;
    assert_eq!(viewer.get(&location).await.expect(200), created);
    let list = viewer.get("/api/lims/samples").await.expect(200);
    assert_eq!(list["items"], json!([created]));
    assert_eq!(list["pagination"], json!({"limit": 100, "skip": 0, "page": 1, "next_page_token": null, "total": null, "pages": null}));

    let changed = engineer.put(&location, json!({"location": "Cabinet B", "lot_code": null, "metadata": {"a": 1}})).await.expect(200);
    assert_eq!((&changed["location"], &changed["lot_code"], &changed["metadata"]), (&json!("Cabinet B"), &Value::Null, &json!({"a": 1})));
    assert_eq!(
        (&changed["name"], &changed["dimensions"], &changed["revision"]),
        (&json!("Sample-1"), &json!({"thickness_um": 525}), &json!(2))
    );
    let patched = engineer.patch(&location, json!({"name": "Renamed"})).await.expect(200);
    assert_eq!((&patched["name"], &patched["location"]), (&json!("Renamed"), &json!("Cabinet B")));

    let deleted = engineer.delete(&location).await;
    assert!(deleted.body.is_empty());
    assert_eq!(deleted.status, 204);
    viewer.get(&location).await.refused(404, "not_found");
    engineer.delete(&location).await.refused(404, "not_found");
    engineer.put(&location, json!({"name": "n"})).await.refused(404, "not_found");
    let shown = viewer.get(&format!("{location}?include_deleted=true")).await.expect(200);
    assert_eq!(shown["is_deleted"], true);
    assert_ne!(shown["deleted_at"], Value::Null);
    assert_eq!(viewer.get("/api/lims/samples").await.expect(200)["items"], json!([]));
    assert_eq!(viewer.get("/api/lims/samples?include_deleted=true").await.expect(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_barcode_is_unique_among_live_samples() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let sample = json!({"name": "s", "barcode": "B-1"});
    let first = engineer.post("/api/lims/samples", sample.clone()).await;
    let location = first.header("location").to_owned();
    first.expect(201);
    let problem = engineer.post("/api/lims/samples", sample.clone()).await.refused(409, "already_exists");
    assert_eq!(problem["field"], "barcode");
    let other = mesh.caller("engineer", TEST).await;
    other.post("/api/lims/samples", sample.clone()).await.expect(201);
    assert_eq!(engineer.delete(&location).await.status, 204);
    engineer.post("/api/lims/samples", sample).await.expect(201);
}

#[tokio::test]
async fn fields_that_break_rules_are_named() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": " \t "}), "name"),
        (json!({"name": "x".repeat(201)}), "name"),
        (json!({"name": "a\u{0}b"}), "name"),
        (json!({"name": "a\u{7}b"}), "name"),
        (json!({"name": "n", "barcode": ""}), "barcode"),
        (json!({"name": "n", "material_id": "no id"}), "material_id"),
        (json!({"name": "n", "metadata": {"a\u{0}": 1}}), "metadata"),
        (json!({"name": "n", "id": spectra_mesh::new_id().to_string()}), "id"),
        (json!({"name": "n", "organization_id": "x"}), "organization_id"),
        (json!({"name": "n", "is_deleted": true}), "is_deleted"),
        (json!({"name": "n", "is_deleted": false}), "is_deleted"),
        (json!({"name": "n", "revision": 7}), "revision"),
    ] {
        let problem = engineer.post("/api/lims/samples", body.clone()).await.refused(422, "invalid");
        let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(fields, [field], "{body} {problem}");
    }
    let sample = engineer.post("/api/lims/samples", json!({"name": "n"})).await;
    let location = sample.header("location").to_owned();
    for (body, field) in
        [(json!({"name": null}), "name"), (json!({"revision": 9}), "revision"), (json!({"is_deleted": true}), "is_deleted")]
    {
        let problem = engineer.put(&location, body.clone()).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{body} {problem}");
    }
    assert_eq!(engineer.get(&location).await.expect(200)["revision"], 1);
}

#[tokio::test]
async fn references_must_exist_in_ones_own_organization() {
    let mesh = Mesh::start().await;
    let other = mesh.caller("engineer", TEST).await;
    let foreign = other.post("/api/lims/materials", json!({"name": "m", "type": "t"})).await.expect(201);
    let engineer = mesh.caller("engineer", DEMO).await;
    let with = |material: &Value| json!({"name": "n", "material_id": material});
    let foreign = engineer.post("/api/lims/samples", with(&foreign["id"])).await.refused(404, "not_found");
    let unknown = engineer.post("/api/lims/samples", with(&json!(spectra_mesh::new_id().to_string()))).await.refused(404, "not_found");
    assert_eq!(foreign["detail"], unknown["detail"]);
    assert_eq!(engineer.get("/api/lims/samples").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn lists_are_walked_by_token_and_filtered() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let mut made = Vec::new();
    for index in 0..25 {
        let sample = json!({"name": format!("Wafer {index:02}"), "lot_code": format!("LOT-{}", index % 2), "location": "A_%"});
        made.push(engineer.post("/api/lims/samples", sample).await.expect(201)["id"].clone());
    }
    made.reverse();

    let (mut walked, mut path) = (Vec::new(), "/api/lims/samples?limit=10".to_owned());
    loop {
        let page = engineer.get(&path).await.expect(200);
        walked.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(token) = page["pagination"]["next_page_token"].as_str() else { break };
        path = format!("/api/lims/samples?limit=10&page_token={token}");
    }
    assert_eq!(walked, made, "newest first, each once");

    let counted = engineer.get("/api/lims/samples?limit=10&skip=20&count=true&lot_code=LOT-1").await.expect(200);
    assert_eq!(counted["pagination"]["total"], 12);
    let counted = engineer.get("/api/lims/samples?limit=10&skip=20&count=true").await.expect(200);
    assert_eq!(counted["items"].as_array().unwrap().len(), 5);
    assert_eq!((&counted["pagination"]["page"], &counted["pagination"]["pages"]), (&json!(3), &json!(3)));

    let count =
        async |query: &str| engineer.get(&format!("/api/lims/samples?{query}")).await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!(count("lot_code=LOT-0").await, 13);
    assert_eq!(count("q=wafer%2007").await, 1);
    assert_eq!(count("q=%25").await, 0, "a percent sign is a character, not a pattern");
    assert_eq!(count("location=A_%25").await, 25);
    assert_eq!(count("barcode=none").await, 0);

    let token = engineer.get("/api/lims/samples?limit=2").await.expect(200)["pagination"]["next_page_token"].as_str().unwrap().to_owned();
    let other = mesh.caller("viewer", TEST).await;
    other.get(&format!("/api/lims/samples?page_token={token}")).await.refused(422, "invalid");
    engineer.get(&format!("/api/lims/samples?lot_code=LOT-0&page_token={token}")).await.refused(422, "invalid");
    for bad in ["limit=0", "limit=1001", "limit=-1", "skip=-1", "skip=10001", "page_token=AAAA", "material_id=x"] {
        engineer.get(&format!("/api/lims/samples?{bad}")).await.refused(422, "invalid");
    }
    for bad in ["limit=x", "limit=1.5", "limit=", "limit=1&limit=2", "unknown=1", "include_deleted=maybe"] {
        engineer.get(&format!("/api/lims/samples?{bad}")).await.refused(400, "malformed");
    }
}

#[tokio::test]
async fn samples_are_listed_by_their_material() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let mut materials = Vec::new();
    for name in ["Silicon", "Germanium", "Diamond"] {
        let material = engineer.post("/api/lims/materials", json!({"name": name, "type": "semiconductor"})).await.expect(201);
        materials.push(material["id"].as_str().unwrap().to_owned());
    }
    for (name, material) in [("one", &materials[0]), ("two", &materials[0]), ("three", &materials[1])] {
        engineer.post("/api/lims/samples", json!({"name": name, "material_id": material})).await.expect(201);
    }
    engineer.post("/api/lims/samples", json!({"name": "four"})).await.expect(201);
    let of = async |material: &str| {
        let listed = engineer.get(&format!("/api/lims/samples?material_id={material}")).await.expect(200);
        listed["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(&materials[0]).await, ["two", "one"]);
    assert_eq!(of(&materials[1]).await, ["three"]);
    assert!(of(&materials[2]).await.is_empty());
}

#[tokio::test]
async fn a_change_meant_for_another_revision_is_refused() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let created = engineer.post("/api/lims/samples", json!({"name": "n"})).await;
    let location = created.header("location").to_owned();
    let etag = created.header("etag").to_owned();
    engineer.with("if-match", &etag).put(&location, json!({"name": "second"})).await.expect(200);
    engineer.with("if-match", &etag).put(&location, json!({"name": "third"})).await.refused(412, "stale");
    assert_eq!(engineer.with("if-match", &etag).delete(&location).await.status, 412);
    engineer.with("if-match", "*").put(&location, json!({"name": "fourth"})).await.expect(200);
    let read = engineer.get(&location).await;
    let etag = read.header("etag").to_owned();
    assert_eq!(read.expect(200)["name"], "fourth");
    let unchanged = engineer.with("if-none-match", &etag).get(&location).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.body.len()), (304, 0));
    assert_eq!(engineer.with("if-none-match", "\"1\"").get(&location).await.status, 200);
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_none() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let made = engineer.post("/api/lims/samples", json!({"name": "n", "metadata": {"a": 1}})).await;
    let (path, tag) = (made.header("location").to_owned(), made.header("etag").to_owned());
    let made = made.expect(201);
    for same in [json!({}), json!({"name": "n"}), json!({"metadata": {"a": 1.0}})] {
        let answer = engineer.patch(&path, same).await;
        assert_eq!(answer.header("etag"), tag);
        assert_eq!(answer.expect(200), made);
    }
    assert_ne!(engineer.patch(&path, json!({"name": "m"})).await.header("etag"), tag);
    let updates: i64 = sqlx::query_scalar("SELECT count(*) FROM lims.audit_events WHERE action = 'update' AND kind = 'samples'")
        .fetch_one(&mut mesh.sql().await)
        .await
        .unwrap();
    assert_eq!(updates, 1);
}
