//! Streams of either side, and of both at once.

use std::{collections::BTreeSet, pin::Pin, time::Duration};

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use spectra_mesh::Error;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    generated::ground::v1::{CountRequest, Number, Tick, Total, stream_service_server::StreamService},
    stage::{Sent, Stage, Streamed, pieces, piecewise},
};

pub(crate) struct Streams(pub(crate) Streamed);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn add(total: &mut Total, names: &mut BTreeSet<String>, number: Number) -> Result<(), Status> {
    let value = number.value + number.part.unwrap_or_default().value;
    if value < 0 {
        return Err(Error::invalid("value", "must not be negative").into());
    }
    names.extend(Some(number.name).filter(|name| !name.is_empty()));
    *total = Total { sum: total.sum + value, count: total.count + 1, names: names.iter().cloned().collect() };
    Ok(())
}

#[tonic::async_trait]
impl StreamService for Streams {
    type CountStream = Answers<Tick>;
    type ConverseStream = Answers<Total>;

    async fn count(&self, request: Request<CountRequest>) -> Result<Response<Self::CountStream>, Status> {
        let asked = request.into_inner();
        let first = asked.cursor().parse::<i32>().unwrap_or(0) + 1;
        let open = self.0.begin();
        let numbers = (first..=asked.to).map(move |number| match number {
            _ if number == asked.fail_at => Err(Error::exhausted("it was told to fail").into()),
            _ => Ok(Tick { cursor: number.to_string(), number }),
        });
        let ticks = tokio_stream::iter(numbers);
        if asked.stay {
            return Ok(Response::new(Box::pin(ticks.chain(tokio_stream::pending()).map(move |tick| (tick, &open).0))));
        }
        Ok(Response::new(Box::pin(ticks.map(move |tick| (tick, &open).0))))
    }

    async fn sum(&self, request: Request<Streaming<Number>>) -> Result<Response<Total>, Status> {
        let (open, mut numbers) = (self.0.begin(), request.into_inner());
        let (mut total, mut names) = (Total::default(), BTreeSet::new());
        while let Some(number) = numbers.message().await? {
            add(&mut total, &mut names, number)?;
        }
        open.end();
        Ok(Response::new(total))
    }

    async fn converse(&self, request: Request<Streaming<Number>>) -> Result<Response<Self::ConverseStream>, Status> {
        let (open, numbers) = (self.0.begin(), request.into_inner());
        let (mut total, mut names) = (Total::default(), BTreeSet::new());
        let totals = numbers.map(move |number| {
            let _ = &open;
            add(&mut total, &mut names, number?)?;
            Ok(total.clone())
        });
        Ok(Response::new(Box::pin(totals)))
    }
}

const LINES: [(&str, &str); 1] = [("content-type", "application/x-ndjson")];

