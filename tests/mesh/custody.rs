//! Custody, through the gateway.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use spectra_tests::{Caller, DEMO, Mesh, TEST};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{scan, wafers::wafer};

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListCustodyEvents" => json!({"sampleId": id("sample"), "toUserId": id("user")}),
        "GetCustodyEvent" => json!({"id": id("custody event")}),
        "CreateCustodyEvent" => json!({"sampleId": id("sample"), "toUser": "a courier"}),
        _ => return None,
    })
}

const CUSTODY: &str = "/api/lims/custody";

async fn sample(engineer: &Caller, sample: Value) -> String {
    text(&engineer.post("/api/lims/samples", sample).await.expect(201)["id"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The id of the person of this role.
async fn person(mesh: &Mesh, role: &str) -> String {
    text(&mesh.demo(role).await.get("/auth/me").await.expect(200)["id"])
}

#[tokio::test]
async fn a_sample_goes_from_hand_to_hand() {
    let mesh = Mesh::start().await;
    let (engineer, technician, viewer) = (mesh.demo("engineer").await, mesh.demo("technician").await, mesh.demo("viewer").await);
    let (engineers, technicians) = (person(&mesh, "engineer").await, person(&mesh, "technician").await);
    let sample = sample(&engineer, json!({"name": "s", "location": "Cabinet A"})).await;
    let chain = format!("/api/lims/samples/{sample}/custody");
    let none = viewer.get(&chain).await.expect(200);
    assert_eq!((&none["items"], &none["current_holder"], &none["current_location"]), (&json!([]), &Value::Null, &json!("Cabinet A")));

    let answer =
        technician.post(CUSTODY, json!({"sample_id": sample, "to_user": engineers, "location": "Bench 1", "note": "for etching"})).await;
    let location = answer.header("location").to_owned();
    let event = answer.expect(201);
    assert_eq!(location, format!("{CUSTODY}/{}", text(&event["id"])));
    assert_eq!(viewer.get(&location).await.expect(200), event);
    let fields = ["event_type", "from_user_id", "from_party", "to_user_id", "to_party", "from_location", "to_location", "recorded_by"];
    let told = |event: &Value| json!(fields.map(|field| event[field].clone()));
    assert_eq!(told(&event), json!(["transfer", null, null, engineers, "Process Engineer", "Cabinet A", "Bench 1", technicians]));
    assert_eq!((&event["note"], event["occurred_at"].is_string()), (&json!("for etching"), true));

    let shipped = json!({"sample_id": sample, "event_type": "shipped", "to_user": "Zürich Ion Beam Lab <Dr. Ø>", "to_location": "Zürich"});
    let shipped = technician.post(CUSTODY, shipped).await.expect(201);
    let expected = json!(["shipped", engineers, "Process Engineer", null, "Zürich Ion Beam Lab <Dr. Ø>", "Bench 1", "Zürich", technicians]);
    assert_eq!(told(&shipped), expected, "from whoever had it, and from where it was");

    let read = viewer.get(&chain).await.expect(200);
    assert_eq!(read["items"], json!([shipped, event]));
    assert_eq!(read["current_location"], "Zürich");
    let holder = json!({"user_id": null, "party": "Zürich Ion Beam Lab <Dr. Ø>", "since": shipped["occurred_at"]});
    assert_eq!(read["current_holder"], holder);
    assert_eq!(viewer.get(&format!("/api/lims/samples/{sample}")).await.expect(200)["location"], "Zürich");

    let count = async |query: &str| viewer.get(&format!("{CUSTODY}?count=true&{query}")).await.expect(200)["pagination"]["total"].clone();
    assert_eq!((count("event_type=shipped").await, count(&format!("to_user_id={engineers}")).await), (json!(1), json!(1)));
    assert_eq!(viewer.get(CUSTODY).await.expect(200)["current_holder"], Value::Null);
    for refused in [
        technician.put(&location, json!({"note": "x"})).await,
        technician.patch(&location, json!({})).await,
        technician.delete(&location).await,
    ] {
        assert_eq!(refused.status, 405, "what is on record stays");
    }
    viewer.post(CUSTODY, json!({"sample_id": sample, "to_user": "x"})).await.refused(403, "role_required");

    assert_eq!(engineer.delete(&format!("/api/lims/samples/{sample}")).await.status, 204);
    viewer.get(&chain).await.refused(404, "not_found");
    assert_eq!(viewer.get(&format!("{chain}?include_deleted=true")).await.expect(200)["items"].as_array().unwrap().len(), 2);
    technician.post(CUSTODY, json!({"sample_id": sample, "to_user": "x"})).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_sample_is_moved_by_a_scan() {
    let mesh = Mesh::start().await;
    let (engineer, technician) = (mesh.demo("engineer").await, mesh.demo("technician").await);
    let sample = sample(&engineer, json!({"name": "s", "barcode": "B/1 ä"})).await;
    let moved = technician.post(CUSTODY, json!({"code": "B/1 ä", "event_type": "move", "location": "Fridge 2"})).await.expect(201);
    let (recorder, engineers) = (person(&mesh, "technician").await, person(&mesh, "engineer").await);
    assert_eq!(
        (&moved["sample_id"], &moved["to_user_id"], &moved["to_party"]),
        (&json!(sample), &json!(recorder), &json!("Lab Technician"))
    );
    assert_eq!(technician.get(&scan::path("B/1 ä")).await.expect(200)["sample"]["location"], "Fridge 2");

    technician.post(CUSTODY, json!({"code": sample, "to_user": engineers})).await.expect(201);
    let moved = technician.post(CUSTODY, json!({"code": "B/1 ä", "event_type": "move", "to_location": "Shelf 3"})).await.expect(201);
    assert_eq!((&moved["to_user_id"], &moved["from_location"]), (&json!(engineers), &json!("Fridge 2")), "it stays in the same hands");

    let wafer = wafer(&engineer, &sample, "W1").await;
    let problem = technician.post(CUSTODY, json!({"code": wafer, "to_user": "x"})).await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "code");
    technician.post(CUSTODY, json!({"code": "nothing", "to_user": "x"})).await.refused(404, "not_found");
}

#[tokio::test]
async fn what_cannot_be_put_on_record_is_refused() {
    let mesh = Mesh::start().await;
    let (engineer, technician) = (mesh.demo("engineer").await, mesh.demo("technician").await);
    let sample = sample(&engineer, json!({"name": "s"})).await;
    let of = |more: Value| {
        let mut body = json!({"sample_id": sample, "to_user": "x"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, field) in [
        (json!({"to_user": "x"}), "sample_id"),
        (json!({"sample_id": sample}), "to_user"),
        (of(json!({"to_user": " "})), "to_user"),
        (of(json!({"to_user": "x".repeat(201)})), "to_user"),
        (of(json!({"code": "c"})), "code"),
        (of(json!({"event_type": "Moved!"})), "event_type"),
        (of(json!({"event_type": "move"})), "to_location"),
        (of(json!({"to_location": "A", "location": "B"})), "location"),
        (of(json!({"to_location": ""})), "to_location"),
        (of(json!({"note": "n".repeat(2001)})), "note"),
        (of(json!({"occurred_at": "2126-01-01T00:00:00Z"})), "occurred_at"),
    ] {
        let problem = technician.post(CUSTODY, body.clone()).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{body} {problem}");
    }
    let theirs = mesh.caller("engineer", TEST).await;
    let stranger = text(&theirs.get("/auth/me").await.expect(200)["id"]);
    let unknown = spectra_mesh::new_id().to_string();
    for field in ["to_user", "from_user"] {
        let foreign = technician.post(CUSTODY, of(json!({field: stranger}))).await.refused(404, "not_found");
        let nobodys = technician.post(CUSTODY, of(json!({field: unknown}))).await.refused(404, "not_found");
        assert_eq!(foreign["detail"], nobodys["detail"]);
    }
    theirs.post(CUSTODY, of(json!({}))).await.refused(404, "not_found");
    assert_eq!(technician.get(CUSTODY).await.expect(200)["items"], json!([]), "nothing of it is on record");
}

/// What is recorded late is told as of when it happened.
#[tokio::test]
async fn a_late_record_is_of_its_own_time() {
    let mesh = Mesh::start().await;
    let (engineer, technician) = (mesh.demo("engineer").await, mesh.demo("technician").await);
    let sample = sample(&engineer, json!({"name": "s", "location": "shelf"})).await;
    let record = async |day: u8, more: Value| {
        let mut body = json!({"sample_id": sample, "occurred_at": format!("2026-01-0{day}T10:00:00Z")});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let event = technician.post(CUSTODY, body).await.expect(201);
        json!(["from_party", "from_location", "to_party", "to_location"].map(|field| event[field].clone()))
    };
    assert_eq!(record(5, json!({"to_user": "Bob", "to_location": "A"})).await, json!([null, "shelf", "Bob", "A"]));
    assert_eq!(record(7, json!({"to_user": "Carol", "to_location": "C"})).await, json!(["Bob", "A", "Carol", "C"]));
    let chain = format!("/api/lims/samples/{sample}/custody");
    let moved = record(6, json!({"event_type": "move", "to_location": "B"})).await;
    assert_eq!(moved, json!(["Bob", "A", "Bob", "B"]), "of Tuesday, though it is with Carol since");
    assert_eq!(
        record(6, json!({"to_user": "Dan"})).await,
        json!(["Bob", "B", "Dan", null]),
        "of two at once, the later record comes after"
    );
    assert_eq!(record(4, json!({"to_user": "Al"})).await, json!([null, "shelf", "Al", null]), "as the first on record found it");
    let read = technician.get(&chain).await.expect(200);
    assert_eq!((&read["current_holder"]["party"], &read["current_location"]), (&json!("Carol"), &json!("C")));

    // The sample itself may be changed, and is then where that says.
    engineer.patch(&format!("/api/lims/samples/{sample}"), json!({"location": "drawer"})).await.expect(200);
    assert_eq!(record(8, json!({"to_user": "Eve"})).await, json!(["Carol", "drawer", "Eve", null]));
}

/// A scanner's clock that is ahead does not make what is recorded next the older.
#[tokio::test]
async fn a_clock_may_be_a_little_ahead() {
    let mesh = Mesh::start().await;
    let (engineer, technician) = (mesh.demo("engineer").await, mesh.demo("technician").await);
    let sample = sample(&engineer, json!({"name": "s"})).await;
    let said = |minutes: i64| (spectra_mesh::clock::now() + Duration::minutes(minutes)).format(&Rfc3339).unwrap();
    let ahead = json!({"sample_id": sample, "to_user": "first", "to_location": "A", "occurred_at": said(4)});
    let first = technician.post(CUSTODY, ahead).await.expect(201);
    let next = technician.post(CUSTODY, json!({"sample_id": sample, "to_user": "next", "to_location": "B"})).await.expect(201);
    assert_eq!((&next["from_party"], &next["from_location"]), (&json!("first"), &json!("A")));
    let at = |event: &Value| OffsetDateTime::parse(event["occurred_at"].as_str().unwrap(), &Rfc3339).unwrap();
    assert!(at(&first) < at(&next), "{first} {next}");
    let read = technician.get(&format!("/api/lims/samples/{sample}/custody")).await.expect(200);
    assert_eq!((&read["current_holder"]["party"], &read["current_location"]), (&json!("next"), &json!("B")));
    let late = json!({"sample_id": sample, "to_user": "x", "occurred_at": said(6)});
    technician.post(CUSTODY, late).await.refused(422, "invalid");
}

/// What is recorded late does not undo what happened since.
#[tokio::test]
async fn the_last_event_says_who_has_a_sample_and_where() {
    let mesh = Mesh::start().await;
    let (engineer, technician) = (mesh.caller("engineer", DEMO).await, mesh.demo("technician").await);
    let sample = sample(&engineer, json!({"name": "s"})).await;
    let chain = format!("/api/lims/samples/{sample}/custody");
    let record = async |to: &str, place: &str, at: &str| {
        let body = json!({"sample_id": sample, "to_user": to, "to_location": place, "occurred_at": at});
        technician.post(CUSTODY, body).await.expect(201)
    };
    record("second", "B", "2026-01-02T10:00:00Z").await;
    record("first", "A", "2026-01-01T10:00:00Z").await;
    let read = technician.get(&chain).await.expect(200);
    assert_eq!((&read["current_holder"]["party"], &read["current_location"]), (&json!("second"), &json!("B")));
    assert_eq!(read["items"][0]["to_party"], "first", "the last recorded comes first");
    record("third", "C", "2026-01-02T10:00:00Z").await;
    let read = technician.get(&chain).await.expect(200);
    assert_eq!(
        (&read["current_holder"]["party"], &read["current_location"]),
        (&json!("third"), &json!("C")),
        "of two at once, the later record"
    );

    let mut all = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (technician, sample) = (technician.clone(), sample.clone());
        all.spawn(async move {
            let to = format!("at once {number}");
            technician.post(CUSTODY, json!({"sample_id": sample, "to_user": to, "to_location": to})).await.expect(201)
        });
    }
    assert_eq!(all.join_all().await.len(), 8);
    let read = technician.get(&chain).await.expect(200);
    assert_eq!(read["current_holder"]["party"], read["current_location"], "holder and place come from the same event");
    let events: BTreeMap<_, _> =
        read["items"].as_array().unwrap().iter().map(|event| (text(&event["from_party"]), text(&event["to_party"]))).collect();
    let mut walked = vec!["third".to_owned()];
    while let Some(next) = events.get(&walked[walked.len() - 1]) {
        walked.push(next.clone());
    }
    assert_eq!(walked.len(), 9, "each from whoever had it before: {walked:?}");
    assert_eq!(walked[8], text(&read["current_holder"]["party"]));
}
