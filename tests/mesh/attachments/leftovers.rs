//! Uploads that end before their end, and what is left of them: nothing.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use http::Method;
use spectra_tests::{Caller, DEMO, Mesh, TEST, tools::run};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};
use uuid::Uuid;

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
    answered(&mut connection, 503).await;
    become_of(&mesh, (0, 0, 0)).await;
}

/// Reads the beginning of the answer, which has this status.
async fn answered(connection: &mut TcpStream, status: u16) {
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(PATIENCE, connection.read(&mut answer)).await.expect("an answer").unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
}

/// Half an upload, of which the first bytes have come.
async fn begun(mesh: &Mesh, caller: &Caller, sample: &str) -> TcpStream {
    let mut connection = caller.begin(Method::POST, &path_of(sample), 1 << 20).await;
    connection.write_all(&vec![7; 1 << 19]).await.unwrap();
    become_of(mesh, (0, 1, 1)).await;
    connection
}

#[tokio::test]
async fn whoever_signs_out_in_the_middle_keeps_nothing() {
    let mesh = Mesh::start().await;
    let (technician, sample) = (mesh.anew("technician", DEMO).await, sample(&mesh.demo("engineer").await).await);
    let mut connection = begun(&mesh, &technician, &sample).await;
    technician.act("/auth/logout").await.expect(204);
    // Nothing more is sent.
    answered(&mut connection, 401).await;
    become_of(&mesh, (0, 0, 0)).await;
}

#[tokio::test]
async fn whoever_is_deactivated_in_the_middle_keeps_nothing() {
    let mesh = Mesh::start().await;
    let (technician, sample) = (mesh.demo("technician").await, sample(&mesh.demo("engineer").await).await);
    let user = technician.get("/auth/me").await.expect(200)["id"].as_str().unwrap().to_owned();
    let mut connection = begun(&mesh, &technician, &sample).await;
    let path = format!("/api/identity/users/{user}");
    mesh.demo("admin").await.put(&path, serde_json::json!({"is_active": false})).await.expect(200);
    let told = Instant::now();
    while technician.get(PATH).await.status != 401 {
        assert!(told.elapsed() < PATIENCE, "the user is still let in");
    }
    // What is sent to the end all the same is refused there, if it was not before.
    _ = connection.write_all(&vec![7; 1 << 19]).await;
    answered(&mut connection, 401).await;
    become_of(&mesh, (0, 0, 0)).await;
}

/// What a process left that ended in the middle: uploads of any organization that say nothing any more.
#[tokio::test]
async fn what_a_dead_process_left_is_cleared_away() {
    let mesh = Mesh::start().await;
    let sample = sample(&mesh.demo("engineer").await).await;
    attach(&mesh.demo("technician").await, "sample", &sample, "text/csv", CURVE.as_bytes()).await.expect(201);
    for (organization, silent) in [(DEMO, 31), (TEST, 31), (TEST, -600)] {
        let (folder, id) = (folder(&mesh, organization).await, spectra_mesh::new_id());
        for name in [id.to_string(), format!("{id}#1"), format!("{id}#2")] {
            fs::write(folder.join(name), "x").unwrap();
        }
        note(&mesh, organization, &[id], silent).await;
    }
    become_of(&mesh, (1, 1, 4)).await;
}

/// Where the files of an organization are.
async fn folder(mesh: &Mesh, organization: &str) -> PathBuf {
    let id = sqlx::query_scalar("SELECT id::text FROM identity.organizations WHERE slug = $1").bind(organization);
    let id: String = id.fetch_one(&mut mesh.sql().await).await.unwrap();
    let folder = mesh.files().join(id);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes down uploads that say nothing for so many seconds.
async fn note(mesh: &Mesh, organization: &str, ids: &[Uuid], silent: i32) {
    let noted = sqlx::query(
        "INSERT INTO lims.attachment_uploads (organization_id, id, alive_at)
         SELECT o.id, upload, now() - make_interval(secs => $3) FROM identity.organizations o, unnest($2) upload WHERE slug = $1",
    );
    noted.bind(organization).bind(ids).bind(silent).execute(&mut mesh.sql().await).await.unwrap();
}

/// As many as are taken at once, and older than all else.
#[tokio::test]
async fn what_cannot_be_cleared_away_stands_in_no_others_way() {
    let mesh = Mesh::start().await;
    let stuck: Vec<_> = (0..100).map(|_| spectra_mesh::new_id()).collect();
    let demo = folder(&mesh, DEMO).await;
    for id in &stuck {
        fs::create_dir(demo.join(id.to_string())).unwrap();
    }
    note(&mesh, DEMO, &stuck, 3600).await;
    let late = spectra_mesh::new_id();
    fs::write(folder(&mesh, TEST).await.join(late.to_string()), "x").unwrap();
    note(&mesh, TEST, &[late], 31).await;
    become_of(&mesh, (0, 100, 0)).await;
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
async fn a_disk_without_room_to_spare_takes_no_files() {
    let mesh = Mesh::start_reserving(u64::MAX).await;
    let engineer = mesh.demo("engineer").await;
    let sample = sample(&engineer).await;
    // One that is refused at its end, and one in the middle.
    for size in [1 << 10, 5 << 20] {
        attach(&engineer, "sample", &sample, "text/csv", &vec![b'0'; size]).await.refused(507, "storage_full");
        become_of(&mesh, (0, 0, 0)).await;
    }
    engineer.post("/api/lims/samples", serde_json::json!({"name": "n"})).await.expect(201);
}

/// The same of a disk that is full in earnest, where one can be had.
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
