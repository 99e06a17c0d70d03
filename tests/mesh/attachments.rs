//! Attachments, through the gateway.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use spectra_mesh::{fingerprint, sha256};
use spectra_tests::{Answer, Caller, DEMO, Mesh, TEST};

mod leftovers;
mod refusals;

pub(crate) const PATH: &str = "/api/lims/attachments";

/// A sweep of an instrument.
pub(crate) const CURVE: &str = "v_gs,i_d\n0,1e-12\n0.5,3e-7\n1,2e-5\n";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListAttachments" => json!({"entityId": id("sample")}),
        "GetAttachment" | "DownloadAttachment" => json!({"id": id("attachment")}),
        _ => return None,
    })
}

/// Attaches a file to a sample; its id.
pub(crate) async fn attached(caller: &Caller, sample: &str) -> String {
    let made = attach(caller, "sample", sample, "text/csv", CURVE.as_bytes()).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// Sends a file as a raw body.
pub(crate) async fn attach(caller: &Caller, kind: &str, entity: &str, media_type: &str, content: &[u8]) -> Answer {
    let path = format!("{PATH}?entity_type={kind}&entity_id={entity}&filename=iv.csv");
    caller.with("content-type", media_type).post_raw(&path, content.to_vec()).await
}

/// A sample to attach files to.
async fn sample(caller: &Caller) -> String {
    let made = caller.post("/api/lims/samples", json!({"name": "a sample"})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// A form of these fields, and a file among them.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = Vec::new();
    for (disposition, content) in parts {
        text.extend_from_slice(format!("--x\r\ncontent-disposition: form-data; {disposition}\r\n\r\n").as_bytes());
        text.extend_from_slice(content);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"--x--\r\n");
    text
}

/// How many files there are in a folder and below it, whole or not.
fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

/// How many attachments, uploads that are not ended, and files there are.
pub(crate) async fn there(mesh: &Mesh) -> (i64, i64, usize) {
    let (attachments, uploads) =
        sqlx::query_as("SELECT (SELECT count(*) FROM lims.attachments), (SELECT count(*) FROM lims.attachment_uploads)")
            .fetch_one(&mut mesh.sql().await)
            .await
            .unwrap();
    (attachments, uploads, files(mesh.files()))
}

#[tokio::test]
async fn a_file_is_attached_listed_and_read() {
    let mesh = Mesh::start().await;
    let (technician, viewer) = (mesh.demo("technician").await, mesh.demo("viewer").await);
    let sample = sample(&mesh.demo("engineer").await).await;
    let name = "Prüfung \"7\".csv";
    let path = format!("{PATH}?entity_type=sample&entity_id={sample}&filename=Pr%C3%BCfung%20%227%22.csv");
    let made = technician.with("content-type", "text/csv").post_raw(&path, CURVE).await;
    let location = made.header("location").to_owned();
    let made = made.expect(201);
    assert_eq!(location, format!("{PATH}/{}", made["id"].as_str().unwrap()));
    let told = ["entity_type", "entity_id", "filename", "content_type", "size_bytes", "sha256"].map(|field| made[field].clone());
    let sum = sha256(CURVE.as_bytes());
    assert_eq!(json!(told), json!(["sample", sample, name, "text/csv", CURVE.len().to_string(), sum]));
    assert_eq!(made["uploaded_by"], technician.get("/auth/me").await.expect(200)["id"]);

    assert_eq!(viewer.get(&location).await.expect(200), made);
    for filter in [format!("entity_type=sample&entity_id={sample}"), format!("sha256={sum}"), "limit=5".to_owned()] {
        assert_eq!(viewer.get(&format!("{PATH}?{filter}&count=true")).await.expect(200)["items"], json!([made]), "{filter}");
    }
    for filter in [format!("entity_type=wafer&entity_id={sample}"), format!("sha256={}", sha256(b""))] {
        assert_eq!(viewer.get(&format!("{PATH}?{filter}")).await.expect(200)["items"], json!([]), "{filter}");
    }

    let content = format!("{location}/content");
    let whole = viewer.get(&content).await;
    assert_eq!((whole.status.as_u16(), whole.text()), (200, CURVE.to_owned()));
    for (header, value) in [
        ("content-type", "text/csv".to_owned()),
        ("content-disposition", "attachment; filename=\"Pr_fung _7_.csv\"; filename*=UTF-8''Pr%C3%BCfung%20%227%22.csv".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        ("content-security-policy", "default-src 'none'; sandbox".to_owned()),
        ("accept-ranges", "bytes".to_owned()),
        ("etag", format!("\"{sum}\"")),
        ("repr-digest", format!("sha-256=:{}:", STANDARD.encode(fingerprint(CURVE.as_bytes())))),
        ("content-length", CURVE.len().to_string()),
    ] {
        assert_eq!(whole.header(header), value, "{header}");
    }
    let part = viewer.with("range", "bytes=9-15").get(&content).await;
    assert_eq!((part.status.as_u16(), part.text().as_str()), (206, "0,1e-12"));
    assert_eq!(part.header("content-range"), format!("bytes 9-15/{}", CURVE.len()));
    let end = viewer.with("range", "bytes=-7").get(&content).await;
    assert_eq!((end.status.as_u16(), end.text().as_str()), (206, "1,2e-5\n"));
    viewer.with("range", "bytes=1000-").get(&content).await.refused(416, "range_not_satisfiable");
    assert_eq!(viewer.with("if-none-match", &format!("\"{sum}\"")).get(&content).await.status, 304);
    let head = viewer.send(Method::HEAD, &content, None).await;
    assert_eq!((head.header("content-length"), head.body.len()), (&*CURVE.len().to_string(), 0));
    technician.delete(&location).await.refused(405, "method_not_allowed");
    assert_eq!(there(&mesh).await, (1, 0, 1));
}

#[tokio::test]
async fn a_form_brings_its_fields_before_and_after_the_file() {
    let mesh = Mesh::start().await;
    let technician = mesh.demo("technician").await;
    let sample = sample(&mesh.demo("engineer").await).await;
    let (kind, entity) = (("name=entity_type", &b"sample"[..]), ("name=entity_id", sample.as_bytes()));
    let file = ("name=\"file\"; filename=\"iv.csv\"\r\ncontent-type: text/csv", CURVE.as_bytes());
    let post = async |parts: &[(&str, &[u8])]| {
        technician.with("content-type", "multipart/form-data; boundary=x").post_raw(PATH, form(parts)).await
    };
    for parts in [[kind, entity, file], [file, kind, entity], [kind, file, entity]] {
        let made = post(&parts).await.expect(201);
        assert_eq!((&made["filename"], &made["content_type"], &made["entity_id"]), (&json!("iv.csv"), &json!("text/csv"), &json!(sample)));
    }
    let untold = post(&[kind, entity, ("name=file; filename=iv.CSV", CURVE.as_bytes())]).await.expect(201);
    assert_eq!(untold["content_type"], "text/csv");
    let renamed = post(&[kind, entity, file, ("name=filename", b"sweep.csv"), ("name=content_type", b"text/plain")]).await;
    assert_eq!(renamed.status, 400, "a field is said once: {}", renamed.text());
    post(&[file]).await.refused(422, "invalid");
    let nobodys = spectra_mesh::new_id().to_string();
    post(&[file, kind, ("name=entity_id", nobodys.as_bytes())]).await.refused(404, "not_found");
    post(&[file, kind, entity, ("name=sha256", sha256(b"another").as_bytes())]).await.refused(422, "invalid");
    post(&[kind, entity, file, ("name=sha256", sha256(CURVE.as_bytes()).as_bytes())]).await.expect(201);
    assert_eq!(there(&mesh).await, (5, 0, 5));
}

#[tokio::test]
async fn files_belong_to_records_of_every_kind() {
    let mesh = Mesh::start().await;
    let (own, foreign) = (crate::records::Records::make(&mesh, DEMO).await, crate::records::Records::make(&mesh, TEST).await);
    let technician = mesh.demo("technician").await;
    let written = crate::eln::written(&technician, "unsigned").await;
    for kind in ["sample", "wafer", "device", "material", "recipe", "sop", "eln_entry", "instrument", "calibration", "run", "result"] {
        let of = |records: &crate::records::Records| records.id(kind).as_str().unwrap().to_owned();
        // A signed entry takes no files.
        let id = if kind == "eln_entry" { written["id"].as_str().unwrap().to_owned() } else { of(&own) };
        let made = attach(&technician, kind, &id, "text/csv", CURVE.as_bytes()).await.expect(201);
        assert_eq!((&made["entity_type"], &made["entity_id"]), (&json!(kind), &json!(id)));
        let nobodys = spectra_mesh::new_id().to_string();
        let theirs = attach(&technician, kind, &of(&foreign), "text/csv", CURVE.as_bytes()).await.refused(404, "not_found");
        let unknown = attach(&technician, kind, &nobodys, "text/csv", CURVE.as_bytes()).await.refused(404, "not_found");
        assert_eq!(theirs["detail"], unknown["detail"], "{kind}");
        assert_eq!(theirs["detail"], format!("no such {kind}"));
    }
    let theirs = foreign.id("attachment");
    let path = format!("{PATH}/{}", theirs.as_str().unwrap());
    for path in [path.clone(), format!("{path}/content")] {
        let refused = technician.get(&path).await.refused(404, "not_found");
        let unknown = technician.get(&path.replace(theirs.as_str().unwrap(), &spectra_mesh::new_id().to_string())).await;
        assert_eq!(refused["detail"], unknown.refused(404, "not_found")["detail"]);
    }
}

#[tokio::test]
async fn a_large_file_comes_back_as_it_went() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let sample = sample(&engineer).await;
    // More than two parts of the store, and no whole number of them.
    let content: Vec<u8> = (0_u32..17 << 20).map(|at| u8::try_from((at ^ (at >> 8) ^ (at >> 16)) & 0xff).unwrap()).collect();
    let digest = format!("sha-256=:{}:", STANDARD.encode(fingerprint(&content)));
    let made = attach(&engineer.with("repr-digest", &digest), "sample", &sample, "application/octet-stream", &content).await;
    let path = format!("{}/content", made.header("location"));
    assert_eq!(made.expect(201)["sha256"], sha256(&content));
    assert!(engineer.get(&path).await.body == content);
    let part = engineer.with("range", "bytes=8388600-8389000").get(&path).await;
    assert!(part.body == content[8_388_600..=8_389_000]);
}

#[tokio::test]
async fn the_same_key_keeps_one_file() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let sample = sample(&engineer).await;
    let keyed = engineer.with("idempotency-key", "k");
    let first = attach(&keyed, "sample", &sample, "text/csv", CURVE.as_bytes()).await.expect(201);
    assert_eq!(attach(&keyed, "sample", &sample, "text/csv", CURVE.as_bytes()).await.expect(201), first);
    attach(&keyed, "sample", &sample, "text/csv", b"another").await.refused(409, "key_reused");
    assert_eq!(there(&mesh).await, (1, 0, 1));
}
