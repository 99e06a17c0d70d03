//! Scanning, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, DEMO, Mesh, TEST};

use crate::wafers::wafer;

/// The barcode of a sample that each organization of the tests' records has.
const SCANNED: &str = "SCANNED-1";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str) -> Option<Value> {
    (method == "Scan").then(|| json!({"code": SCANNED}))
}

/// Registers the sample that the example scans, if it is not there.
pub(crate) async fn scanned(engineer: &Caller) {
    let answer = engineer.post("/api/lims/samples", json!({"name": "scanned", "barcode": SCANNED})).await;
    assert!([201, 409].contains(&answer.status.as_u16()), "{}", answer.text());
}

/// A path that scans a code, whatever it holds.
pub(crate) fn path(code: &str) -> String {
    let escaped = code.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    format!("/api/lims/scan/{escaped}")
}

#[tokio::test]
async fn every_code_leads_to_its_record() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let sample = engineer.post("/api/lims/samples", json!({"name": "s", "barcode": "B/1 %2F?#ä;:"})).await.expect(201);
    let sample_id = sample["id"].as_str().unwrap();
    let wafer = wafer(&engineer, sample_id, "W1").await;
    let device = engineer.post("/api/lims/devices", json!({"wafer_id": wafer, "device_label": "D1"})).await.expect(201);
    let device_id = device["id"].as_str().unwrap();
    let wafer = engineer.get(&format!("/api/lims/wafers/{wafer}")).await.expect(200);
    let wafer_id = wafer["id"].as_str().unwrap();

    let scanned = viewer.get(&path("B/1 %2F?#ä;:")).await.expect(200);
    assert_eq!((&scanned["kind"], &scanned["sample"]), (&json!("sample"), &sample));
    assert!(scanned["wafer"].is_null() && scanned["device"].is_null());
    for (kind, letter, id, record) in
        [("sample", 'S', sample_id, &sample), ("wafer", 'W', wafer_id, &wafer), ("device", 'D', device_id, &device)]
    {
        let code = code(letter, id);
        for code in [id, &id.to_uppercase(), &code, &code.to_lowercase()] {
            let scanned = viewer.get(&path(code)).await.expect(200);
            assert_eq!((&scanned["kind"], &scanned[kind]), (&json!(kind), record), "{code}");
        }
    }
    // The letter of another kind, a digit too few, another case of the barcode.
    for code in [code('W', sample_id), code('S', sample_id)[..26].to_owned(), "b/1 %2F?#ä;:".to_owned(), "x".to_owned()] {
        viewer.get(&path(&code)).await.refused(404, "not_found");
    }
    viewer.get(&path(&"x".repeat(101))).await.refused(422, "invalid");
    viewer.get("/api/lims/scan/%FF").await.refused(400, "malformed");
}

#[tokio::test]
async fn what_is_gone_is_not_found_and_its_barcode_is_free() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let first = engineer.post("/api/lims/samples", json!({"name": "first", "barcode": "B-1"})).await.expect(201);
    let id = first["id"].as_str().unwrap();
    assert_eq!(engineer.delete(&format!("/api/lims/samples/{id}")).await.status, 204);
    for code in ["B-1", id, &code('S', id)] {
        engineer.get(&path(code)).await.refused(404, "not_found");
    }
    let second = engineer.post("/api/lims/samples", json!({"name": "second", "barcode": "B-1"})).await.expect(201);
    assert_eq!(engineer.get(&path("B-1")).await.expect(200)["sample"], second);
}

#[tokio::test]
async fn a_code_is_of_ones_own_organization_and_of_nobody_elses() {
    let mesh = Mesh::start().await;
    let (engineer, other) = (mesh.caller("engineer", DEMO).await, mesh.caller("engineer", TEST).await);
    let theirs = other.post("/api/lims/samples", json!({"name": "theirs", "barcode": "B-1"})).await.expect(201);
    let id = theirs["id"].as_str().unwrap();
    let unknown = engineer.get(&path("B-2")).await.refused(404, "not_found");
    for code in ["B-1", id, &code('S', id)] {
        assert_eq!(engineer.get(&path(code)).await.refused(404, "not_found")["detail"], unknown["detail"], "{code}");
    }
    // A barcode that looks like another sample's code does not stand before that sample.
    let own = engineer.post("/api/lims/samples", json!({"name": "own"})).await.expect(201);
    let code = code('S', own["id"].as_str().unwrap());
    let own_id = own["id"].as_str().unwrap();
    for barcode in [code.clone(), code.to_lowercase(), own_id.to_uppercase()] {
        let impostor = engineer.post("/api/lims/samples", json!({"name": "an impostor", "barcode": barcode})).await.expect(201);
        assert_eq!(engineer.get(&path(&barcode)).await.expect(200)["sample"], own);
        // So it is not what the label of that sample says.
        let id = impostor["id"].as_str().unwrap();
        for format in ["svg", "zpl"] {
            let label = engineer.get(&format!("/api/lims/samples/{id}/label?format={format}&symbology=code128")).await.text();
            assert!(label.contains(&self::code('S', id)) && !label.contains(&barcode), "{barcode}: {label}");
        }
    }
}

/// A code as labels have it.
fn code(letter: char, id: &str) -> String {
    let mut left = id.parse::<uuid::Uuid>().unwrap().as_u128();
    let mut digits = Vec::new();
    for _ in 0..26 {
        digits.push(char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(left % 32) as usize]));
        left /= 32;
    }
    std::iter::once(letter).chain(digits.into_iter().rev()).collect()
}
