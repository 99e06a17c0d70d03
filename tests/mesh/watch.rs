//! Watching runs, through the gateway: each change once it is committed, and on from where a stream broke off.

use serde_json::{Value, json};
use spectra_proto::analysis::{WatchRunsRequest, run_service_client::RunServiceClient};
use spectra_tests::{Caller, DEMO, Event, Mesh, TEST, Watch};
use tonic::{Request, transport::Channel};

use crate::runs::ready_tool;

const RUNS: &str = "/api/analysis/runs";
const WATCH: &str = "/api/analysis/runs/watch";

async fn watch(caller: &Caller, query: &str) -> (Watch, Event) {
    let mut watch = caller.watch(&format!("{WATCH}{query}")).await.unwrap();
    let place = watch.event().await.unwrap();
    (watch, place)
}

async fn make(caller: &Caller, tool: &str) -> Value {
    caller.post(RUNS, json!({"instrument_id": tool, "method": "iv"})).await.expect(201)
}

#[tokio::test]
async fn each_change_is_told_once_it_is_committed() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let tool = ready_tool(&engineer).await;
    let before = make(&engineer, &tool).await;
    let (mut stream, place) = watch(&viewer, "").await;
    assert_eq!((stream.headers["content-type"].to_str().unwrap(), &place.data["run"]), ("text/event-stream", &Value::Null));
    assert!(!place.id.is_empty() && place.data["cursor"] == *place.id);

    let run = make(&engineer, &tool).await;
    let told = stream.event().await.unwrap();
    assert_eq!((&told.data["run"], &told.name), (&run, &String::new()));
    assert_ne!(run["id"], before["id"], "what was there before is not told");
    let path = format!("{RUNS}/{}", run["id"].as_str().unwrap());
    for (verb, status) in [("start", "running"), ("complete", "succeeded")] {
        engineer.act(&format!("{path}/{verb}")).await.expect(200);
        assert_eq!(stream.event().await.unwrap().data["run"]["status"], status);
    }
}

#[tokio::test]
async fn a_stream_goes_on_where_it_broke_off() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = ready_tool(&engineer).await;
    let (mut stream, place) = watch(&engineer, "").await;
    let mut made = Vec::new();
    for _ in 0..6 {
        made.push(make(&engineer, &tool).await["id"].clone());
    }
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(stream.event().await.unwrap());
    }
    drop(stream);
    let last = told.last().unwrap().id.clone();
    // A browser asks for the same path again, and says what it heard last.
    let again = engineer.with("last-event-id", &last);
    let mut stream = again.watch(&format!("{WATCH}?cursor={}", place.id)).await.unwrap();
    for _ in 3..6 {
        told.push(stream.event().await.unwrap());
    }
    assert_eq!(told.iter().map(|event| event.data["run"]["id"].clone()).collect::<Vec<_>>(), made);
    let mut all = engineer.watch(&format!("{WATCH}?cursor={}", place.id)).await.unwrap();
    for event in &told {
        assert_eq!(all.event().await.unwrap(), *event, "the same place tells the same");
    }
}

#[tokio::test]
async fn lines_of_json_tell_the_same() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = ready_tool(&engineer).await;
    let mut lines = engineer.with("accept", "application/x-ndjson").watch(WATCH).await.unwrap();
    assert_eq!(lines.headers["content-type"], "application/x-ndjson");
    assert_eq!(lines.line().await.unwrap()["run"], Value::Null);
    let run = make(&engineer, &tool).await;
    assert_eq!(lines.line().await.unwrap()["run"], run);
}

#[tokio::test]
async fn one_sees_ones_own_organization_and_instrument() {
    let mesh = Mesh::start().await;
    let (ours, theirs) = (mesh.demo("engineer").await, mesh.caller("engineer", TEST).await);
    let (tool, other) = (ready_tool(&ours).await, crate::calibrations::instrument(&ours, "another").await);
    let foreign = ready_tool(&theirs).await;
    let (mut stream, place) = watch(&ours, &format!("?instrument_id={tool}")).await;
    make(&theirs, &foreign).await;
    ours.post(RUNS, json!({"instrument_id": other, "method": "iv"})).await.refused(409, "no_calibration");
    let run = make(&ours, &tool).await;
    assert_eq!(stream.event().await.unwrap().data["run"]["id"], run["id"]);
    theirs.watch(&format!("{WATCH}?cursor={}", place.id)).await.unwrap_err().refused(422, "invalid");
}

