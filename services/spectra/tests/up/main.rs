//! `spectra up` as a newcomer runs it: the built program, its signals, its data.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    process::{Command, Output, Stdio},
    time::Duration,
};

use http::Method;
use serde_json::json;
use spectra::secrets::Secrets;
use spectra_tests::{Caller, Mesh};
use sqlx::{ConnectOptions, Connection, PgConnection};

mod files;
mod program;

use program::{Up, engineer, folder, gone, spectra};

#[tokio::test]
async fn the_demo_lab_is_there_and_stays() {
    let data = folder();
    let up = Up::start(data.path(), &[]);
    let caller = engineer(&up.url).await;
    let count = async |caller: &Caller, path: &str| caller.get(path).await.expect(200)["items"].as_array().unwrap().len();
    let samples = count(&caller, "/api/lims/samples").await;
    assert_eq!(samples, 5);
    assert_eq!((count(&caller, "/api/lims/wafers").await, count(&caller, "/api/lims/devices").await), (10, 50));
    assert_eq!(count(&caller, "/api/lims/custody").await, 4);
    assert_eq!((count(&caller, "/api/lims/eln?signed=true").await, count(&caller, "/api/lims/eln?signed=false").await), (1, 1));
    assert_eq!(count(&caller, "/api/analysis/instruments").await, 5);
    assert_eq!(count(&caller, "/api/analysis/runs?status=succeeded").await, 10);
    assert_eq!(count(&caller, "/api/analysis/runs?status=failed").await, 1);
    assert_eq!(count(&caller, "/api/analysis/runs?status=blocked").await, 1);
    let failed = caller.get("/api/analysis/runs?status=failed").await.expect(200)["items"][0].clone();
    assert_eq!(count(&caller, &format!("/api/analysis/results?device_id={}", failed["device_id"].as_str().unwrap())).await, 1);
    assert_eq!(count(&caller, "/api/analysis/analyses").await, 2);
    let series = caller.get("/api/analysis/spc/series?path=mosfet/iv/vth").await.expect(200)["items"][0].clone();
    // Forty that were sent, and what an analysis found in a sweep.
    assert_eq!((&series["name"], &series["points"]), (&json!("Threshold Voltage Trend"), &json!(41)));
    assert!(count(&caller, "/api/analysis/spc/alerts?open=true&severity=critical").await >= 1);
    for status in ["approved", "draft", "retired"] {
        assert_eq!(count(&caller, &format!("/api/lims/recipes?status={status}")).await, 1, "{status}");
    }
    let made = caller.post("/api/lims/samples", json!({"name": "mine"})).await;
    let path = made.header("location").to_owned();
    made.expect(201);

    let mut twin = spectra(data.path());
    let refused: Output = twin.output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.to_lowercase().contains("another"), "{told}");

    up.signal("-INT");
    assert!(up.wait().success());
    gone(data.path());

    let up = Up::start(data.path(), &[]);
    let caller = engineer(&up.url).await;
    assert_eq!(caller.get(&path).await.expect(200)["name"], "mine");
    assert_eq!(count(&caller, "/api/lims/samples").await, 6, "the demo data is written once");
    assert_eq!(count(&caller, "/api/analysis/runs").await, 12);
    up.signal("-TERM");
    assert!(up.wait().success());
    gone(data.path());

    let verify = Command::new(env!("CARGO_BIN_EXE_spectra"))
        .env_remove("DATABASE_URL")
        .args(["audit", "verify", "--data"])
        .arg(data.path())
        .output();
    let told = String::from_utf8(verify.unwrap().stdout).unwrap();
    assert_eq!(told.lines().filter(|line| line.contains(": whole, ")).count(), 6, "two organizations, three services: {told}");
    assert!(std::fs::read_to_string(data.path().join("audit-heads.jsonl")).unwrap().contains("\"lims\""), "kept when it ended");
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_it_is_killed() {
    let data = folder();
    let mut acknowledged: Vec<String> = Vec::new();
    let mut kills = 0;
    while kills < 3 {
        let mut up = Up::start(data.path(), &[]);
        let caller = engineer(&up.url).await;
        for path in &acknowledged {
            caller.get(path).await.expect(200);
        }
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
        for writer in 0..4 {
            let (caller, send) = (caller.clone(), send.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    let sample = json!({"name": format!("{writer}-{number}")}).to_string();
                    let Some(answer) = caller.attempt(Method::POST, "/api/lims/samples", Some(sample.into())).await else { return };
                    if answer.status == 201 {
                        _ = send.send(answer.header("location").to_owned());
                    }
                }
            });
        }
        drop(send);
        tokio::time::sleep(Duration::from_millis(700)).await;
        up.child.kill().unwrap();
        up.child.wait().unwrap();
        kills += 1;
        while let Some(path) = receive.recv().await {
            acknowledged.push(path);
        }
        drop(up);
    }
    let up = Up::start(data.path(), &[]);
    let caller = engineer(&up.url).await;
    for path in &acknowledged {
        caller.get(path).await.expect(200);
    }
    println!("{} acknowledged writes over {kills} kills, none lost", acknowledged.len());
    assert!(acknowledged.len() > 30);
    up.signal("-INT");
    assert!(up.wait().success());
    gone(data.path());
}

