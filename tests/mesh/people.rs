//! Who one's colleagues are, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{DEMO, Mesh, TEST};

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "FindPeople" => json!({"q": "e"}),
        "GetPerson" => json!({"id": id("user")}),
        _ => return None,
    })
}

#[tokio::test]
async fn anyone_finds_their_colleagues_and_nobody_elses() {
    let mesh = Mesh::start().await;
    let viewer = mesh.demo("viewer").await;
    let found = async |query: &str| {
        let found = viewer.get(&format!("/api/identity/people?{query}")).await.expect(200);
        found["items"].as_array().unwrap().iter().map(|person| person["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ["Admin User", "Data Viewer", "Lab Technician", "Principal Investigator", "Process Engineer"];
    assert_eq!(found("").await, all);
    assert_eq!(found("limit=2").await, all[..2]);
    assert_eq!(found("q=ENGINEER@demo").await, ["Process Engineer"]);
    assert_eq!(found("q=%25").await, [""; 0], "a percent sign is a character, not a pattern");
    assert_eq!(found("q=test.org").await, [""; 0]);

    let person = viewer.get("/api/identity/people?q=lab%20tech").await.expect(200)["items"][0].clone();
    assert_eq!(person.as_object().unwrap().len(), 4, "no more than it takes: {person}");
    let path = format!("/api/identity/people/{}", person["id"].as_str().unwrap());
    assert_eq!(viewer.get(&path).await.expect(200), person);
    mesh.caller("admin", TEST).await.get(&path).await.refused(404, "not_found");

    let admin = mesh.caller("admin", DEMO).await;
    admin.put(&path.replace("people", "users"), json!({"is_active": false})).await.expect(200);
    assert_eq!(found("q=lab%20tech").await, [""; 0]);
    assert_eq!(viewer.get(&path).await.expect(200)["is_active"], false, "who left is still known by name");
    for bad in ["limit=0", "limit=101"] {
        viewer.get(&format!("/api/identity/people?{bad}")).await.refused(422, "invalid");
    }
}
