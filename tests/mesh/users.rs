//! People, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};

const USERS: &str = "/api/identity/users";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListUsers" => json!({}),
        "GetUser" => json!({"id": id("user")}),
        "UpdateUser" => json!({"id": id("user"), "user": {"name": "A new name"}, "updateMask": "name"}),
        _ => return None,
    })
}

async fn user(admin: &Caller, role: &str) -> Value {
    let users = admin.get(USERS).await.expect(200);
    users["items"].as_array().unwrap().iter().find(|user| user["role"] == role).unwrap().clone()
}

fn path(user: &Value) -> String {
    format!("{USERS}/{}", user["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_pi_reads_and_an_admin_changes() {
    let mesh = Mesh::start().await;
    let (pi, admin) = (mesh.demo("pi").await, mesh.demo("admin").await);
    let listed = pi.get(USERS).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 5);
    assert!(!listed.to_string().contains("argon2") && !listed.to_string().contains("password"));
    mesh.demo("engineer").await.get(USERS).await.refused(403, "role_required");
    let tech = user(&pi, "technician").await;
    assert_eq!(pi.get(&path(&tech)).await.expect(200), tech);
    pi.put(&path(&tech), json!({"name": "n"})).await.refused(403, "role_required");
    let renamed = admin.put(&path(&tech), json!({"name": "Second Name"})).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["role"]), (&json!("Second Name"), &json!("technician")));
    admin.put(&path(&tech), json!({"email": "x@y.z"})).await.refused(422, "invalid");
    admin.put(&path(&tech), json!({"role": "emperor"})).await.refused(400, "malformed");
    admin.put(&path(&tech), json!({"role": null})).await.refused(422, "invalid");
    mesh.caller("admin", TEST).await.put(&path(&tech), json!({"name": "n"})).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_change_of_role_holds_on_live_tokens() {
    let mesh = Mesh::start().await;
    let admin = mesh.demo("admin").await;
    let engineer = mesh.demo("engineer").await;
    engineer.post("/api/lims/samples", json!({"name": "n"})).await.expect(201);
    let changed = admin.put(&path(&user(&admin, "engineer").await), json!({"role": "viewer"})).await.expect(200);
    assert_eq!(changed["role"], "viewer");
    for attempt in 0.. {
        if engineer.post("/api/lims/samples", json!({"name": "n"})).await.status == 401 {
            break;
        }
        assert!(attempt < 250, "the old role still holds");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let signed_in = mesh.nobody().post("/auth/login", json!({"username": "engineer@demo.lab", "password": "eng123"})).await.expect(200);
    let viewer = mesh.nobody().with_token(signed_in["access_token"].as_str().unwrap());
    viewer.get("/api/lims/samples").await.expect(200);
    viewer.post("/api/lims/samples", json!({"name": "n"})).await.refused(403, "role_required");
}

#[tokio::test]
async fn the_last_admin_stays() {
    let mesh = Mesh::start().await;
    let admin = mesh.demo("admin").await;
    let last = user(&admin, "admin").await;
    admin.put(&path(&last), json!({"role": "pi"})).await.refused(409, "last_admin");
    admin.put(&path(&last), json!({"is_active": false})).await.refused(409, "last_admin");
    let pi = user(&admin, "pi").await;
    admin.put(&path(&pi), json!({"role": "admin"})).await.expect(200);

    // Two admins who demote each other at the same moment: one of them stays.
    let second = mesh.nobody().post("/auth/login", json!({"username": "pi@demo.lab", "password": "pi123"})).await.expect(200);
    let second = mesh.nobody().with_token(second["access_token"].as_str().unwrap());
    let (last, pi) = (path(&last), path(&pi));
    let (one, other) = tokio::join!(admin.put(&pi, json!({"role": "viewer"})), second.put(&last, json!({"role": "viewer"})));
    let statuses = [one.status.as_u16(), other.status.as_u16()];
    assert!(statuses.contains(&200) && !statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let admins: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.users u JOIN identity.organizations o ON o.id = u.organization_id WHERE o.slug = 'demo-lab' AND role = 'admin'")
        .fetch_one(&mut mesh.sql().await)
        .await
        .unwrap();
    assert_eq!(admins, 1);
}

#[tokio::test]
async fn people_are_listed_by_role_activity_and_words() {
    let mesh = Mesh::start().await;
    let admin = mesh.demo("admin").await;
    let viewer = user(&admin, "viewer").await;
    admin.put(&path(&viewer), json!({"is_active": false, "name": "Zoë Far"})).await.expect(200);
    let by = async |query: &str| {
        let listed = admin.get(&format!("{USERS}?{query}")).await.expect(200);
        let mut roles: Vec<_> = listed["items"].as_array().unwrap().iter().map(|user| user["role"].as_str().unwrap().to_owned()).collect();
        roles.sort();
        roles
    };
    for role in ["admin", "pi", "engineer", "technician", "viewer"] {
        assert_eq!(by(&format!("role={role}")).await, [role]);
    }
    assert_eq!(by("is_active=false").await, ["viewer"]);
    assert_eq!(by("is_active=true").await, ["admin", "engineer", "pi", "technician"]);
    assert_eq!(by("q=far").await, ["viewer"], "a part of a name");
    assert_eq!(by("q=ENGINEER@demo").await, ["engineer"], "a part of an address");
    assert!(by("q=nobody").await.is_empty() && by("role=viewer&is_active=true").await.is_empty());
}