#[test]
fn bad_configuration_is_told_at_once() {
    let run = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_spectra")).args(args).env_remove("DATABASE_URL").output().unwrap();
    let refused = run(&["serve", "identity", "--listen", "0.0.0.0:8003", "--attachments", "ftp://lab"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(64), "{told}");
    for word in ["--insecure", "--attachments", "DATABASE_URL", "SPECTRA_SYSTEM_DATABASE_URL", "SPECTRA_KEY_ENCRYPTION_KEY_FILE"] {
        assert!(told.contains(word), "{word} in {told}");
    }
    assert_eq!(run(&["nonsense"]).status.code(), Some(64));
    assert_eq!(run(&["up", "--listen", "nowhere"]).status.code(), Some(64));
    let alone = Command::new(env!("CARGO_BIN_EXE_spectra")).env("SPECTRA_LISTEN", "nowhere").output().unwrap();
    assert_eq!(alone.status.code(), Some(64), "without arguments as with them");
    assert_eq!(run(&["--help"]).status.code(), Some(0));
    let printed = run(&["serve", "gateway", "--listen", "127.0.0.1:1", "--print-config"]);
    let printed: serde_json::Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed["role"], "gateway");
    assert_eq!((&printed["rate_limit"], &printed["trusted_proxies"]), (&json!(null), &json!([])));
    let limited = run(&[
        "serve",
        "gateway",
        "--listen",
        "127.0.0.1:1",
        "--rate-limit",
        "20",
        "--trusted-proxies",
        "10.0.0.0/8,::1",
        "--print-config",
    ]);
    let limited: serde_json::Value = serde_json::from_slice(&limited.stdout).unwrap();
    assert_eq!((&limited["rate_limit"], &limited["organization_rate_limit"]), (&json!(20), &json!(200)));
    assert_eq!(limited["trusted_proxies"], json!(["10.0.0.0/8", "::1/128"]));

    let data = tempfile::tempdir().unwrap();
    let nothing = data.path().join("nothing");
    let refused = run(&["migrate", "status", "--data", nothing.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no database") && !nothing.exists(), "looking makes nothing");
}

#[test]
fn the_contract_is_printed() {
    let run = |what| Command::new(env!("CARGO_BIN_EXE_spectra")).arg(what).output().unwrap().stdout;
    assert_eq!(run("descriptors"), spectra_proto::DESCRIPTORS);
    let document: serde_json::Value = serde_json::from_slice(&run("openapi")).unwrap();
    assert_eq!(document["openapi"], "3.1.1");
}

#[tokio::test]
async fn a_service_refuses_the_database_of_another() {
    let mesh = Mesh::start().await;
    let theirs = mesh.application("spectra_identity").await.to_url_lossy().to_string();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_spectra"));
    serve.args(["serve", "lims", "--listen", "127.0.0.1:0", "--database-url", &theirs]).stderr(Stdio::piped());
    let child = serve.spawn().unwrap();
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && told.contains("schema identity") && !told.contains("internal fault"), "{told}");
}

#[tokio::test]
async fn another_installation_cuts_no_mesh_off() {
    let mesh = Mesh::start().await;
    let told = Secrets::fleeting().admit(mesh.admin()).await.unwrap_err().to_string();
    assert!(told.contains("another password"), "{told}");
    assert!(mesh.nobody().post("/auth/login", json!({"username": "engineer@demo.lab", "password": "eng123"})).await.status == 200);
    PgConnection::connect_with(&mesh.application("spectra_lims").await).await.unwrap();
}