fn lines(values: &[Value]) -> Sent {
    pieces(values.iter().map(|value| Bytes::from(format!("{value}\n"))).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_stream_of_the_service_is_read_to_its_end_and_resumed() {
    let stage = Stage::start().await;
    let caller = stage.caller();
    let mut watch = caller.watch("/ground/ticks?to=3").await.expect("a stream");
    assert_eq!(watch.headers["content-type"], "text/event-stream");
    for number in 1..=3 {
        let event = watch.event().await.expect("an event");
        assert_eq!((event.id, event.data), (number.to_string(), json!({ "cursor": number.to_string(), "number": number })));
    }
    assert_eq!(watch.event().await, None);
    let mut watch = caller.with("last-event-id", "2").watch("/ground/ticks?to=3&cursor=0").await.expect("a stream");
    assert_eq!(watch.event().await.expect("an event").data["number"], 3);
    let mut watch = caller.with("accept", "application/x-ndjson").watch("/ground/ticks?to=1").await.expect("a stream");
    assert_eq!(watch.line().await, Some(json!({ "cursor": "1", "number": 1 })));
    assert_eq!(watch.line().await, None);
    caller.with("accept", "application/json").get("/ground/ticks?to=1").await.refused(406, "not_acceptable");
}

#[tokio::test]
async fn a_stream_that_fails_says_so_at_its_end() {
    let stage = Stage::start().await;
    let caller = stage.caller();
    let mut watch = caller.watch("/ground/ticks?to=3&fail_at=2").await.expect("a stream");
    assert_eq!(watch.event().await.expect("an event").data["number"], 1);
    let last = watch.event().await.expect("an event");
    assert_eq!((last.name.as_str(), &last.data["code"], &last.data["status"]), ("error", &json!("exhausted"), &json!(429)));
    assert_eq!(watch.event().await, None);
    let mut watch = caller.with("accept", "application/x-ndjson").watch("/ground/ticks?to=3&fail_at=1").await.expect("a stream");
    assert_eq!(watch.line().await.expect("a line")["error"]["code"], "exhausted");
}

#[tokio::test]
async fn who_goes_away_leaves_no_stream_behind() {
    let stage = Stage::start().await;
    let mut watches = Vec::new();
    for _ in 0..20 {
        let mut watch = stage.caller().watch("/ground/ticks?to=1&stay=true").await.expect("a stream");
        watch.event().await.expect("an event");
        watches.push(watch);
    }
    stage.streamed.begun(20).await;
    drop(watches);
    assert_eq!(stage.streamed.settled().await, (0, 20));
}

#[tokio::test]
async fn lines_become_a_stream_and_one_answer_comes_back() {
    let stage = Stage::start().await;
    let sum = async |path: &str, values: &[Value]| stage.send(Method::POST, path, &LINES, lines(values)).await.expect(200);
    let numbers = [json!({ "name": "a", "value": "1" }), json!({ "name": "b", "value": 2 }), json!({})];
    assert_eq!(sum("/ground/sums", &numbers).await, json!({ "sum": "3", "count": 3, "names": ["a", "b"] }));
    assert_eq!(sum("/ground/sums", &[]).await, json!({ "sum": "0", "count": 0, "names": [] }));
    let named = [json!({ "value": 1 }), json!({ "value": 2 })];
    assert_eq!(sum("/ground/sums/c", &named).await, json!({ "sum": "3", "count": 2, "names": ["c"] }), "the path is of each");
    assert_eq!(sum("/ground/sums/c/parts?value=1", &named).await["sum"], "5", "a line is the field that the rule names");

    // However the lines are cut, and with or without an end.
    let text = "{\"value\":1}\r\n\n  {\"value\":\"2\"}  \n{\"value\":3}";
    let letters = text.bytes().map(|byte| Bytes::from(vec![byte])).collect::<Vec<_>>();
    let cut = stage.send(Method::POST, "/ground/sums", &[], pieces(letters)).await.expect(200);
    assert_eq!((&cut["sum"], &cut["count"]), (&json!("6"), &json!(3)));
    let many = (0..100_000).map(|_| Bytes::from_static(b"{\"value\":1}\n"));
    assert_eq!(stage.send(Method::POST, "/ground/sums", &LINES, pieces(many)).await.expect(200)["count"], 100_000);
    assert_eq!(stage.streamed.settled().await.1, 0);
}

#[tokio::test]
async fn a_line_that_is_refused_is_told_by_its_number_and_ends_all() {
    let stage = Stage::start().await;
    let post = async |body: Sent| stage.send(Method::POST, "/ground/sums", &LINES, body).await;
    for (bad, field) in [("{\"value\":true}", "value"), ("{\"value\":1", ""), ("[]", ""), ("{\"unknown\":1}", "unknown"), ("1", "")] {
        let text = format!("{{\"value\":1}}\n\n{bad}\n{{\"value\":1}}\n");
        let problem = post(pieces([Bytes::from(text)])).await.refused(400, "malformed");
        assert_eq!(problem["line"], "3", "{problem}");
        assert!(problem["detail"].as_str().expect("a sentence").starts_with("line 3: "), "{problem}");
        assert_eq!(problem["errors"].as_array().map_or(0, Vec::len), usize::from(!field.is_empty()), "{problem}");
    }
    let endless = std::iter::repeat_with(|| Bytes::from(vec![b' '; 1 << 16])).take(100);
    assert_eq!(post(pieces(endless)).await.refused(413, "too_large")["line"], "1");
    let large = std::iter::repeat_with(|| Bytes::from(format!("{}\n", " ".repeat(1 << 20)))).take(70);
    post(pieces(large)).await.refused(413, "too_large");
    let announced = stage.caller().with("content-type", "application/x-ndjson").post_raw("/ground/sums", vec![b' '; 65 << 20]).await;
    announced.refused(413, "too_large");
    stage
        .send(Method::POST, "/ground/sums", &[("content-type", "application/json")], lines(&[]))
        .await
        .refused(415, "unsupported_media_type");
    stage.send(Method::POST, "/ground/sums?value=1", &LINES, lines(&[])).await.refused(400, "malformed");
    let (ended, _) = stage.streamed.settled().await;
    assert_eq!(ended, 0, "no service took half of it for all");
}

#[tokio::test]
async fn a_service_may_refuse_before_the_end() {
    let stage = Stage::start().await;
    let (pieces, body) = piecewise();
    let refused = stage.send(Method::POST, "/ground/sums", &LINES, body);
    let sent = async {
        pieces.send(Ok("{\"value\":-1}\n".into())).await.expect("a reader");
        // The answer does not wait for the rest, of which there is no end.
        while pieces.send(Ok("{\"value\":1}\n".into())).await.is_ok() {}
    };
    let (refused, ()) = tokio::join!(refused, sent);
    assert_eq!(refused.refused(422, "invalid")["errors"][0]["field"], "value");
}

#[tokio::test]
async fn who_breaks_off_has_not_sent_all() {
    let stage = Stage::start().await;
    for _ in 0..10 {
        let (pieces, body) = piecewise();
        let sent = async {
            for _ in 0..3 {
                pieces.send(Ok("{\"value\":1}\n".into())).await.expect("a reader");
            }
            stage.streamed.begun(1).await;
        };
        tokio::select! {
            _ = stage.open(Method::POST, "/ground/sums", &LINES, body) => panic!("an answer to half a body"),
            // The client and its connection are dropped.
            () = sent => {}
        }
        assert_eq!(stage.streamed.settled().await.0, 0);
    }
    assert_eq!(stage.streamed.settled().await, (0, 10));
}

#[tokio::test]
async fn both_sides_speak_at_once() {
    let stage = Stage::start().await;
    let (pieces, body) = piecewise();
    let headers = [LINES[0], ("accept", "application/x-ndjson")];
    let (answer, ()) = tokio::join!(stage.open(Method::POST, "/ground/talks", &headers, body), async {
        pieces.send(Ok("{\"value\":1}\n".into())).await.expect("a reader");
    });
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (200, &"application/x-ndjson".parse().expect("a value")));
    let mut heard = answer.into_body();
    let mut next = async || {
        let frame = tokio::time::timeout(Duration::from_secs(10), heard.frame()).await.expect("in time");
        frame.map(|frame| serde_json::from_slice::<Value>(&frame.expect("a frame").into_data().expect("data")).expect("JSON"))
    };
    assert_eq!(next().await.expect("a line")["sum"], "1");
    for sum in 2..10 {
        pieces.send(Ok("{\"value\":1}\n".into())).await.expect("a reader");
        assert_eq!(next().await.expect("a line")["sum"], sum.to_string());
    }
    pieces.send(Ok("{\"value\":x}\n".into())).await.expect("a reader");
    let last = next().await.expect("a line");
    assert_eq!((&last["error"]["code"], &last["error"]["line"]), (&json!("malformed"), &json!("10")));
    assert_eq!(next().await, None);
    stage.streamed.settled().await;

    let ended = stage.send(Method::POST, "/ground/talks", &LINES, lines(&[json!({ "value": 5 })])).await;
    assert!(ended.text().contains("data: {\"sum\":\"5\""), "{}", ended.text());
    assert_eq!(stage.streamed.settled().await.0, 0);
}
/// Who does not read what comes leaves the connection to the service to all others.
#[tokio::test]
async fn streams_that_nobody_reads_stand_in_nobodys_way() {
    let stage = Stage::start().await;
    let mut unread = Vec::new();
    for _ in 0..8 {
        let watch = stage.open(Method::GET, "/ground/ticks?to=100000000", &[("accept", "text/event-stream")], pieces([]));
        unread.push(watch.await);
        let spoken = (0..10_000).map(|_| Bytes::from("{\"value\":1}\n"));
        let talk = stage.open(Method::POST, "/ground/talks", &[LINES[0], ("accept", "application/x-ndjson")], pieces(spoken));
        unread.push(talk.await);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    for _ in 0..10 {
        let answer = stage.send(Method::POST, "/ground/sums", &LINES, lines(&[json!({"value": 1}), json!({"value": 2})])).await;
        assert_eq!(answer.expect(200)["sum"], "3");
    }
    let last = unread.pop().expect("a talk").into_body().collect().await.expect("all of it").to_bytes();
    let last = last.trim_ascii().rsplit(|byte| *byte == b'\n').next().expect("a line");
    assert_eq!(serde_json::from_slice::<Value>(last).expect("JSON")["sum"], "10000");
}
