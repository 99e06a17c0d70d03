//! Certificates and the standing of an instrument, through the gateway.

use std::sync::LazyLock;

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

const CALIBRATIONS: &str = "/api/analysis/calibrations";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListCalibrations" | "GetCalibrationStatus" => json!({"instrumentId": id("instrument")}),
        "GetDueCalibrations" => json!({}),
        "GetCalibration" => json!({"id": id("calibration")}),
        "CreateCalibration" => json!({"calibration": {
            "instrumentId": id("instrument"), "certificateId": "C-2",
            "issuedAt": "2020-01-01T00:00:00Z", "expiresAt": "2099-01-01T00:00:00Z", "attachmentId": id("attachment"),
        }}),
        "RevokeCalibration" => json!({"id": id("calibration"), "reason": "found bad"}),
        _ => return None,
    })
}

pub(crate) async fn instrument(engineer: &Caller, name: &str) -> String {
    let tool = json!({"name": name, "vendor": "v", "model": "m", "interface": "tcp"});
    engineer.post("/api/analysis/instruments", tool).await.expect(201)["id"].as_str().unwrap().to_owned()
}

/// A moment so many days from when the tests began: the same one however often it is asked for.
pub(crate) fn day(days: i64) -> String {
    static TODAY: LazyLock<OffsetDateTime> = LazyLock::new(|| spectra_mesh::clock::now().replace_nanosecond(0).unwrap());
    (*TODAY + Duration::days(days)).format(&Rfc3339).unwrap()
}

/// A certificate from one day to another, counted from today; its path.
pub(crate) async fn certificate(engineer: &Caller, instrument: &str, name: &str, from: i64, to: i64) -> String {
    let body =
        json!({"instrument_id": instrument, "certificate_id": name, "issued_at": day(from), "expires_at": day(to), "provider": "NIST"});
    let answer = engineer.post(CALIBRATIONS, body).await;
    let path = answer.header("location").to_owned();
    answer.expect(201);
    path
}

async fn standing(caller: &Caller, instrument: &str, at: Option<i64>) -> (Value, Value, Value) {
    let at = at.map(|days| format!("&at={}", day(days))).unwrap_or_default();
    let status = caller.get(&format!("{CALIBRATIONS}/status?instrument_id={instrument}{at}")).await.expect(200);
    assert_eq!(status["instrument_id"], instrument);
    (status["status"].clone(), status["valid"].clone(), status["latest_calibration"]["certificate_id"].clone())
}

#[tokio::test]
async fn the_newest_unrevoked_certificate_decides() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = instrument(&engineer, "tool").await;
    assert_eq!(standing(&engineer, &tool, None).await, (json!("no_calibration"), json!(false), Value::Null));

    certificate(&engineer, &tool, "future", 10, 20).await;
    assert_eq!(standing(&engineer, &tool, None).await.0, "not_yet_valid");
    certificate(&engineer, &tool, "old", -100, 100).await;
    assert_eq!(standing(&engineer, &tool, None).await, (json!("valid"), json!(true), json!("old")));
    let short = certificate(&engineer, &tool, "short", -50, -10).await;
    assert_eq!(
        standing(&engineer, &tool, None).await,
        (json!("expired"), json!(false), json!("short")),
        "the newest decides, though an older one runs on"
    );
    assert_eq!(standing(&engineer, &tool, Some(-20)).await.0, "valid");
    assert_eq!(standing(&engineer, &tool, Some(-60)).await, (json!("valid"), json!(true), json!("old")));
    assert_eq!(standing(&engineer, &tool, Some(-200)).await.0, "not_yet_valid");
    assert_eq!(standing(&engineer, &tool, Some(15)).await, (json!("valid"), json!(true), json!("future")));

    engineer.post(&format!("{short}/revoke"), json!({"reason": "r"})).await.refused(403, "role_required");
    pi.post(&format!("{short}/revoke"), json!({})).await.refused(422, "invalid");
    let revoked = pi.post(&format!("{short}/revoke"), json!({"reason": "wrong standard"})).await.expect(200);
    assert_eq!((&revoked["status"], &revoked["revoked_reason"]), (&json!("revoked"), &json!("wrong standard")));
    assert_eq!(standing(&engineer, &tool, None).await, (json!("valid"), json!(true), json!("old")), "falls back to the one before");
}

