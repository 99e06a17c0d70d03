//! Labels, through the gateway, and read again by another program.

use std::fs;

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, tools, vectors};

use crate::{scan, wafers::wafer};

/// What is fetched for Python.
const PYPI: [&str; 3] = ["numpy==2.4.6", "pillow==13.0.0", "zxing-cpp==3.1.1"];

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "GetSampleLabel" => json!({"id": id("sample"), "format": "LABEL_FORMAT_SVG"}),
        "GetWaferLabel" => json!({"id": id("wafer"), "format": "LABEL_FORMAT_ZPL"}),
        "GetDeviceLabel" => json!({"id": id("device"), "symbology": "LABEL_SYMBOLOGY_CODE128"}),
        _ => return None,
    })
}

#[tokio::test]
async fn a_label_is_a_file_that_a_browser_shows() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let sample = engineer.post("/api/lims/samples", json!({"name": "<b>^XZ & co</b>", "lot_code": "LOT-1"})).await.expect(201);
    let label = format!("/api/lims/samples/{}/label", sample["id"].as_str().unwrap());

    let svg = viewer.get(&label).await;
    assert_eq!((svg.status.as_u16(), svg.header("content-type")), (200, "image/svg+xml"));
    assert!(svg.header("content-disposition").starts_with("inline; filename=\"sample-"), "{}", svg.header("content-disposition"));
    assert!(svg.header("content-security-policy").contains("sandbox"));
    assert!(svg.text().contains("&lt;b&gt;^XZ &amp; co&lt;/b&gt;") && svg.text().contains("LOT-1"), "{}", svg.text());
    let again = viewer.with("if-none-match", svg.header("etag")).get(&label).await;
    assert_eq!(again.status, 304);
    assert_eq!(viewer.get(&format!("{label}?format=svg&symbology=datamatrix")).await.text(), svg.text());

    let zpl = viewer.get(&format!("{label}?format=zpl&symbology=code128")).await;
    assert_eq!((zpl.status.as_u16(), zpl.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert!(zpl.text().starts_with("^XA") && zpl.text().ends_with("^XZ\n"));
    assert_eq!(zpl.text().matches("^XZ").count(), 1, "a name is no command: {}", zpl.text());

    for odd in ["format=pdf", "symbology=qr", "format=unspecified", "format="] {
        let refused = viewer.get(&format!("{label}?{odd}")).await;
        assert!([400, 422].contains(&refused.status.as_u16()), "{odd}: {}", refused.text());
    }
    assert_eq!(engineer.delete(label.strip_suffix("/label").unwrap()).await.status, 204);
    viewer.get(&label).await.refused(404, "not_found");
}

/// What is printed is read by a scanner that is not ours, and leads back to the record.
#[tokio::test]
async fn another_program_reads_every_label() {
    let Some(python) = tools::python("labels", &PYPI) else { return };
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let mut labels = Vec::new();
    for (name, barcode) in [
        ("plain", Some("BARCODE-00000")),
        ("no barcode", None),
        ("digits", Some("0123456789")),
        ("odd digits", Some("12345")),
        ("one letter", Some("x")),
        ("signs", Some("a>0_^FS~JR<&\"' {}|\\%2F`")),
        ("Ω≈ç√ 試料 🧪", Some("Probe-Ä1 🧪")),
        ("space at the end", Some("B-1 ")),
        ("as long as it gets", Some(&*"LONG-0123".repeat(11))),
    ] {
        let sample = engineer.post("/api/lims/samples", json!({"name": name, "barcode": barcode})).await.expect(201);
        labels.push(("sample", sample["id"].as_str().unwrap().to_owned()));
    }
    let wafer = wafer(&engineer, &labels[0].1, "W1^XZ-<1>").await;
    let device = engineer.post("/api/lims/devices", json!({"wafer_id": wafer, "device_label": "D1 & D2"})).await.expect(201);
    labels.push(("wafer", wafer));
    labels.push(("device", device["id"].as_str().unwrap().to_owned()));

    let mut drawn = Vec::new();
    for (kind, id) in &labels {
        for (format, symbology) in [("svg", "datamatrix"), ("svg", "code128"), ("zpl", "datamatrix"), ("zpl", "code128")] {
            drawn.push(Drawn { kind, id: id.clone(), format, symbology });
        }
    }
    let codes = read(&engineer, &python, &drawn).await;
    assert_eq!(codes[0], "BARCODE-00000", "a barcode is printed as it is");
    assert_eq!((codes[32].len(), codes[33].len()), (99, 27), "what is too long for bars fits a square");
}

/// Names and barcodes of any kind: the label is one, and leads back.
#[tokio::test]
async fn naughty_vectors_are_printed_and_found_again() {
    let Some(strings) = vectors("security/third-party/naughty-strings.json") else { return };
    let Some(python) = tools::python("labels", &PYPI) else { return };
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let strings = strings.as_array().or_else(|| strings["strings"].as_array()).or_else(|| strings["list"].as_array()).expect("strings");
    let ways = [("svg", "datamatrix"), ("zpl", "code128"), ("svg", "code128"), ("zpl", "datamatrix")];
    let mut drawn = Vec::new();
    for (text, (format, symbology)) in strings.iter().zip(ways.into_iter().cycle()) {
        // A text may be too long for a barcode, or a twin of another.
        for sample in [json!({"name": text, "barcode": text}), json!({"name": text})] {
            let answer = engineer.post("/api/lims/samples", sample).await;
            if answer.status == 201 {
                let id = answer.json()["id"].as_str().unwrap().to_owned();
                drawn.push(Drawn { kind: "sample", id, format, symbology });
                break;
            }
        }
    }
    let codes = read(&engineer, &python, &drawn).await;
    let kept = codes.iter().filter(|code| strings.iter().any(|text| text.as_str() == Some(code))).count();
    println!("{} labels read, {kept} of them with the barcode itself", codes.len());
    assert!(codes.len() > 100 && kept > 50);
}

/// A label to draw.
struct Drawn<'l> {
    kind: &'l str,
    id: String,
    format: &'l str,
    symbology: &'l str,
}

/// Has labels drawn, and read by another program; what it read, which leads back to each record.
async fn read(engineer: &Caller, python: &str, labels: &[Drawn<'_>]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    for (place, Drawn { kind, id, format, symbology }) in labels.iter().enumerate() {
        let label = engineer.get(&format!("/api/lims/{kind}s/{id}/label?format={format}&symbology={symbology}")).await;
        assert_eq!(label.status, 200, "{}", label.text());
        fs::write(folder.path().join(format!("{place:05}.{format}")), &label.body).expect("a file");
    }
    let (program, script) = (format!("{python}/python"), tools::root().join("tests/mesh/labels.py"));
    let place = folder.path().to_owned();
    tools::aside(move || {
        let (script, place) = (script.to_str().ok_or("a path")?, place.to_str().ok_or("a path")?);
        tools::run(&program, &[script, place], ".")
    })
    .await;
    let read: Vec<(String, String)> = serde_json::from_slice(&fs::read(folder.path().join("read.json")).expect("a file")).expect("JSON");
    assert_eq!(read.len(), labels.len());
    for (Drawn { kind, id, symbology, .. }, (format, code)) in labels.iter().zip(&read) {
        assert_eq!(format.to_lowercase().replace(' ', ""), *symbology, "{kind} {id}");
        let scanned = engineer.get(&scan::path(code)).await.expect(200);
        assert_eq!((scanned["kind"].as_str(), scanned[*kind]["id"].as_str()), (Some(*kind), Some(id.as_str())), "{code}");
    }
    read.into_iter().map(|(_, code)| code).collect()
}
