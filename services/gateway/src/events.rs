//! The body of a stream: each message of the service as it comes, and a sign of life while none does.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{BufMut, Bytes};
use http_body::Frame;
use tokio::{
    task::JoinHandle,
    time::{Interval, MissedTickBehavior},
};
use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Code, Status, Streaming};

use crate::{
    media::Framing,
    problem::{Answered, Problem},
    respond,
    routes::binding::Binding,
    trace::Ids,
    transcode::Plans,
};

/// How long nothing may be said: proxies close what is silent for a minute.
const SILENCE: Duration = Duration::from_secs(15);
/// When an `EventSource` comes back after the stream broke off, in milliseconds.
const RETRY: &[u8] = b"retry: 2000\n\n";

/// What a client sends while it is told. It ends with the stream that it belongs to.
pub(crate) struct Feed(JoinHandle<Answered<()>>);

impl Feed {
    pub(crate) fn of(feed: impl Future<Output = Answered<()>> + Send + 'static) -> Self {
        Self(tokio::spawn(feed))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A stream on its way to a client.
pub(crate) struct Events {
    messages: Streaming<Bytes>,
    /// What the client still sends, where it does.
    feed: Option<Feed>,
    plans: Arc<Plans>,
    binding: Arc<Binding>,
    framing: Framing,
    /// Where an error says that it happened.
    path: String,
    ids: Ids,
    silence: Interval,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    begun: bool,
    ended: bool,
}

impl Events {
    /// The messages in this framing, until the service ends them, or `stop`: who was cut off comes back, to another process.
    pub(crate) fn new(
        messages: Streaming<Bytes>,
        plans: Arc<Plans>,
        binding: Arc<Binding>,
        framing: Framing,
        path: &str,
        ids: Ids,
        stop: CancellationToken,
    ) -> Self {
        let mut silence = tokio::time::interval_at(tokio::time::Instant::now() + SILENCE, SILENCE);
        silence.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = Box::pin(stop.cancelled_owned());
        let path = path.to_owned();
        Self { messages, feed: None, plans, binding, framing, path, ids, silence, stop, begun: false, ended: false }
    }

    /// The same, while the client sends by `feed`.
    pub(crate) fn fed_by(self, feed: Option<Feed>) -> Self {
        Self { feed, ..self }
    }

    /// One message, framed.
    fn message(&self, wire: &[u8]) -> Result<Bytes, Box<Problem>> {
        let json = respond::json(&self.plans, &self.binding, wire)?;
        let mut out = Vec::with_capacity(json.len() + 64);
        match self.framing {
            Framing::Lines => {
                out.extend_from_slice(&json);
                out.push(b'\n');
            }
            Framing::ServerSent => {
                let cursor =
                    self.binding.rpc.stream.and_then(|stream| stream.cursor).and_then(|field| self.plans.string_field(field, wire));
                // A line end would end the field.
                if let Some(cursor) = cursor.filter(|cursor| !cursor.contains(['\n', '\r', '\0'])) {
                    put(&mut out, &[b"id: ", cursor.as_bytes(), b"\n"]);
                }
                // JSON is compact here, and so of one line.
                put(&mut out, &[b"data: ", &json, b"\n\n"]);
            }
        }
        Ok(out.into())
    }

    /// The last thing said of a stream that failed.
    fn failure(&self, problem: &Problem) -> Bytes {
        let problem = problem.document(&self.path, &self.ids);
        let mut out = Vec::with_capacity(problem.len() + 32);
        match self.framing {
            Framing::Lines => put(&mut out, &[b"{\"error\":", &problem, b"}\n"]),
            Framing::ServerSent => put(&mut out, &[b"event: error\ndata: ", &problem, b"\n\n"]),
        }
        out.into()
    }

    fn end(&mut self, with: Option<Bytes>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended = true;
        Poll::Ready(with.map(|last| Ok(Frame::data(last))))
    }
}

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // The head of an answer may wait for its first bytes.
        if !std::mem::replace(&mut self.begun, true) && self.framing == Framing::ServerSent {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(RETRY)))));
        }
        if let Some(feed) = &mut self.feed
            && let Poll::Ready(fed) = Pin::new(&mut feed.0).poll(context)
        {
            self.feed = None;
            if let Ok(Err(problem)) = fed {
                let last = self.failure(&problem);
                return self.end(Some(last));
            }
        }
        match Pin::new(&mut self.messages).poll_next(context) {
            Poll::Ready(Some(Ok(wire))) => {
                self.silence.reset();
                return match self.message(&wire) {
                    Ok(framed) => Poll::Ready(Some(Ok(Frame::data(framed)))),
                    Err(problem) => {
                        let last = self.failure(&problem);
                        self.end(Some(last))
                    }
                };
            }
            Poll::Ready(Some(Err(status))) => {
                let last = self.failure(&refusal(&status, &self.binding));
                return self.end(Some(last));
            }
            Poll::Ready(None) => return self.end(None),
            Poll::Pending => {}
        }
        if self.stop.as_mut().poll(context).is_ready() {
            return self.end(None);
        }
        if self.silence.poll_tick(context).is_ready() {
            let alive = match self.framing {
                Framing::Lines => "\n",
                Framing::ServerSent => ":\n\n",
            };
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(alive.as_bytes())))));
        }
        Poll::Pending
    }
}

/// What broke a stream off, as the same status would refuse a call.
fn refusal(status: &Status, binding: &Binding) -> Box<Problem> {
    match status.code() {
        // A connection that was lost says so in many words, all of the inside.
        Code::Unknown | Code::Cancelled => Problem::unavailable(),
        _ => Problem::refused(status, binding.body_name(), false),
    }
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.put_slice(part);
    }
}
