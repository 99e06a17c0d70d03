//! Files that go down: whole, in parts, and not at all.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use http_body_util::BodyExt;
use spectra_tests::Answer;

use super::{content, digest};
use crate::stage::{Stage, pieces};

/// What a test looks at: the status, some headers, and the length of the body.
fn seen(answer: &Answer) -> (u16, [&str; 3], usize) {
    let headers = ["content-length", "content-range", "accept-ranges"].map(|name| answer.header(name));
    (answer.status.as_u16(), headers, answer.body.len())
}

#[tokio::test]
async fn a_file_comes_whole() {
    let stage = Stage::start().await;
    for size in [1, 65_536, 1_000_001] {
        let answer = stage.caller().get(&format!("/ground/files/{size}?filename=W1-%C3%A4.csv")).await;
        assert_eq!(seen(&answer), (200, [&*size.to_string(), "", "bytes"], usize::try_from(size).expect("small")));
        assert_eq!(answer.body, content(0, size));
        for (name, value) in [
            ("content-type", "application/x-ground"),
            ("content-disposition", "attachment; filename=\"W1-_.csv\"; filename*=UTF-8''W1-%C3%A4.csv"),
            ("etag", &*format!("\"of-{size}\"")),
            ("cache-control", "public, max-age=300"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox"),
        ] {
            assert_eq!(answer.header(name), value, "{name}");
        }
    }
    let empty = stage.caller().get("/ground/files/0").await;
    assert_eq!((seen(&empty), empty.header("content-disposition")), ((200, ["0", "", "bytes"], 0), "attachment"));
    let packed = stage.caller().with("accept-encoding", "gzip").get("/ground/files/100000").await;
    assert_eq!(packed.header("content-encoding"), "", "a part of a file is a part of its own bytes");
}

#[tokio::test]
async fn a_file_comes_in_parts() {
    let stage = Stage::start().await;
    for (range, first, length) in [
        ("0-0", 0, 1),
        ("0-99999", 0, 100_000),
        ("99999-", 99_999, 1),
        ("70000-200000", 70_000, 30_000),
        ("-10", 99_990, 10),
        ("-200000", 0, 100_000),
    ] {
        let answer = stage.caller().with("range", &format!("bytes={range}")).get("/ground/files/100000").await;
        let stated = format!("bytes {first}-{}/100000", first + length - 1);
        assert_eq!(seen(&answer), (206, [&*length.to_string(), &*stated, "bytes"], usize::try_from(length).expect("small")), "{range}");
        assert_eq!(answer.body, content(first, length), "{range}");
    }
    for none in ["bytes=100000-", "bytes=-0", "bytes=9223372036854775807-"] {
        let answer = stage.caller().with("range", none).get("/ground/files/100000").await;
        assert_eq!(answer.header("content-range"), "bytes */100000", "{none}");
        answer.refused(416, "range_not_satisfiable");
    }
    for whole in ["bytes=0-1,5-6", "lines=0-1", "bytes=5-4"] {
        assert_eq!(stage.caller().with("range", whole).get("/ground/files/10").await.status, 200, "{whole}");
    }
    let part = |tag: &str| stage.caller().with("range", "bytes=0-1").with("if-range", tag);
    assert_eq!(part("\"of-10\"").get("/ground/files/10").await.status, 206);
    assert_eq!(part("\"of-11\"").get("/ground/files/10").await.status, 200, "it is another file by now");
    assert_eq!(part("W/\"of-10\"").get("/ground/files/10").await.status, 200);
}

#[tokio::test]
async fn a_file_that_the_client_has_does_not_come() {
    let stage = Stage::start().await;
    let known = stage.caller().with("if-none-match", "\"x\", \"of-100000\"").get("/ground/files/100000").await;
    assert_eq!((known.status.as_u16(), known.body.len(), known.header("etag")), (304, 0, "\"of-100000\""));
    let head = stage.caller().send(Method::HEAD, "/ground/files/100000", None).await;
    assert_eq!((head.status.as_u16(), head.header("content-length"), head.body.len()), (200, "100000", 0));
    stage.streamed.settled().await;
}

#[tokio::test]
async fn a_small_file_comes_in_one_message() {
    let stage = Stage::start().await;
    let label = stage.caller().get("/ground/files/1000/label?filename=label.svg").await;
    assert_eq!((seen(&label), &label.body[..]), ((200, ["1000", "", ""], 1000), &content(0, 1000)[..]));
    let sha256 = STANDARD.encode(digest(&super::SHA256, &label.body));
    assert_eq!(label.header("repr-digest"), format!("sha-256=:{sha256}:"));
    assert_eq!(label.header("content-disposition"), "attachment; filename=\"label.svg\"");
}

#[tokio::test]
async fn a_file_that_fails_breaks_off() {
    let stage = Stage::start().await;
    let answer = stage.open(Method::GET, "/ground/files/1000000?fail_after=500000", &[], pieces([])).await;
    assert_eq!(answer.headers()["content-length"], "1000000");
    assert!(answer.into_body().collect().await.is_err(), "nobody takes it for whole");
    stage.caller().get("/ground/files/x").await.refused(400, "malformed");
}

#[tokio::test]
async fn who_stops_reading_stops_the_service() {
    let stage = Stage::start().await;
    for _ in 0..10 {
        let mut answer = stage.open(Method::GET, "/ground/files/10000000000", &[], pieces([])).await.into_body();
        tokio::time::timeout(Duration::from_secs(10), answer.frame()).await.expect("in time").expect("a frame").expect("bytes");
    }
    stage.streamed.settled().await;
}
