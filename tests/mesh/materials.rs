//! Materials, through the gateway.

use serde_json::{Value, json};
use spectra_tests::Mesh;

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListMaterials" => json!({}),
        "GetMaterial" => json!({"id": id("material")}),
        "CreateMaterial" => json!({"material": {"name": "Germanium", "type": "semiconductor"}}),
        "UpdateMaterial" => json!({"id": id("material"), "material": {"name": "n"}, "updateMask": "name"}),
        _ => return None,
    })
}

#[tokio::test]
async fn a_material_is_described_and_changed_but_never_deleted() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let material =
        json!({"name": "Silicon", "type": "semiconductor", "composition": {"Si": 1}, "properties": {"gap_ev": 1.12}, "supplier": "Wacker"});
    let answer = engineer.post("/api/lims/materials", material.clone()).await;
    let location = answer.header("location").to_owned();
    let created = answer.expect(201);
    for (name, value) in material.as_object().unwrap() {
        assert_eq!(created[name], *value, "{name}");
    }
    assert_eq!(mesh.demo("viewer").await.get(&location).await.expect(200), created);
    let changed = engineer.put(&location, json!({"supplier": null, "type": "element"})).await.expect(200);
    assert_eq!((&changed["supplier"], &changed["type"], &changed["name"]), (&json!(null), &json!("element"), &json!("Silicon")));
    engineer.delete(&location).await.refused(405, "method_not_allowed");
    engineer.post("/api/lims/materials", json!({"name": "Germanium", "type": "semiconductor"})).await.expect(201);
    let viewer = mesh.demo("viewer").await;
    let by = async |query: &str| viewer.get(&format!("/api/lims/materials?{query}")).await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!((by("").await, by("type=element").await, by("q=GERM").await, by("type=none").await), (2, 1, 1, 0));
    engineer.post("/api/lims/materials", json!({"name": "n"})).await.refused(422, "invalid");
}
