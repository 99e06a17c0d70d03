//! The audit trail: every change leaves who, what, before, after and why, in its own transaction.

use serde_json::{Value, json};
use spectra_tests::Mesh;
use sqlx::Row;

#[tokio::test]
async fn a_change_leaves_its_trace() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let me = engineer.get("/auth/me").await.expect(200);
    let made = engineer.post("/api/lims/samples", json!({"name": "before", "lot_code": "L"})).await;
    let path = made.header("location").to_owned();
    let id = made.expect(201)["id"].as_str().unwrap().to_owned();
    let request = spectra_mesh::new_id();
    let because = engineer.with("x-change-reason", "typing error in the lot").with("x-request-id", &request.to_string());
    because.put(&path, json!({"name": "after"})).await.expect(200);
    engineer.put(&path, json!({"name": ""})).await.refused(422, "invalid");

    let rows = sqlx::query("SELECT * FROM lims.audit_events WHERE record_id = $1::uuid ORDER BY seq")
        .bind(&id)
        .fetch_all(&mut mesh.sql().await)
        .await
        .unwrap();
    assert_eq!(rows.len(), 2, "what was refused left nothing");
    let (insert, update) = (&rows[0], &rows[1]);
    assert_eq!((insert.get::<&str, _>("action"), insert.get::<&str, _>("kind")), ("insert", "samples"));
    assert_eq!(insert.get::<Value, _>("after")["name"], "before");
    assert_eq!(update.get::<&str, _>("method"), "/spectra.lims.v1.SampleService/UpdateSample");
    assert_eq!(update.get::<Value, _>("before")["name"], "before");
    assert_eq!(update.get::<Value, _>("after")["name"], "after");
    assert_eq!(update.get::<Value, _>("after").get("lot_code"), None, "only what changed");
    assert_eq!(update.get::<&str, _>("reason"), "typing error in the lot");
    assert_eq!(update.get::<uuid::Uuid, _>("request_id"), request);
    for row in [insert, update] {
        assert_eq!(row.get::<uuid::Uuid, _>("actor_id").to_string(), me["id"].as_str().unwrap());
        assert_eq!(row.get::<uuid::Uuid, _>("organization_id").to_string(), me["organization_id"].as_str().unwrap());
        assert!(row.get::<Option<uuid::Uuid>, _>("session_id").is_some());
    }
}
