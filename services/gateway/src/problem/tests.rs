#![expect(clippy::disallowed_methods, reason = "what others than our services answer")]

use std::collections::HashMap;

use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tonic_types::FieldViolation;

use super::*;
use crate::trace::Trace;

const CODES: [(Code, u16, &str); 17] = [
    (Code::Ok, 500, "internal"),
    (Code::Cancelled, 499, "cancelled"),
    (Code::Unknown, 500, "internal"),
    (Code::InvalidArgument, 422, "invalid"),
    (Code::DeadlineExceeded, 504, "deadline"),
    (Code::NotFound, 404, "not_found"),
    (Code::AlreadyExists, 409, "already_exists"),
    (Code::PermissionDenied, 403, "permission_denied"),
    (Code::ResourceExhausted, 429, "exhausted"),
    (Code::FailedPrecondition, 409, "failed_precondition"),
    (Code::Aborted, 409, "stale"),
    (Code::OutOfRange, 422, "invalid"),
    (Code::Unimplemented, 501, "unimplemented"),
    (Code::Internal, 500, "internal"),
    (Code::Unavailable, 503, "unavailable"),
    (Code::DataLoss, 500, "internal"),
    (Code::Unauthenticated, 401, "unauthenticated"),
];

/// A status as services make it.
fn status(code: Code, reason: &str, metadata: &[(&str, &str)], violations: &[(&str, &str)]) -> Status {
    let mut details = ErrorDetails::new();
    let metadata: HashMap<_, _> = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    details.set_error_info(reason, "spectra", metadata);
    if !violations.is_empty() {
        details.set_bad_request(violations.iter().map(|(field, rule)| FieldViolation::new(*field, *rule)).collect::<Vec<_>>());
    }
    Status::with_error_details(code, "as the service says", details)
}

async fn shown(problem: &Problem) -> (http::HeaderMap, Value) {
    let trace = Trace::of("GET /", &http::HeaderMap::new());
    let (parts, body) = problem.answer("/api/x", &trace.ids).into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    assert_eq!(parts.headers[CONTENT_TYPE], "application/problem+json");
    (parts.headers, serde_json::from_slice(&body).expect("JSON"))
}

#[tokio::test]
async fn every_code_has_its_status_and_tells_nothing_of_the_inside() {
    for (index, (code, http, word)) in CODES.into_iter().enumerate() {
        assert_eq!(Code::from(i32::try_from(index).expect("small")), code, "the table lists every code");
        let raw = Status::with_details(code, "relation \"samples\" does not exist", Bytes::new());
        let problem = Problem::refused(&raw, None, false);
        let (headers, shown) = shown(&problem).await;
        assert_eq!((shown["status"].as_u64(), shown["code"].as_str()), (Some(http.into()), Some(word)), "{code:?}");
        assert_eq!(problem.status().as_u16(), http);
        assert!(!shown.to_string().contains("relation"), "{shown}");
        assert_eq!(headers.contains_key(RETRY_AFTER), matches!(http, 429 | 503), "{code:?}");
        assert_eq!(headers.contains_key(WWW_AUTHENTICATE), http == 401, "{code:?}");
    }
    assert_eq!(Problem::of(Code::Aborted, true).status, 412);
}

#[tokio::test]
async fn a_refusal_says_what_the_service_says() {
    let metadata = [("instrument_id", "i-1"), ("status", "never replaces a member")];
    let refused = Problem::refused(&status(Code::FailedPrecondition, "CALIBRATION_EXPIRED", &metadata, &[]), None, false);
    let (_, shown) = shown(&refused).await;
    let expected = json!({
        "type": "urn:spectra:problem:calibration_expired", "title": "Calibration expired", "status": 409, "detail": "as the service says",
        "instance": "/api/x", "code": "calibration_expired", "errors": [], "instrument_id": "i-1",
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(shown[name], *value, "{name}");
    }
    assert_eq!(shown.as_object().map(serde_json::Map::len), Some(10), "{shown}");
}

#[tokio::test]
async fn fields_have_the_names_of_the_clients_json() {
    let violations = [("sample.name", "must not be empty"), ("id", "must be a UUID"), ("samples", "is another field")];
    let refused = Problem::refused(&status(Code::InvalidArgument, "INVALID", &[], &violations), Some("sample"), false);
    let (_, shown) = shown(&refused).await;
    assert_eq!(shown["detail"], "name must not be empty, and 2 more");
    let fields: Vec<_> = refused.errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["name", "id", "samples"]);
    for (field, body, expected) in [
        ("points[3].value", Some("points"), "[3].value"),
        ("sample", Some("sample"), ""),
        ("sample.name", None, "sample.name"),
        ("sampled.name", Some("sample"), "sampled.name"),
    ] {
        assert_eq!(outside(field, body), expected, "{field}");
    }
}

#[tokio::test]
async fn a_fault_of_ours_is_never_told() {
    for code in [Code::Internal, Code::Unknown, Code::DataLoss] {
        let refused = Problem::refused(&status(code, "INTERNAL", &[("table", "samples")], &[("x", "y")]), None, false);
        let (_, shown) = shown(&refused).await;
        assert_eq!((&shown["status"], &shown["detail"], &shown["code"]), (&json!(500), &json!(INTERNAL), &json!("internal")));
        assert!(shown.get("table").is_none() && shown["errors"] == json!([]), "{shown}");
    }
}

#[tokio::test]
async fn a_service_says_when_to_try_again() {
    let mut details = ErrorDetails::new();
    details.set_error_info("EXHAUSTED", "spectra", HashMap::new());
    details.set_retry_info(Some(Duration::from_millis(1500)));
    let refused = Problem::refused(&Status::with_error_details(Code::ResourceExhausted, "slow down", details), None, false);
    assert_eq!(shown(&refused).await.0[RETRY_AFTER], "2");
}

#[test]
fn a_text_that_a_service_finds_malformed_is_a_bad_request() {
    assert_eq!(Problem::refused(&status(Code::InvalidArgument, "MALFORMED", &[], &[]), None, false).status, 400);
    assert_eq!(Problem::refused(&status(Code::FailedPrecondition, "MALFORMED", &[], &[]), None, false).status, 409);
}
