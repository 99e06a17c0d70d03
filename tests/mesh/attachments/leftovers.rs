//! Uploads that end before their end, and what is left of them: nothing.

use std::{fs, process::Command, time::Duration};

use http::Method;
use spectra_tests::{Caller, DEMO, Mesh, TEST, tools::run};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use super::{CURVE, PATH, attach, files, sample, there};

/// How long something that is to happen may take.
const PATIENCE: Duration = Duration::from_secs(40);

fn path_of(sample: &str) -> String {
    format!("{PATH}?entity_type=sample&entity_id={sample}")
}

/// Waits until so many attachments, uploads and files are there.
async fn become_of(mesh: &Mesh, expected: (i64, i64, usize)) {
    let begun = Instant::now();
    while there(mesh).await != expected {
        assert!(begun.elapsed() < PATIENCE, "{:?} are there, not {expected:?}", there(mesh).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn half_a_file_leaves_nothing() {
    let mesh = Mesh::start().await;
    let (technician, sample) = (mesh.demo("technician").await, sample(&mesh.demo("engineer").await).await);
    let mut connection = technician.begin(Method::POST, &path_of(&sample), 10 << 20).await;
    connection.write_all(&vec![7; 9 << 20]).await.unwrap();
    become_of(&mesh, (0, 1, 1)).await;
    drop(connection);
    become_of(&mesh, (0, 0, 0)).await;
}

/// An upload whose place was cleared away meanwhile is refused at its end, and clears away after itself.
#[tokio::test]
async fn an_upload_that_was_taken_for_dead_keeps_nothing() {
    let mesh = Mesh::start().await;
    let (technician, sample) = (mesh.demo("technician").await, sample(&mesh.demo("engineer").await).await);
    let mut connection = technician.begin(Method::POST, &path_of(&sample), 1 << 20).await;
    connection.write_all(&vec![7; 1 << 19]).await.unwrap();
    become_of(&mesh, (0, 1, 1)).await;
    sqlx::query("UPDATE lims.attachment_uploads SET given_up = true").execute(&mut mesh.sql().await).await.unwrap();
    connection.write_all(&vec![7; 1 << 19]).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = connection.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..read]).starts_with("HTTP/1.1 503 "), "{}", String::from_utf8_lossy(&answer[..read]));
    become_of(&mesh, (0, 0, 0)).await;
}

/// What a process left that ended in the middle: uploads of any organization that say nothing any more.
#[tokio::test]
async fn what_a_dead_process_left_is_cleared_away() {
    let mesh = Mesh::start().await;
    let sample = sample(&mesh.demo("engineer").await).await;
    attach(&mesh.demo("technician").await, "sample", &sample, "text/csv", CURVE.as_bytes()).await.expect(201);
    let mut conn = mesh.sql().await;
    for (organization, silent) in [(DEMO, 31), (TEST, 31), (TEST, -600)] {
        let (organization, id): (String, String) = sqlx::query_as(
            "INSERT INTO lims.attachment_uploads (organization_id, id, alive_at)
             SELECT id, gen_random_uuid(), now() - make_interval(secs => $2) FROM identity.organizations WHERE slug = $1
             RETURNING organization_id::text, id::text",
        )
        .bind(organization)
        .bind(silent)
        .fetch_one(&mut conn)
        .await
        .unwrap();
        let folder = mesh.files().join(organization);
        fs::create_dir_all(&folder).unwrap();
        for name in [id.clone(), format!("{id}#1"), format!("{id}#2")] {
            fs::write(folder.join(name), "x").unwrap();
        }
    }
    assert_eq!(there(&mesh).await, (1, 3, 10));
    become_of(&mesh, (1, 1, 4)).await;
}

#[tokio::test]
async fn a_store_that_fails_leaves_nothing_and_recovers() {
    let mesh = Mesh::start().await;
    let sample = sample(&mesh.demo("engineer").await).await;
    let technician = mesh.demo("technician").await;
    let organization = technician.get("/auth/me").await.expect(200)["organization_id"].as_str().unwrap().to_owned();
    let send = async || technician.attempt(Method::POST, &path_of(&sample), Some(vec![b'{'; 1 << 20].into())).await.unwrap();
    // Where the organization's folder is to be, there is something else.
    fs::write(mesh.files().join(&organization), "").unwrap();
    let refused = send().await;
    assert!(!refused.text().contains(mesh.files().to_str().unwrap()), "{}", refused.text());
    refused.refused(503, "unavailable");
    fs::remove_file(mesh.files().join(&organization)).unwrap();
    become_of(&mesh, (0, 0, 0)).await;
    send().await.expect(201);
    // A file that is another by now is not given for whole.
    let spoilt = send().await.expect(201)["id"].as_str().unwrap().to_owned();
    fs::write(mesh.files().join(&organization).join(&spoilt), vec![b'['; 1 << 20]).unwrap();
    assert!(technician.attempt(Method::GET, &format!("{PATH}/{spoilt}/content"), None).await.is_none(), "it breaks off");
    // A file that is gone is a fault of ours, and told as one.
    let made = send().await.expect(201)["id"].as_str().unwrap().to_owned();
    fs::remove_file(mesh.files().join(&organization).join(&made)).unwrap();
    technician.get(&format!("{PATH}/{made}/content")).await.refused(500, "internal");
}

#[tokio::test]
async fn a_full_disk_refuses_what_does_not_fit() {
    let mesh = Mesh::start().await;
    let folder = mesh.files().to_str().unwrap().to_owned();
    if let Err(told) = run("mount", &["-t", "tmpfs", "-o", "size=4m", "spectra", &folder], ".") {
        println!("skipped: this machine mounts nothing: {told}");
        return;
    }
    let tried = tokio::spawn(async move { fill(&mesh).await }).await;
    _ = Command::new("umount").arg("--lazy").arg(folder).status();
    tried.unwrap();
}

async fn fill(mesh: &Mesh) {
    let engineer = mesh.demo("engineer").await;
    let sample = sample(&engineer).await;
    let send = async |caller: &Caller, size: usize| attach(caller, "sample", &sample, "text/csv", &vec![b'0'; size]).await;
    send(&engineer, 1 << 20).await.expect(201);
    for _ in 0..3 {
        send(&engineer, 5 << 20).await.refused(507, "storage_full");
        become_of(mesh, (1, 0, 1)).await;
    }
    // Other writes go on meanwhile, and so do files that fit.
    engineer.post("/api/lims/samples", serde_json::json!({"name": "n"})).await.expect(201);
    send(&engineer, 2 << 20).await.expect(201);
    assert_eq!(files(mesh.files()), 2);
}
