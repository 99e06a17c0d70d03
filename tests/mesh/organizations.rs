//! One's own organization, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Mesh, TEST};

const ORGANIZATION: &str = "/api/identity/organization";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, _: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "GetOrganization" => json!({}),
        "UpdateOrganization" => json!({"organization": {"name": "A new name"}}),
        _ => return None,
    })
}

#[tokio::test]
async fn an_organization_is_its_admins_affair() {
    let mesh = Mesh::start().await;
    let (admin, pi) = (mesh.demo("admin").await, mesh.demo("pi").await);
    let own = admin.get(ORGANIZATION).await.expect(200);
    assert_eq!((&own["name"], &own["slug"]), (&json!("Demo Lab"), &json!("demo-lab")));
    pi.get(ORGANIZATION).await.refused(403, "role_required");
    pi.put(ORGANIZATION, json!({"name": "n"})).await.refused(403, "role_required");
    let changed = admin.put(ORGANIZATION, json!({"settings": {"timezone": "Europe/Berlin"}})).await.expect(200);
    assert_eq!((&changed["name"], &changed["settings"]), (&json!("Demo Lab"), &json!({"timezone": "Europe/Berlin"})));
    admin.put(ORGANIZATION, json!({"slug": "other"})).await.refused(422, "invalid");
    assert_eq!(mesh.caller("admin", TEST).await.get(ORGANIZATION).await.expect(200)["slug"], "test-org");
}
