//! Calls that reach a service, and what becomes of its answer.

use std::{
    io::{Read as _, Write as _},
    time::{Duration, Instant},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use http::Method;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Front},
    service::{Double, ID, hangs_up_first},
};

const MATERIALS: &str = "/api/lims/materials";

async fn stage() -> (Double, Front) {
    let double = Double::start().await;
    let front = Front::before(double.address).await;
    (double, front)
}

fn material() -> String {
    format!("{MATERIALS}/{ID}")
}

#[tokio::test]
async fn a_resource_is_read_and_read_again() {
    let (_double, front) = stage().await;
    let read = front.get(&material()).await;
    assert_eq!((read.status.as_u16(), read.header("content-type")), (200, "application/json"));
    let tag = read.header("etag").to_owned();
    assert!(tag.starts_with("\"3-"), "{tag}");
    let expected = json!({
        "id": ID, "organization_id": "", "name": "Silicon", "type": "semiconductor", "composition": null, "properties": null,
        "supplier": null, "metadata": null, "revision": 3, "created_at": null, "updated_at": null,
    });
    assert_eq!(read.json(), expected);
    for (name, value) in [
        ("cache-control", "private, no-cache"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("vary", "Accept, Authorization"),
    ] {
        assert_eq!(read.header(name), value, "{name}");
    }
    assert!(read.header("content-security-policy").starts_with("default-src 'none'"));

    let again = front.send(Method::GET, &material(), &[("if-none-match", &*format!("\"1\", W/{tag}"))], "").await;
    assert_eq!((again.status.as_u16(), again.header("etag"), again.body.len()), (304, tag.as_str(), 0));
    assert_eq!(again.header("content-length"), "");
    let head = front.send(Method::HEAD, &material(), &[], "").await;
    assert_eq!((head.status.as_u16(), head.header("content-length")), (200, read.body.len().to_string().as_str()));
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn a_resource_is_made_and_changed() {
    let (_double, front) = stage().await;
    let made = front.send(Method::POST, MATERIALS, &[], "{\"name\":\"Germanium\",\"type\":\"s\"}").await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, material().as_str()));
    assert!(made.header("etag").starts_with("\"1-"), "{}", made.header("etag"));
    assert_eq!(made.json()["name"], "Germanium");
    for method in [Method::PUT, Method::PATCH] {
        let changed = front.send(method, &material(), &[], "{\"name\":\"n\",\"supplier\":null,\"metadata\":{\"a\":1}}").await;
        assert_eq!(changed.status, 200);
        assert_eq!(changed.json()["supplier"], "name supplier metadata");
    }
    let refused = front.send(Method::POST, MATERIALS, &[], "{\"name\":\"\"}").await.refused(422, "invalid");
    assert_eq!(refused["errors"], json!([{"field": "name", "message": "must not be empty"}]));
    assert_eq!(refused["detail"], "name must not be empty");
    let refused = front.send(Method::PUT, &material(), &[("if-match", "\"2\"")], "{}").await.refused(412, "stale");
    assert_eq!(refused["run_id"], "r-1");
}

#[tokio::test]
async fn refusals_are_told_and_the_inside_is_not() {
    let (_double, front) = stage().await;
    let missing = front.get(&format!("{MATERIALS}/other")).await.refused(404, "not_found");
    assert_eq!(missing["detail"], "said by the service");
    assert_eq!(missing["instance"], format!("{MATERIALS}/other"));
    let unknown = front.get(&format!("{MATERIALS}/me")).await;
    unknown.refused(401, "unauthenticated");
    assert_eq!(unknown.header("www-authenticate"), "Bearer");
    let broken = front.get(&format!("{MATERIALS}?q=inside")).await.refused(500, "internal");
    assert!(!broken.to_string().contains("relation"), "{broken}");
    let busy = front.get(&format!("{MATERIALS}?q=unavailable")).await;
    busy.refused(503, "unavailable");
    assert_eq!(busy.header("retry-after"), "1");
    // The double offers one service of the contract.
    front.get("/api/lims/samples").await.refused(501, "unimplemented");
}