#[tokio::test]
async fn an_instrument_with_revoked_certificates_alone_is_revoked() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let tool = instrument(&engineer, "tool").await;
    let only = certificate(&engineer, &tool, "only", -10, 100).await;
    pi.post(&format!("{only}/revoke"), json!({"reason": "r"})).await.expect(200);
    let (status, valid, _) = standing(&engineer, &tool, None).await;
    assert_eq!((status, valid), (json!("revoked"), json!(false)));
}

#[tokio::test]
async fn a_certificate_must_make_sense() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = instrument(&engineer, "tool").await;
    let with = |from: i64, to: i64| json!({"instrument_id": tool, "certificate_id": "C", "issued_at": day(from), "expires_at": day(to)});
    for backwards in [with(10, 10), with(10, 5)] {
        let problem = engineer.post(CALIBRATIONS, backwards).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "expires_at");
    }
    let created = engineer.post(CALIBRATIONS, with(-1, 5)).await.expect(201);
    assert_eq!(created["content_hash"].as_str().unwrap().len(), 64);
    engineer.post(CALIBRATIONS, with(-1, 5)).await.refused(409, "already_exists");
    engineer.post(CALIBRATIONS, json!({"certificate_id": "C", "issued_at": day(0), "expires_at": day(1)})).await.refused(422, "invalid");
    engineer.post(CALIBRATIONS, json!({"instrument_id": tool, "certificate_id": "D", "issued_at": day(0)})).await.refused(422, "invalid");
    let foreign = instrument(&mesh.caller("engineer", TEST).await, "tool").await;
    let mut theirs = with(-1, 5);
    theirs["instrument_id"] = json!(foreign);
    engineer.post(CALIBRATIONS, theirs).await.refused(404, "not_found");
    for bad in [
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T00:00:00+99:99",
        "1970-01-01T00:00:00.9999999999Z",
        "today",
    ] {
        let mut odd = with(-1, 5);
        odd["issued_at"] = json!(bad);
        engineer.post(CALIBRATIONS, odd).await.refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_certificate_is_read_and_listed_by_its_instrument() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let (tool, other) = (instrument(&engineer, "tool").await, instrument(&engineer, "other").await);
    let first = certificate(&engineer, &tool, "C-1", -20, 100).await;
    certificate(&engineer, &other, "C-2", -10, 100).await;
    certificate(&engineer, &tool, "C-3", -5, 100).await;
    let read = viewer.get(&first).await.expect(200);
    assert_eq!(
        (&read["instrument_id"], &read["certificate_id"], &read["status"], &read["provider"]),
        (&json!(tool), &json!("C-1"), &json!("valid"), &json!("NIST"))
    );
    assert_eq!(read["issued_at"], day(-20));
    let by = async |query: &str| {
        let listed = viewer.get(&format!("{CALIBRATIONS}?{query}")).await.expect(200);
        listed["items"].as_array().unwrap().iter().map(|item| item["certificate_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(by("").await, ["C-3", "C-2", "C-1"]);
    assert_eq!(by(&format!("instrument_id={tool}")).await, ["C-3", "C-1"]);
    assert_eq!(by(&format!("instrument_id={other}")).await, ["C-2"]);
}

/// Each row of the table: of the certificates issued by then, the newest that is not revoked decides.
#[tokio::test]
async fn the_standing_at_any_time_is_by_the_table() {
    /// Certificates by their days and whether they are revoked; the day asked about, and what is told.
    type Row = (&'static [(i64, i64, bool)], i64, &'static str, Option<usize>);
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let table: [Row; 12] = [
        (&[], 0, "no_calibration", None),
        (&[(5, 10, false)], 0, "not_yet_valid", Some(0)),
        (&[(5, 10, false)], 7, "valid", Some(0)),
        (&[(-10, 10, false)], 0, "valid", Some(0)),
        (&[(-10, -5, false)], 0, "expired", Some(0)),
        (&[(-10, 10, true)], 1, "revoked", Some(0)),
        (&[(-10, 10, true)], -5, "valid", Some(0)),
        (&[(-10, 10, false), (-5, 10, false)], 0, "valid", Some(1)),
        (&[(-10, 10, false), (-5, -2, false)], 0, "expired", Some(1)),
        (&[(-10, 10, false), (-5, 10, true)], 1, "valid", Some(0)),
        (&[(-10, 10, false), (5, 20, false)], 0, "valid", Some(0)),
        (&[(-10, -5, true), (-5, 10, true)], 1, "revoked", Some(1)),
    ];
    for (nth, (certificates, at, expected, decides)) in table.into_iter().enumerate() {
        let tool = instrument(&engineer, &format!("tool {nth}")).await;
        for (place, (from, to, revoked)) in certificates.iter().enumerate() {
            let path = certificate(&engineer, &tool, &format!("C-{place}"), *from, *to).await;
            if *revoked {
                pi.post(&format!("{path}/revoke"), json!({"reason": "r"})).await.expect(200);
            }
        }
        let (status, valid, latest) = standing(&engineer, &tool, Some(at)).await;
        assert_eq!((&status, &valid), (&json!(expected), &json!(expected == "valid")), "row {nth}");
        assert_eq!(latest, decides.map_or(Value::Null, |place| json!(format!("C-{place}"))), "row {nth}");
    }
}

#[tokio::test]
async fn what_is_to_be_calibrated_is_told_the_most_urgent_first() {
    let mesh = Mesh::start().await;
    let (engineer, viewer, pi) = (mesh.demo("engineer").await, mesh.demo("viewer").await, mesh.demo("pi").await);
    for (name, from, to) in [("fresh", -10, 300), ("soon", -10, 20), ("later", -10, 60), ("over", -100, -3), ("to come", 3, 10)] {
        let tool = instrument(&engineer, name).await;
        certificate(&engineer, &tool, "C", from, to).await;
    }
    instrument(&engineer, "bare").await;
    let bad = instrument(&engineer, "bad").await;
    let bad = certificate(&engineer, &bad, "C", -10, 300).await;
    pi.post(&format!("{bad}/revoke"), json!({"reason": "r"})).await.expect(200);
    let due = async |query: &str| {
        let told = viewer.get(&format!("{CALIBRATIONS}/due{query}")).await.expect(200);
        assert_eq!(told["more"], false);
        let item = |item: &Value| (item["name"].as_str().unwrap().to_owned(), item["status"].as_str().unwrap().to_owned());
        told["items"].as_array().unwrap().iter().map(item).collect::<Vec<_>>()
    };
    let all = due("").await;
    let mut without: Vec<_> = all[..3].to_vec();
    without.sort();
    let pair = |name: &str, status: &str| (name.to_owned(), status.to_owned());
    assert_eq!(without, [pair("bad", "revoked"), pair("bare", "no_calibration"), pair("to come", "not_yet_valid")]);
    assert_eq!(all[3..], [pair("over", "expired"), pair("soon", "valid")]);
    assert_eq!(due("?within_days=0").await[3..], [pair("over", "expired")]);
    assert_eq!(due("?within_days=90").await[3..], [pair("over", "expired"), pair("soon", "valid"), pair("later", "valid")]);
    viewer.get(&format!("{CALIBRATIONS}/due?within_days=-1")).await.refused(422, "invalid");
    assert_eq!(mesh.caller("viewer", TEST).await.get(&format!("{CALIBRATIONS}/due")).await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_certificate_names_its_paper() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = instrument(&engineer, "tool").await;
    let paper = crate::attachments::attach(&engineer, "instrument", &tool, "text/csv", b"a certificate").await.expect(201);
    let mut body = json!({"instrument_id": tool, "certificate_id": "C", "issued_at": day(-1), "expires_at": day(5),
                          "attachment_id": paper["id"], "file_uri": "s3://papers/C.pdf"});
    let made = engineer.post(CALIBRATIONS, body.clone()).await.expect(201);
    assert_eq!((&made["attachment_id"], &made["file_uri"]), (&paper["id"], &json!("s3://papers/C.pdf")));
    body["certificate_id"] = json!("D");
    body["attachment_id"] = json!(spectra_mesh::new_id().to_string());
    engineer.post(CALIBRATIONS, body.clone()).await.refused(404, "not_found");
    body["attachment_id"] = json!("x");
    engineer.post(CALIBRATIONS, body).await.refused(422, "invalid");
}
