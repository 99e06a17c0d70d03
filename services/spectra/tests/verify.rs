//! `spectra verify-signature`, as a shell runs it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{path::Path, process::Command};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use spectra_mesh::signed::key_id;
use spectra_tests::Mesh;

/// The exit code, and what was said.
fn run(args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_spectra")).arg("verify-signature").args(args).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), told)
}

/// A key that looks like an option.
const HYPHENATED: &str = "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s";

/// The key with one bit of it turned.
fn another(key: &str) -> String {
    let mut bytes = URL_SAFE_NO_PAD.decode(key).unwrap();
    bytes[0] ^= 1;
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An export whose signature is made anew, by nobody's key, once its manifest is changed.
fn forged(export: &str, change: impl FnOnce(&mut Value)) -> String {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let mut export: Value = serde_json::from_str(export).unwrap();
    let mut manifest: Value = serde_json::from_str(export["signatures"][0]["manifest"].as_str().unwrap()).unwrap();
    change(&mut manifest);
    let (manifest, public_key) = (manifest.to_string(), pair.public_key().as_ref());
    let signature = STANDARD.encode(pair.sign(manifest.as_bytes()));
    export["keys"] = json!([{"algorithm": "Ed25519", "key_id": key_id(public_key), "public_key": URL_SAFE_NO_PAD.encode(public_key)}]);
    export["signatures"] = json!([{"key_id": key_id(public_key), "manifest": manifest, "signature": signature}]);
    export.to_string()
}

#[tokio::test]
async fn a_forged_file_moves_no_cursor() {
    const ESCAPE: &str = "\u{1b}[1A\u{202e}\r";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("entry");
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let entry = engineer.post("/api/lims/eln", json!({"title": "Leakage", "body_markdown": "1 nA"})).await.expect(201);
    let path = format!("/api/lims/eln/{}", entry["id"].as_str().unwrap());
    engineer.post(&format!("{path}/sign"), json!({"method": "password", "password": "eng123"})).await.expect(200);
    let export = engineer.get(&format!("{path}/export")).await.text();
    let said = forged(&export, |manifest| {
        for place in ["/signer/name", "/signer/role", "/signed_at", "/meaning", "/reason"] {
            *manifest.pointer_mut(place).unwrap() = json!(ESCAPE);
        }
    });
    let part = forged(&export, |manifest| manifest["record"]["parts"][ESCAPE] = json!("0"));
    let key = said.replacen("\"key_id\":\"", "\"key_id\":\"\\u001b\\u202e", 1);
    let field = said.replacen("\"keys\"", "\"keys\\u001b\\u202e\"", 1);
    for (forged, expected) in [(said, 0), (part, 1), (key, 1), (field, 2)] {
        std::fs::write(&file, forged).unwrap();
        let (code, told) = run(&[text(&file)]);
        assert_eq!(code, expected, "{told:?}");
        assert!(told.contains("\\u{1b}") && !told.contains(['\u{1b}', '\u{202e}', '\r']), "{told:?}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn an_export_is_checked_offline() {
    let folder = tempfile::tempdir().unwrap();
    let (file, key_file) = (folder.path().join("entry"), folder.path().join("key"));
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let entry = engineer.post("/api/lims/eln", json!({"title": "Leakage \u{202e}of W1", "body_markdown": "1 nA"})).await.expect(201);
    let path = format!("/api/lims/eln/{}", entry["id"].as_str().unwrap());
    let attach =
        format!("/api/lims/attachments?entity_type=eln_entry&entity_id={}&filename=iv%E2%80%AE.csv", entry["id"].as_str().unwrap());
    engineer.with("content-type", "text/csv").post_raw(&attach, "0,0\n").await.expect(201);
    engineer.post(&format!("{path}/sign"), json!({"method": "password", "password": "eng123", "reason": "so it was"})).await.expect(200);
    let keys = engineer.get("/api/identity/signature-keys").await.expect(200);
    let key = keys["items"][0]["public_key"].as_str().unwrap();
    std::fs::write(&key_file, key).unwrap();

    for format in ["json", "markdown"] {
        let export = engineer.get(&format!("{path}/export?format={format}")).await.text();
        std::fs::write(&file, &export).unwrap();
        let (code, told) = run(&[text(&file)]);
        assert_eq!(code, 0, "{told}");
        assert!(told.contains("see whether it is your lab's") && told.contains(keys["items"][0]["key_id"].as_str().unwrap()), "{told}");
        assert!(told.contains("\"Process Engineer\" (\"engineer\")") && told.contains("because \"so it was\""), "{told}");
        assert!(told.contains("the file holds 1 signature;") && told.contains("no signature is over its context"), "{told}");
        let file_sum = spectra_mesh::sha256(b"0,0\n");
        assert!(told.contains(&format!("\"iv\\u{{202e}}.csv\" of 4 bytes, whose SHA-256 is \"{file_sum}\"")), "{told}");
        assert!(!told.contains('\u{202e}'), "a title turns no text around: {told:?}");
        for key in [key, text(&key_file)] {
            assert_eq!(run(&[text(&file), "--key", key]).0, 0);
        }
        for other in [&another(key), HYPHENATED] {
            let (code, told) = run(&[text(&file), "--key", other]);
            assert!(code == 1 && told.contains("another key"), "{code}: {told}");
        }
        std::fs::write(&file, export.replace("1 nA", "2 nA")).unwrap();
        let (code, told) = run(&[text(&file)]);
        assert!(code == 1 && told.contains("body_markdown is not what was signed"), "{code}: {told}");
        std::fs::write(&file, export.replace(&file_sum, &spectra_mesh::sha256(b"1,0\n"))).unwrap();
        let (code, told) = run(&[text(&file)]);
        assert!(code == 1 && told.contains("attachments is not what was signed"), "{code}: {told}");
        std::fs::write(&file, export.replace("Process Engineer", "Process engineer")).unwrap();
        assert_eq!(run(&[text(&file)]).0, 1);
        std::fs::write(&file, &export[..export.len() / 2]).unwrap();
        assert_eq!(run(&[text(&file)]).0, 2);
    }
    assert_eq!(run(&["/nowhere/at/all"]).0, 2);
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    assert_eq!(run(&[text(&file)]).0, 2);
    assert_eq!(run(&[text(&file), "--key", "nonsense"]).0, 2);
}
