//! `spectra audit`, as whoever runs the installation runs it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{fs, path::Path, process::Command};

use serde_json::json;
use spectra_tests::Mesh;
use sqlx::ConnectOptions;

/// What `spectra audit` says and ends with.
fn audit(mesh: &Mesh, arguments: &[&str]) -> (String, Option<i32>) {
    let url = mesh.admin().to_url_lossy().to_string();
    let run = Command::new(env!("CARGO_BIN_EXE_spectra")).arg("audit").args(arguments).env("DATABASE_URL", url).output().unwrap();
    (String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned(), run.status.code())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bent_trail_is_told_by_the_exit_status() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    for name in ["a", "b", "c"] {
        engineer.post("/api/lims/samples", json!({"name": name})).await.expect(201);
    }
    let (heads, code) = audit(&mesh, &["heads"]);
    assert_eq!((heads.lines().filter(|line| line.contains("\"lims\"")).count(), code), (1, Some(0)), "{heads}");
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("heads");
    fs::write(&kept, heads).unwrap();
    let (whole, code) = audit(&mesh, &["verify", "--org", "demo-lab", "--head", text(&kept)]);
    assert!(code == Some(0) && whole.contains("lims: whole, 3 links"), "{whole}");

    let cut = "SET session_replication_role = replica;
               DELETE FROM lims.audit_events WHERE seq IN (SELECT event FROM lims.audit_links WHERE link = 3);
               DELETE FROM lims.audit_links WHERE link = 3";
    sqlx::raw_sql(cut).execute(&mut mesh.sql().await).await.unwrap();
    let (told, code) = audit(&mesh, &["verify", "--head", text(&kept)]);
    assert!(code == Some(1) && told.contains("lims: broken at 3: truncated"), "{told}");

    // Without its links a trail is not taken for none.
    sqlx::raw_sql("SET session_replication_role = replica; DELETE FROM lims.audit_links").execute(&mut mesh.sql().await).await.unwrap();
    let (told, code) = audit(&mesh, &["verify"]);
    assert!(code == Some(1) && told.contains("inserted beside the chain"), "{told}");
    let bound = mesh.application("spectra_lims").await.to_url_lossy().to_string();
    let (told, code) = audit(&mesh, &["verify", "--database-url", &bound]);
    assert!(code == Some(2) && told.contains("one organization at a time"), "{told}");

    for (arguments, word) in [
        (vec!["verify", "--org", "nobody"], "no organization nobody"),
        (vec!["verify", "--head", "/nowhere"], "cannot be read"),
        (vec!["verify", "--head", env!("CARGO_MANIFEST_PATH")], "does not hold heads"),
    ] {
        let (told, code) = audit(&mesh, &arguments);
        assert!(code == Some(2) && told.contains(word), "{told}");
    }
}
