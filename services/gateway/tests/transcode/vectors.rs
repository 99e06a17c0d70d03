//! The parsing test suite of JSON, read in place where it is at hand.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value as Json;

use super::contract::{PLANS, id, write};

/// Where the vectors are, if they are anywhere.
fn folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test has no command line to configure it")]
    let set = std::env::var_os("SPECTRA_VECTORS");
    set.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from)
}

#[test]
fn json_vectors() {
    let path = folder().join("security/third-party/json-parsing.json");
    let Ok(text) = std::fs::read(&path) else {
        println!("skipped: no vectors");
        return;
    };
    let suite: Json = serde_json::from_slice(&text).expect("the suite is JSON");
    let cases = suite["cases"].as_array().expect("a list of cases");
    let mut ran = [0; 3];
    for case in cases {
        let name = case["name"].as_str().expect("a name");
        let body = STANDARD.decode(case["body_b64"].as_str().expect("a body")).expect("base64");
        let value = takes("google.protobuf.Value", &body);
        let first = body.trim_ascii_start().first();
        // A container is taken as such just where any value is.
        assert_eq!(takes("google.protobuf.Struct", &body), value && first == Some(&b'{'), "{name}");
        assert_eq!(takes("google.protobuf.ListValue", &body), value && first == Some(&b'['), "{name}");
        let field = [b"{\"metadata\":", &*body, b"}"].concat();
        match name.as_bytes() {
            [b'n', ..] => {
                assert!(!value, "{name} was taken");
                ran[0] += 1;
            }
            // The suite leaves repeated keys to the reader; the contract refuses them.
            [b'y', ..] if name.contains("duplicated_key") => {
                assert!(!value, "{name} was taken");
                ran[1] += 1;
            }
            [b'y', ..] => {
                assert!(value, "{name} was refused");
                assert_eq!(takes("every.v1.Sample", &field), first == Some(&b'{'), "{name} as a field");
                ran[1] += 1;
            }
            _ => ran[2] += 1,
        }
    }
    println!("{} cases: {} refused, {} taken or repeating a key, {} either", cases.len(), ran[0], ran[1], ran[2]);
    assert!(ran.iter().sum::<i32>() > 0);
}

/// Whether the message takes the text; then it must come back as JSON that the message takes again.
fn takes(message: &str, text: &[u8]) -> bool {
    let mut wire = Vec::new();
    if PLANS.read_json(id(message), text, &mut wire).is_err() {
        return false;
    }
    let again = write(message, &wire).expect("what was read can be written");
    let mut same = Vec::new();
    PLANS.read_json(id(message), again.as_bytes(), &mut same).expect("what was written can be read");
    assert_eq!(write(message, &same), Ok(again));
    true
}