#[tokio::test]
async fn a_service_hears_what_it_must_and_no_more() {
    let (double, front) = stage().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let id = "0198f2a4-0000-7000-8000-000000000002";
    let said = [
        ("authorization", "Bearer t"),
        ("idempotency-key", "k"),
        ("if-match", "\"3\""),
        ("x-change-reason", "why"),
        ("x-request-id", id),
        ("traceparent", trace),
        ("user-agent", "browser/1"),
        ("x-spectra-org", "forged"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-user", "forged"),
        ("cookie", "a=b"),
        ("prefer", "wait=5"),
    ];
    assert_eq!(front.send(Method::PUT, &material(), &said, "{}").await.status, 200);
    let heard = double.heard();
    let heard = |name: &str| heard.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    for (name, value) in said.into_iter().take(7) {
        assert_eq!(heard(name), value, "{name}");
    }
    assert_eq!(heard("x-forwarded-for"), "127.0.0.1");
    assert_eq!(heard("grpc-timeout"), "4900000u");
    for name in ["x-spectra-org", "x-forwarded-user", "cookie", "prefer"] {
        assert_eq!(heard(name), "", "{name}");
    }
}

#[tokio::test]
async fn a_call_ends_in_time() {
    let (_double, front) = stage().await;
    let slow = format!("{MATERIALS}?q=slow");
    let begun = Instant::now();
    front.send(Method::GET, &slow, &[("prefer", "wait=1")], "").await.refused(504, "deadline");
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    front.send(Method::GET, &slow, &[("grpc-timeout", "300m")], "").await.refused(504, "deadline");
    front.send(Method::GET, &slow, &[("grpc-timeout", "0n")], "").await.refused(504, "deadline");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_service_that_dies_is_unavailable() {
    let (mut double, front) = stage().await;
    let slow = format!("{MATERIALS}?q=slow");
    let asked = front.get(&slow);
    let killed = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        double.die();
    };
    let (answer, ()): (Answer, ()) = tokio::join!(asked, killed);
    let problem = answer.refused(503, "unavailable");
    assert_eq!(problem["detail"], "the service does not answer; try again in a moment");
}

#[tokio::test]
async fn what_does_no_harm_is_asked_once_more() {
    let double = Double::start().await;
    let body = "{\"name\":\"n\",\"type\":\"s\"}";
    for (method, path, headers, status) in [
        (Method::GET, material(), vec![], 200),
        (Method::POST, MATERIALS.to_owned(), vec![("idempotency-key", "k")], 201),
        (Method::POST, MATERIALS.to_owned(), vec![], 503),
    ] {
        let front = Front::before(hangs_up_first(double.address).await).await;
        let answer = front.send(method.clone(), &path, &headers, if method == Method::GET { "" } else { body }).await;
        assert_eq!(answer.status, status, "{method} with {headers:?}");
    }
}

#[tokio::test]
async fn http2_is_spoken_too() {
    let (_double, front) = stage().await;
    let front = front.over_http2();
    let read = front.get(&material()).await;
    assert_eq!((read.status.as_u16(), read.json()["name"].clone()), (200, Value::from("Silicon")));
    let head = front.send(Method::HEAD, &material(), &[], "").await;
    assert_eq!((head.status.as_u16(), head.header("content-length")), (200, read.body.len().to_string().as_str()));
    front.send(Method::POST, MATERIALS, &[], vec![b' '; 5 << 20]).await.refused(413, "too_large");
    assert_eq!(front.get(&material()).await.status, 200, "the connection goes on");
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(text).expect("memory");
    packed.finish().expect("memory")
}

#[tokio::test]
async fn what_is_large_is_compressed_for_whom_it_suits() {
    let (_double, front) = stage().await;
    let supplier = "silicon and so on ".repeat(100);
    let make = async |accept: &str| {
        let made = json!({"name": "n", "type": "s", "supplier": supplier}).to_string();
        front.send(Method::POST, MATERIALS, &[("accept-encoding", accept)], made).await
    };
    let plain = make("identity").await;
    for encoding in ["gzip", "br", "zstd"] {
        let answer = make(encoding).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-encoding")), (201, encoding));
        assert!(answer.body.len() < plain.body.len() / 4, "{encoding}: {}", answer.body.len());
        assert!(
            answer.headers.get_all("vary").iter().any(|vary| vary.to_str().is_ok_and(|vary| vary.eq_ignore_ascii_case("accept-encoding")))
        );
    }
    let mut text = Vec::new();
    GzDecoder::new(&*make("gzip").await.body).read_to_end(&mut text).expect("gzip");
    assert_eq!(text, plain.body);
    for weighed in ["gzip;q=0.5", "gzip;q=0.8, identity;q=0", "br;q=0, gzip;q=0.1, *;q=0"] {
        assert_eq!(make(weighed).await.header("content-encoding"), "gzip", "{weighed}");
    }
    for picky in ["identity;q=0", "*;q=0", "lzma, identity; q=0"] {
        assert_eq!(make(picky).await.status, 201, "what is done is not told to be refused");
    }
    let small = front.send(Method::GET, &material(), &[("accept-encoding", "gzip")], "").await;
    assert_eq!(small.header("content-encoding"), "", "what fits into one packet is sent as it is");
}

#[tokio::test]
async fn a_body_may_be_compressed_and_is_measured_unpacked() {
    let (_double, front) = stage().await;
    let packed = gzip(b"{\"name\":\"Germanium\",\"type\":\"s\"}");
    let made = front.send(Method::POST, MATERIALS, &[("content-encoding", "gzip")], packed).await;
    assert_eq!((made.status.as_u16(), &made.json()["name"]), (201, &json!("Germanium")));
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    front.send(Method::POST, MATERIALS, &[("content-encoding", "gzip")], bomb).await.refused(413, "too_large");
}
