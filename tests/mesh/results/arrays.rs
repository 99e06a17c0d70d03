//! Arrays that come up as files and go down as files.

use serde_json::{Value, json};
use spectra_mesh::sha256;
use spectra_tests::{Answer, Caller, Mesh, TEST};

use super::{RUNS, running};
use crate::runs::ready_tool;

const SWEEP: &str = "vgs,id\n-0.5,1e-13\n0.0,\n0.1,1e-9\n";

/// Sends a file of arrays as a raw body.
async fn upload(caller: &Caller, run: &str, content_type: &str, content: impl Into<Vec<u8>>) -> Answer {
    let path = format!("{run}/results/upload?result_type=iv_sweep");
    caller.with("content-type", content_type).post_raw(&path, content.into()).await
}

#[tokio::test]
async fn a_file_becomes_arrays_and_arrays_files() {
    let mesh = Mesh::start().await;
    let (engineer, tech, viewer) = (mesh.demo("engineer").await, mesh.demo("technician").await, mesh.demo("viewer").await);
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let answer = upload(&tech, &run, "text/csv", SWEEP).await;
    let location = answer.header("location").to_owned();
    let made = answer.expect(201);
    assert_eq!(location, format!("{}/{}", super::RESULTS, made["id"].as_str().unwrap()));
    let told = ["result_type", "array_names", "array_rows", "calibration_suspect"].map(|field| made[field].clone());
    assert_eq!(json!(told), json!(["iv_sweep", ["vgs", "id"], 3, false]));
    assert_eq!(viewer.get(&location).await.expect(200), made);

    let path = format!("{location}/arrays");
    let text = viewer.get(&path).await;
    assert_eq!((text.status.as_u16(), text.text().as_str()), (200, SWEEP));
    assert_eq!(text.header("content-type"), "text/csv");
    assert!(text.header("content-disposition").starts_with("attachment; filename="), "{}", text.header("content-disposition"));
    assert_eq!(text.header("etag"), format!("\"{}\"", sha256(SWEEP.as_bytes())));
    let part = viewer.with("range", "bytes=0-5").get(&path).await;
    assert_eq!((part.status.as_u16(), part.text().as_str()), (206, "vgs,id"));
    for (format, content_type) in [("arrow", "application/vnd.apache.arrow.file"), ("parquet", "application/vnd.apache.parquet")] {
        let file = viewer.get(&format!("{path}?format={format}")).await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, content_type));
        let again = upload(&tech, &run, content_type, file.body.to_vec()).await;
        let again = format!("{}/arrays", again.header("location"));
        assert_eq!(viewer.get(&again).await.text(), SWEEP, "{format} there and back");
    }
    viewer.get(&format!("{path}?format=hdf5")).await.refused(400, "malformed");
    let bare = engineer.post(&format!("{run}/results"), json!({"result_type": "t"})).await.expect(201);
    viewer.get(&format!("{}/{}/arrays", super::RESULTS, bare["id"].as_str().unwrap())).await.refused(404, "not_found");
    mesh.caller("viewer", TEST).await.get(&path).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_form_brings_the_file_too() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let form = format!(
        "--x\r\ncontent-disposition: form-data; name=result_type\r\n\r\niv\r\n--x\r\ncontent-disposition: form-data; name=file; filename=\"a.csv\"\r\ncontent-type: text/csv\r\n\r\n{SWEEP}\r\n--x--\r\n"
    );
    let made = engineer.with("content-type", "multipart/form-data; boundary=x").post_raw(&format!("{run}/results/upload"), form).await;
    assert_eq!(made.expect(201)["array_names"], json!(["vgs", "id"]));
}

#[tokio::test]
async fn what_is_no_file_of_arrays_is_refused_and_leaves_nothing() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = ready_tool(&engineer).await;
    let run = running(&engineer, &tool).await;
    for (content, told) in [
        ("a,b\n1,x\n", "holds no number at row 1 of b"),
        ("a\n1\n-inf\n", "holds an infinite number at row 2 of a"),
        ("a,b\n1,2\n3\n", "line: 3"),
        ("", "is empty"),
        ("a,b\n", "holds no row"),
    ] {
        let problem = upload(&engineer, &run, "text/csv", content).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "content");
        assert!(problem["detail"].as_str().unwrap().contains(told), "{problem}");
    }
    upload(&engineer, &run, "image/png", SWEEP).await.refused(415, "media_type");
    upload(&engineer, &run, "application/vnd.apache.parquet", SWEEP).await.refused(415, "media_type");
    let broken = upload(&engineer, &run, "application/vnd.apache.parquet", "PAR1 and nothing else PAR1").await.refused(422, "invalid");
    assert!(broken["detail"].as_str().unwrap().contains("does not read as Parquet"), "{broken}");
    let summed = format!("{run}/results/upload?result_type=t&sha256={}", sha256(b"another"));
    engineer.with("content-type", "text/csv").post_raw(&summed, SWEEP).await.refused(422, "invalid");
    engineer.with("content-type", "text/csv").post_raw(&format!("{run}/results/upload"), SWEEP).await.refused(422, "invalid");
    let large = format!("a\n{}", "1.0\n".repeat(17 << 20));
    assert_eq!(upload(&engineer, &run, "text/csv", large).await.status, 413);

    let nobodys = format!("{RUNS}/{}", spectra_mesh::new_id());
    upload(&engineer, &nobodys, "text/csv", SWEEP).await.refused(404, "not_found");
    let other = mesh.caller("engineer", TEST).await;
    upload(&other, &run, "text/csv", SWEEP).await.refused(404, "not_found");
    upload(&mesh.demo("viewer").await, &run, "text/csv", SWEEP).await.refused(403, "role_required");
    let waiting = engineer.post(RUNS, json!({"instrument_id": tool, "method": "m"})).await.expect(201);
    upload(&engineer, &format!("{RUNS}/{}", waiting["id"].as_str().unwrap()), "text/csv", SWEEP).await.refused(409, "run_state");
    let left: (i64, i64) = sqlx::query_as("SELECT (SELECT count(*) FROM analysis.results), (SELECT count(*) FROM analysis.result_arrays)")
        .fetch_one(&mut mesh.sql().await)
        .await
        .unwrap();
    assert_eq!(left, (0, 0));
}

#[tokio::test]
async fn the_same_key_keeps_one_file_of_arrays() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let keyed = engineer.with("idempotency-key", "k");
    let first: Value = upload(&keyed, &run, "text/csv", SWEEP).await.expect(201);
    assert_eq!(upload(&keyed, &run, "text/csv", SWEEP).await.expect(201), first);
    upload(&keyed, &run, "text/csv", "a\n1\n").await.refused(409, "key_reused");
    assert_eq!(engineer.get(&run).await.expect(200)["result_count"], 1);
}

#[tokio::test]
async fn a_million_rows_come_and_go() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let run = running(&engineer, &ready_tool(&engineer).await).await;
    let rows = (0..1_000_000).map(|row| row.to_string()).collect::<Vec<_>>().join(",0.5\n");
    let began = std::time::Instant::now();
    let made = upload(&engineer, &run, "text/csv", format!("t,v\n{rows},0.5\n")).await;
    let location = made.header("location").to_owned();
    assert_eq!(made.expect(201)["array_rows"], 1_000_000);
    let took = began.elapsed();
    let file = engineer.get(&format!("{location}/arrays?format=parquet")).await;
    assert_eq!(file.status, 200);
    println!("a million rows: {took:?} up, {:?} with the way down, {} bytes of Parquet", began.elapsed(), file.body.len());
}
