//! Instruments, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Mesh, TEST};

const INSTRUMENTS: &str = "/api/analysis/instruments";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListInstruments" => json!({}),
        "GetInstrument" => json!({"id": id("instrument")}),
        "CreateInstrument" => json!({"instrument": {"name": "n", "vendor": "v", "model": "m", "interface": "tcp"}}),
        "UpdateInstrument" => json!({"id": id("instrument"), "instrument": {"location": "l"}, "updateMask": "location"}),
        _ => return None,
    })
}

#[tokio::test]
async fn an_instrument_is_described_and_changed() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = json!({"name": "Keithley 2400", "vendor": "Keithley", "model": "2400", "serial": "ABC", "interface": "visa_gpib",
                      "category": "electrical", "location": "Room 101", "capabilities": {"max_v": 200}, "config": {"address": "GPIB0::24"}});
    let answer = engineer.post(INSTRUMENTS, tool.clone()).await;
    let path = answer.header("location").to_owned();
    let created = answer.expect(201);
    assert_eq!(created["status"], "online");
    for (name, value) in tool.as_object().unwrap() {
        assert_eq!(created[name], *value, "{name}");
    }
    assert_eq!(mesh.demo("viewer").await.get(&path).await.expect(200), created);
    let problem = engineer.post(INSTRUMENTS, tool.clone()).await.refused(409, "already_exists");
    assert_eq!(problem["field"], "name");
    mesh.caller("engineer", TEST).await.post(INSTRUMENTS, tool).await.expect(201);

    let down = engineer.patch(&path, json!({"status": "maintenance"})).await.expect(200);
    assert_eq!((&down["status"], &down["vendor"]), (&json!("maintenance"), &json!("Keithley")));
    assert_eq!(engineer.patch(&path, json!({"status": "INSTRUMENT_STATUS_ERROR"})).await.expect(200)["status"], "error");
    let cleared = engineer.patch(&path, json!({"status": null})).await.refused(422, "invalid");
    assert_eq!(cleared["errors"][0]["field"], "status", "a tool that is down does not come up by a field left empty");
    engineer.patch(&path, json!({"status": "broken"})).await.refused(400, "malformed");
    engineer.delete(&path).await.refused(405, "method_not_allowed");
    let viewer = mesh.demo("viewer").await;
    let by = async |query: &str| viewer.get(&format!("{INSTRUMENTS}?{query}")).await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!((by("status=error").await, by("status=online").await, by("category=electrical").await, by("q=keith").await), (1, 0, 1, 1));
    viewer.patch(&path, json!({"name": "n"})).await.refused(403, "role_required");
}

#[tokio::test]
async fn a_change_of_status_is_on_record() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = crate::calibrations::instrument(&engineer, "tool").await;
    for status in ["maintenance", "error", "offline", "online"] {
        engineer.patch(&format!("{INSTRUMENTS}/{tool}"), json!({"status": status})).await.expect(200);
    }
    let told: Vec<(String, String)> = sqlx::query_as(
        "SELECT before ->> 'status', after ->> 'status' FROM analysis.audit_events
          WHERE kind = 'instruments' AND action = 'update' AND record_id = $1::text::uuid ORDER BY seq",
    )
    .bind(&tool)
    .fetch_all(&mut mesh.sql().await)
    .await
    .unwrap();
    let steps = [("online", "maintenance"), ("maintenance", "error"), ("error", "offline"), ("offline", "online")];
    assert_eq!(told, steps.map(|(before, after)| (before.to_owned(), after.to_owned())));
}
