//! What the gateway refuses by itself, with no service up.

use http::Method;
use serde_json::json;

use crate::client::Front;

const SAMPLES: &str = "/api/lims/samples";

#[tokio::test]
async fn without_services_calls_are_unavailable() {
    let front = Front::alone().await;
    for (method, path, body) in [
        (Method::GET, SAMPLES, ""),
        (Method::POST, SAMPLES, "{\"name\":\"n\"}"),
        (Method::DELETE, "/api/lims/samples/7", ""),
        (Method::POST, "/auth/logout", ""),
    ] {
        let answer = front.send(method, path, &[], body).await;
        let problem = answer.refused(503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1");
        for inside in ["127.0.0.1", "tcp", "refused", "tonic"] {
            assert!(!problem["detail"].as_str().unwrap_or_default().contains(inside), "{problem}");
        }
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_read() {
    let front = Front::alone().await;
    for body in ["{", "{\"odd\":1}", "{}"] {
        let length = body.len();
        let request = format!(
            "POST {SAMPLES} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: text/odd\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let answer = front.raw(request).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("www-authenticate: Bearer"), "{answer}");
    }
}

#[tokio::test]
async fn health_tells_what_fails() {
    let front = Front::alone().await;
    let alive = front.get("/health").await;
    assert_eq!((alive.status.as_u16(), alive.json()), (200, json!({"status": "ok"})));
    let ready = front.get("/health/ready").await;
    let services = json!({"analysis": "unavailable", "identity": "unavailable", "lims": "unavailable"});
    assert_eq!((ready.status.as_u16(), ready.json()), (503, json!({"status": "unavailable", "services": services})));
    let index = front.get("/").await;
    assert_eq!(index.status, 200);
    let prefixes = index.json()["api"].clone();
    for prefix in ["/api/analysis", "/api/identity", "/api/lims", "/auth"] {
        assert!(prefixes.as_array().is_some_and(|all| all.contains(&prefix.into())), "{prefixes}");
    }
    front.send(Method::POST, "/health", &[], "").await.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn paths_and_methods_are_told() {
    let front = Front::alone().await;
    let missing = front.get("/nothing?x=1").await.refused(404, "not_found");
    assert_eq!((&missing["instance"], &missing["type"]), (&json!("/nothing"), &json!("urn:spectra:problem:not_found")));
    front.get("/api/lims/samples/a/b").await.refused(404, "not_found");
    front.get("/api/lims/samples/%ff").await.refused(400, "malformed");
    let wrong = front.send(Method::PATCH, SAMPLES, &[], "{}").await;
    wrong.refused(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "GET, HEAD, OPTIONS, POST");
    let options = front.send(Method::OPTIONS, SAMPLES, &[], "").await;
    assert_eq!((options.status.as_u16(), options.header("allow"), options.body.len()), (204, "GET, HEAD, OPTIONS, POST", 0));
    let head = front.send(Method::HEAD, "/nothing", &[], "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (404, 0));
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let front = Front::alone().await;
    front.get(&format!("{SAMPLES}?q={}", "x".repeat(9000))).await.refused(414, "uri_too_long");
    front.send(Method::GET, SAMPLES, &[("x-filler", &"x".repeat(20_000))], "").await.refused(431, "headers_too_large");
    let large = front.send(Method::POST, SAMPLES, &[], vec![b' '; (4 << 20) + 1]).await;
    large.refused(413, "too_large");
    assert_eq!(large.header("connection"), "close");
    let grows = format!("{{\"name\":\"n\",\"metadata\":{{\"x\":[{}1]}}}}", "1,".repeat(1 << 20));
    front.send(Method::POST, SAMPLES, &[], grows).await.refused(413, "too_large");
    let most = format!("{{\"name\":\"n\",\"x\":\"{}\"}}", "x".repeat(4_194_000));
    front.send(Method::POST, SAMPLES, &[], most).await.refused(400, "malformed");
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let front = Front::alone().await;
    front.send(Method::POST, SAMPLES, &[("content-type", "text/plain")], "name=n").await.refused(415, "unsupported_media_type");
    let twice = [("content-type", "application/json"), ("content-type", "text/plain")];
    front.send(Method::POST, SAMPLES, &twice, "{}").await.refused(415, "unsupported_media_type");
    front.send(Method::POST, SAMPLES, &[("content-encoding", "compress")], "{}").await.refused(415, "unsupported_media_type");
    front.send(Method::POST, SAMPLES, &[("content-encoding", "gzip")], "{}").await.refused(400, "malformed");
    front.send(Method::GET, SAMPLES, &[("accept", "text/html")], "").await.refused(406, "not_acceptable");
    // Without a body its type does not matter, and without a type it is JSON.
    front.send(Method::GET, SAMPLES, &[("content-type", "text/plain")], "").await.refused(503, "unavailable");
    front.send(Method::POST, SAMPLES, &[], "{\"name\":\"n\"}").await.refused(503, "unavailable");
}

#[tokio::test]
async fn malformed_text_is_told_where() {
    let front = Front::alone().await;
    for (method, path, body, field) in [
        (Method::POST, SAMPLES, "", ""),
        (Method::POST, SAMPLES, "null", ""),
        (Method::POST, SAMPLES, "{\"name\":\"n\"} x", ""),
        (Method::POST, SAMPLES, "{\"name\":7}", "name"),
        (Method::POST, SAMPLES, "{\"nmae\":\"n\"}", "nmae"),
        (Method::POST, SAMPLES, "{\"name\":\"n\",\"metadata\":{\"x\":1e400}}", "metadata.x"),
        (Method::GET, "/api/lims/samples?limit=x", "", "limit"),
        (Method::GET, "/api/lims/samples?nothing=1", "", "nothing"),
        (Method::DELETE, "/api/lims/samples/7", "{\"why\":1}", "why"),
    ] {
        let problem = front.send(method, path, &[("x-request-id", "odd")], body).await.refused(400, "malformed");
        assert_eq!(problem["errors"][0]["field"].as_str().unwrap_or_default(), field, "{problem}");
        assert_eq!(problem["trace_id"].as_str().map(str::len), Some(32));
    }
}

#[tokio::test]
async fn nothing_under_auth_is_kept() {
    let front = Front::alone().await;
    let refused = front.send(Method::POST, "/auth/login", &[], "{\"username\":\"a\",\"password\":\"b\"}").await;
    assert_eq!((refused.status.as_u16(), refused.header("cache-control")), (503, "no-store"));
}
