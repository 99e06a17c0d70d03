//! Files that go up: as a raw body and as a part of a form.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use spectra_tests::Answer;

use super::content;
use crate::stage::{Stage, pieces, piecewise};

const PATH: &str = "/ground/files";
const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=\"a b\"");

/// A form of these parts: what their disposition says besides, and what they hold.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = b"what stands before is not read\r\n".to_vec();
    for (disposition, content) in parts {
        text.extend_from_slice(format!("--a b\r\ncontent-disposition: form-data; {disposition}\r\n\r\n").as_bytes());
        text.extend_from_slice(content);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"--a b--\r\n");
    text
}

/// What is taken of a file of this content.
#[track_caller]
fn taken(answer: &Answer, size: i64) -> Value {
    assert_eq!(answer.status, 201, "{}", answer.text());
    let file = answer.json();
    let sha256 = STANDARD.encode(digest(&SHA256, &content(0, size)));
    assert_eq!((&file["size"], &file["sha256"]), (&json!(size.to_string()), &json!(sha256)), "{file}");
    file
}

#[tokio::test]
async fn a_raw_body_is_a_file() {
    let stage = Stage::start().await;
    let caller = stage.caller().with("content-type", "text/csv");
    for size in [0, 1, 65_536, 1_000_001] {
        let raw = caller.post_raw(&format!("{PATH}?owner=o&filename=a%2Fb.csv&tags=x&tags=y"), content(0, size)).await;
        assert_eq!(raw.header("location"), "/ground/files/new");
        let file = taken(&raw, size);
        let told = ["owner", "filename", "content_type", "tags"].map(|name| file[name].clone());
        assert_eq!(told, [json!("o"), json!("a/b.csv"), json!("text/csv"), json!(["x", "y"])]);
    }
    let put = caller.send(Method::PUT, "/ground/files/me/data.bin?content_type=x/y", Some(content(0, 10).into())).await;
    let file = taken(&put, 10);
    assert_eq!((&file["owner"], &file["filename"], &file["content_type"]), (&json!("me"), &json!("data.bin"), &json!("x/y")));
    let unnamed = stage.send(Method::POST, PATH, &[], pieces([Bytes::from(content(0, 3))])).await;
    assert_eq!(taken(&unnamed, 3)["content_type"], "");
    stage.caller().post_raw(&format!("{PATH}?unknown=1"), "x").await.refused(400, "malformed");
    stage.caller().post_raw(&format!("{PATH}?content=eA"), "x").await.refused(400, "malformed");
    stage.caller().with("content-encoding", "lzma").post_raw(PATH, "x").await.refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_form_brings_a_file_among_fields() {
    let stage = Stage::start().await;
    // Nothing of it may be taken for a boundary.
    let tricky = b"\r\n--a\r\n--a  b--a b\r\r\n-".to_vec();
    let whole: &[(&str, &[u8])] = &[
        ("name=owner", b"o"),
        ("name=\"file\"; filename=\"W1-ä.csv\"\r\ncontent-type: text/csv", &tricky),
        ("name=tags", b"x"),
        ("name=tags", b"y"),
    ];
    let text = form(&whole.iter().map(|(disposition, content)| (*disposition, *content)).collect::<Vec<_>>());
    for cut in [1, 3, 7, 64, 100_000] {
        let cut = text.chunks(cut).map(Bytes::copy_from_slice).collect::<Vec<_>>();
        let answer = stage.send(Method::POST, PATH, &[FORM], pieces(cut)).await.expect(201);
        let expected = json!({
            "id": "new", "owner": "o", "filename": "W1-ä.csv", "content_type": "text/csv", "tags": ["x", "y"],
            "size": tricky.len().to_string(), "sha256": STANDARD.encode(digest(&SHA256, &tricky)),
        });
        assert_eq!(answer, expected);
    }
    let file = content(0, 500_000);
    let large = form(&[("name=content", &file), ("name=filename", b"own.bin")]);
    let answer = taken(&stage.send(Method::POST, PATH, &[FORM], pieces([large.into()])).await, 500_000);
    assert_eq!(answer["filename"], "own.bin", "what comes after the file holds too");
}

#[tokio::test]
async fn a_form_that_does_not_read_is_refused() {
    let stage = Stage::start().await;
    let whole = form(&[("name=owner", b"o"), ("name=file; filename=f", b"content")]);
    let post = async |kind: &str, body: Vec<u8>| stage.send(Method::POST, PATH, &[("content-type", kind)], pieces([body.into()])).await;
    let refused = [
        ("no file", form(&[("name=owner", b"o")])),
        ("two files", form(&[("name=a; filename=f", b"1"), ("name=b; filename=g", b"2")])),
        ("a field twice", form(&[("name=owner", b"o"), ("name=owner", b"p"), ("name=file", b"")])),
        ("an unknown field", form(&[("name=wafer", b"o"), ("name=file", b"")])),
        ("a field that is no text", form(&[("name=owner", b"\xff"), ("name=file", b"")])),
        ("a field that is too long", form(&[("name=owner", &vec![b'o'; 300 << 10]), ("name=file", b"")])),
        ("too many parts", form(&vec![("name=tags", &b"x"[..]); 101])),
        ("no end", whole[..whole.len() - 6].to_vec()),
        ("half a head", whole[..60].to_vec()),
        ("no form", b"nothing".to_vec()),
        ("nothing", Vec::new()),
        ("an endless beginning", vec![b'x'; 8 << 20]),
        ("an endless head", [b"--a b\r\nx: ".to_vec(), vec![b'x'; 8 << 20]].concat()),
    ];
    for (what, body) in refused {
        let answer = post(FORM.1, body).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        answer.refused(400, "malformed");
    }
    post("multipart/form-data", whole.clone()).await.refused(400, "malformed");
    assert_eq!(stage.streamed.settled().await.0, 0, "no service took half of a form for all");
    taken(&post("multipart/mixed; boundary=x", content(0, 9)).await, 9);
}

#[tokio::test]
async fn a_file_that_breaks_off_is_none() {
    let stage = Stage::start().await;
    for headers in [&[][..], &[FORM]] {
        let (pieces, body) = piecewise();
        let answer = async { stage.send(Method::POST, PATH, headers, body).await };
        let sent = async {
            let head = form(&[("name=file", b"")]);
            pieces.send(Ok(head[..head.len() - 11].to_vec().into())).await.expect("a reader");
            // So much that it cannot all be on its way.
            let more = async {
                for _ in 0..64 {
                    pieces.send(Ok(vec![0; 1 << 20].into())).await.expect("a reader");
                }
            };
            _ = tokio::time::timeout(Duration::from_millis(300), more).await;
            stage.streamed.begun(1).await;
        };
        tokio::select! {
            answer = answer => panic!("an answer to half a file: {}", answer.text()),
            () = sent => {}
        }
        assert_eq!(stage.streamed.settled().await.0, 0);
    }
    assert_eq!(stage.streamed.settled().await, (0, 2));
}

#[tokio::test]
async fn a_file_is_refused_before_it_is_sent() {
    let stage = Stage::start().await;
    // The answer comes at the first byte, although there is no end of them.
    let (pieces, body) = piecewise();
    let sent = async { while pieces.send(Ok(vec![0; 1 << 16].into())).await.is_ok() {} };
    let path = format!("{PATH}?owner=nobody");
    let (refused, ()) = tokio::join!(stage.send(Method::POST, &path, &[], body), sent);
    refused.refused(404, "not_found");
    // And what is announced to be too large is not begun.
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2147483649\r\n\r\n");
    let answer = stage.raw(&head).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("2048 MiB"), "{answer}");
    assert_eq!(stage.streamed.settled().await.0, 0);
}
