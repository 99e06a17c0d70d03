//! Devices, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};

use crate::wafers::wafer;

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListDevices" => json!({"waferId": id("wafer")}),
        "CreateDevice" => {
            let label = spectra_mesh::new_id().to_string();
            json!({"waferId": id("wafer"), "device": {"waferId": id("wafer"), "deviceLabel": label}})
        }
        "UpdateDevice" => json!({"id": id("device"), "device": {"dieX": 3}, "updateMask": "dieX"}),
        "GetDevice" | "DeleteDevice" => json!({"id": id("device")}),
        _ => return None,
    })
}

/// A wafer of a new sample; its id.
async fn new_wafer(engineer: &Caller) -> String {
    let sample = engineer.post("/api/lims/samples", json!({"name": "a sample"})).await.expect(201);
    wafer(engineer, sample["id"].as_str().unwrap(), "W1").await
}

#[tokio::test]
async fn a_device_is_registered_read_changed_and_deleted() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let wafer = new_wafer(&engineer).await;
    let device = json!({
        "wafer_id": wafer, "device_label": "D1", "die_x": -1, "die_y": 0, "coordinates": {"x_um": 12.5}, "device_type": "mosfet",
        "design_id": "MASK-7", "dimensions": {"area_cm2": 0.1}, "properties": {"gate": "poly"}, "metadata": {"list": [1, null]},
    });
    let answer = engineer.post("/api/lims/devices", device.clone()).await;
    let location = answer.header("location").to_owned();
    let created = answer.expect(201);
    assert_eq!(location, format!("/api/lims/devices/{}", created["id"].as_str().unwrap()));
    for (name, value) in device.as_object().unwrap() {
        assert_eq!(created[name], *value, "{name}");
    }
    let viewer = mesh.demo("viewer").await;
    assert_eq!(viewer.get(&location).await.expect(200), created);
    for list in [&format!("/api/lims/wafers/{wafer}/devices"), &format!("/api/lims/devices?wafer_id={wafer}"), "/api/lims/devices"] {
        assert_eq!(viewer.get(list).await.expect(200)["items"], json!([created]), "{list}");
    }
    let changed = engineer.patch(&location, json!({"die_x": null, "device_label": "D1b"})).await.expect(200);
    assert_eq!((&changed["die_x"], &changed["device_label"], &changed["die_y"]), (&Value::Null, &json!("D1b"), &json!(0)));
    let other = new_wafer(&engineer).await;
    let problem = engineer.put(&location, json!({"wafer_id": other})).await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "wafer_id", "a device stays on its wafer");

    assert_eq!(engineer.delete(&location).await.status, 204);
    viewer.get(&location).await.refused(404, "not_found");
    assert_eq!(viewer.get(&format!("{location}?include_deleted=true")).await.expect(200)["is_deleted"], true);
}

#[tokio::test]
async fn a_label_is_unique_among_the_live_devices_on_a_wafer() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (one, other) = (new_wafer(&engineer).await, new_wafer(&engineer).await);
    let [one, other] = [one, other].map(|wafer| format!("/api/lims/wafers/{wafer}/devices"));
    let first = engineer.post(&one, json!({"device_label": "D1"})).await.header("location").to_owned();
    let problem = engineer.post(&one, json!({"device_label": "D1"})).await.refused(409, "already_exists");
    assert_eq!(problem["field"], "device_label");
    engineer.post(&other, json!({"device_label": "D1"})).await.expect(201);
    assert_eq!(engineer.delete(&first).await.status, 204);
    engineer.post(&one, json!({"device_label": "D1"})).await.expect(201);
}

#[tokio::test]
async fn a_device_is_on_one_wafer_and_says_which() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (one, other) = (new_wafer(&engineer).await, new_wafer(&engineer).await);
    let on_one = format!("/api/lims/wafers/{one}/devices");
    let problem = engineer.post("/api/lims/devices", json!({"device_label": "D1"})).await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "wafer_id");
    let problem = engineer.post(&on_one, json!({"device_label": "D1", "wafer_id": other})).await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "wafer_id");
    let foreign = new_wafer(&mesh.caller("engineer", TEST).await).await;
    let two = async |path: &str, said: &str| {
        let body = json!({"device_label": "D1", "wafer_id": said});
        engineer.post(&format!("/api/lims/wafers/{path}/devices"), body).await.refused(404, "not_found")["detail"].clone()
    };
    let nobodys = spectra_mesh::new_id().to_string();
    assert_eq!(two(&one, &foreign).await, two(&one, &nobodys).await);
    assert_eq!(two(&foreign, &one).await, two(&nobodys, &one).await);
    let said_twice = engineer.post(&on_one, json!({"device_label": "D1", "wafer_id": one})).await.expect(201);
    assert_eq!(said_twice["wafer_id"], one);
    for (body, field) in [
        (json!({}), "device_label"),
        (json!({"device_label": "\t"}), "device_label"),
        (json!({"device_label": "D", "wafer_id": "x"}), "wafer_id"),
        (json!({"device_label": "D", "design_id": "d".repeat(101)}), "design_id"),
    ] {
        let problem = engineer.post(&on_one, body.clone()).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{body} {problem}");
    }
    for broken in [json!({"device_label": "D", "die_x": 1.5}), json!({"device_label": "D", "die_y": 3_000_000_000_u64})] {
        engineer.post(&on_one, broken).await.refused(400, "malformed");
    }
    let other = mesh.caller("engineer", TEST).await;
    other.post("/api/lims/devices", json!({"device_label": "D1", "wafer_id": one})).await.refused(404, "not_found");
}

#[tokio::test]
async fn devices_are_found_by_what_people_know_of_them() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let wafer = new_wafer(&engineer).await;
    for (label, kind, design, x, y) in
        [("D1", "mosfet", "M1", 0, 0), ("D2", "mosfet", "M2", 0, 1), ("D3", "diode", "M1", 1, 1), ("D3_%", "diode", "M2", 1, 1)]
    {
        let body = json!({"device_label": label, "device_type": kind, "design_id": design, "die_x": x, "die_y": y});
        engineer.post(&format!("/api/lims/wafers/{wafer}/devices"), body).await.expect(201);
    }
    for (query, expected) in [
        ("device_label=D3", 1),
        ("device_type=mosfet", 2),
        ("design_id=M1", 2),
        ("die_x=0", 2),
        ("die_x=0&die_y=0", 1),
        ("die_y=1&device_type=diode", 2),
        ("q=d3", 2),
        ("q=MOS", 2),
        ("q=_%25", 1),
    ] {
        for list in ["/api/lims/devices".to_owned(), format!("/api/lims/wafers/{wafer}/devices")] {
            let listed = engineer.get(&format!("{list}?count=true&{query}")).await.expect(200);
            assert_eq!(listed["pagination"]["total"], expected, "{query}");
            assert_eq!(listed["items"].as_array().unwrap().len(), expected, "{query}");
        }
    }
}
