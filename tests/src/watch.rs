//! A stream over HTTP, event by event.

use std::time::Duration;

use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

/// How long the next event may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stream of events that is open.
#[derive(Debug)]
pub struct Watch {
    /// The headers of the answer.
    pub headers: HeaderMap,
    body: Incoming,
    read: String,
}

/// A server-sent event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Its name, where it has one.
    pub name: String,
    /// The place from which the stream goes on.
    pub id: String,
    /// What it tells.
    pub data: Value,
}

impl Watch {
    pub(crate) fn new(answer: Response<Incoming>) -> Self {
        let (parts, body) = answer.into_parts();
        Self { headers: parts.headers, body, read: String::new() }
    }

    /// The next server-sent event that tells something; none at the end.
    pub async fn event(&mut self) -> Option<Event> {
        loop {
            let block = self.until("\n\n").await?;
            let field =
                |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default().to_owned();
            let data = field("data");
            if !data.is_empty() {
                return Some(Event { name: field("event"), id: field("id"), data: serde_json::from_str(&data).expect("JSON") });
            }
        }
    }

    /// The next line that is not empty, as JSON; none at the end.
    pub async fn line(&mut self) -> Option<Value> {
        loop {
            let line = self.until("\n").await?;
            if !line.is_empty() {
                return Some(serde_json::from_str(&line).expect("JSON"));
            }
        }
    }

    async fn until(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some((whole, rest)) = self.read.split_once(end) {
                let (whole, rest) = (whole.to_owned(), rest.to_owned());
                self.read = rest;
                return Some(whole);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("an event in time")?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.read.push_str(str::from_utf8(&data).expect("UTF-8"));
            }
        }
    }
}