#[tokio::test]
async fn what_others_do_in_masses_hides_nothing() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (tool, other) = (ready_tool(&engineer).await, ready_tool(&engineer).await);
    let (mut stream, _) = watch(&engineer, &format!("?instrument_id={tool}")).await;
    let busy = make(&engineer, &other).await;
    sqlx::query(
        "INSERT INTO analysis.outbox (organization_id, kind, record_id)
         SELECT organization_id, 'runs', id FROM analysis.runs, generate_series(1, 500) WHERE id = $1::uuid",
    )
    .bind(busy["id"].as_str())
    .execute(&mut mesh.sql().await)
    .await
    .unwrap();
    let run = make(&engineer, &tool).await;
    assert_eq!(stream.event().await.unwrap().data["run"]["id"], run["id"]);
}

#[tokio::test]
async fn grpc_clients_watch_through_the_same_port() {
    let mesh = Mesh::start().await;
    let (engineer, token) = (mesh.demo("engineer").await, mesh.token("viewer", DEMO).await);
    let tool = ready_tool(&engineer).await;
    let gateway = Channel::from_shared(mesh.url()).unwrap().connect_lazy();
    let mut request = Request::new(WatchRunsRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut events = RunServiceClient::new(gateway).watch_runs(request).await.unwrap().into_inner();
    assert!(events.message().await.unwrap().unwrap().run.is_none());
    let run = make(&engineer, &tool).await;
    assert_eq!(events.message().await.unwrap().unwrap().run.unwrap().id, run["id"].as_str().unwrap());
}

#[tokio::test]
async fn odd_places_and_forms_are_refused() {
    let mesh = Mesh::start().await;
    let viewer = mesh.demo("viewer").await;
    viewer.watch(&format!("{WATCH}?cursor=nowhere")).await.unwrap_err().refused(422, "invalid");
    viewer.with("last-event-id", "nowhere").watch(WATCH).await.unwrap_err().refused(422, "invalid");
    viewer.watch(&format!("{WATCH}?instrument_id=7")).await.unwrap_err().refused(422, "invalid");
    viewer.with("accept", "application/json").watch(WATCH).await.unwrap_err().refused(406, "not_acceptable");
    mesh.nobody().watch(WATCH).await.unwrap_err().refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let mesh = Mesh::start().await;
    let tokens = mesh.nobody().post("/auth/login", json!({"username": "viewer@demo.lab", "password": "view123"})).await.expect(200);
    let viewer = mesh.nobody().with_token(tokens["access_token"].as_str().unwrap());
    let (mut stream, _) = watch(&viewer, "").await;
    viewer.act("/auth/logout").await.expect(204);
    let last = stream.event().await.unwrap();
    assert_eq!((last.name.as_str(), &last.data["code"], &last.data["status"]), ("error", &json!("unauthenticated"), &json!(401)));
    assert_eq!(stream.event().await, None);
}

#[tokio::test]
async fn what_commits_late_is_not_missed() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = ready_tool(&engineer).await;
    let (mut stream, _) = watch(&engineer, "").await;
    let run = make(&engineer, &tool).await;
    stream.event().await.unwrap();
    // A transaction that began before others, and commits after them.
    let mut slow = mesh.sql().await;
    sqlx::raw_sql("BEGIN; SELECT pg_current_xact_id()").execute(&mut slow).await.unwrap();
    let quick = make(&engineer, &tool).await;
    sqlx::query("UPDATE analysis.runs SET error_message = 'late' WHERE id = $1::uuid")
        .bind(run["id"].as_str())
        .execute(&mut slow)
        .await
        .unwrap();
    sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    let told = [stream.event().await.unwrap(), stream.event().await.unwrap()].map(|event| event.data["run"].clone());
    assert!(told.iter().any(|told| told["id"] == run["id"] && told["error_message"] == "late"), "{told:?}");
    assert!(told.iter().any(|told| told["id"] == quick["id"]), "{told:?}");
}

#[tokio::test]
async fn what_was_there_is_not_told_though_others_are_not_done() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = ready_tool(&engineer).await;
    // Whatever else runs in the database, before and after.
    let mut slow = mesh.sql().await;
    sqlx::raw_sql("BEGIN; SELECT pg_current_xact_id()").execute(&mut slow).await.unwrap();
    make(&engineer, &tool).await;
    let (mut stream, _) = watch(&engineer, "").await;
    let later = make(&engineer, &tool).await;
    sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    assert_eq!(stream.event().await.unwrap().data["run"]["id"], later["id"]);
}
