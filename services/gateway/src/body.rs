//! Reading bodies, never more of them than the limit.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::EXPECT};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::{
    task::consume_budget,
    time::{Instant, Sleep},
};
use tokio_stream::Stream;

use crate::problem::{Answered, Problem};

/// The largest body of a call, and the largest message that services take.
pub(crate) const LIMIT: usize = 4 << 20;

/// How slowly a long body may come, in bytes a second, and how long it may tarry besides.
const SLOWEST: u64 = 4 << 10;
const PAUSE: Duration = Duration::from_secs(10);
/// How long it may tarry at once, however fast it came before.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a body that was not waited for is still read.
const LINGER: Duration = Duration::from_secs(2);
/// How much of it, in bytes.
const LINGERING: usize = 32 << 20;

/// What a request's body must be to be read.
pub(crate) trait Incoming: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static {}

impl<B> Incoming for B where B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static {}

/// Whether there is no body. What unpacks bodies does not say that one is at its end.
pub(crate) fn is_empty(body: &impl Incoming) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

/// The whole body.
pub(crate) async fn read(body: &mut impl Incoming) -> Answered<Bytes> {
    announced(body, LIMIT as u64)?;
    match tokio::time::timeout(spectra_mesh::deadline::LONGEST, Limited::new(body, LIMIT).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(fault)) if fault.is::<LengthLimitError>() => Err(too_large(LIMIT as u64).last()),
        Ok(Err(_)) => Err(broken_off()),
        Err(_) => Err(too_slow()),
    }
}

/// Reads on for a while what an answer did not wait for: a connection that is closed on a sender takes the answer with it.
pub(crate) fn linger(headers: &HeaderMap, mut body: impl Incoming) {
    // One that waits to be asked for its body sends none.
    if !is_empty(&body) && !headers.contains_key(EXPECT) {
        let discard = async move {
            let mut left = LINGERING;
            // What was packed may be without end, and always there.
            while left > 0 {
                let Some(Ok(frame)) = body.frame().await else { return };
                left = left.saturating_sub(frame.into_data().map_or(0, |data| data.len()));
                consume_budget().await;
            }
        };
        tokio::spawn(tokio::time::timeout(LINGER, discard));
    }
}

/// Refuses a body that is announced to be larger than `limit`, before its first byte.
fn announced(body: &impl Incoming, limit: u64) -> Answered<()> {
    if body.size_hint().lower() > limit { Err(too_large(limit).last()) } else { Ok(()) }
}

/// A body that is read piece by piece.
pub(crate) struct Pieces<'b, B> {
    body: &'b mut B,
    limit: u64,
    read: u64,
    waited: Duration,
    /// Since when the next piece is waited for.
    since: Option<Instant>,
    /// When that is given up; none when it never is.
    due: Option<Pin<Box<Sleep>>>,
}

impl<'b, B: Incoming> Pieces<'b, B> {
    /// The pieces of a body that holds at most so many bytes.
    pub(crate) fn of(body: &'b mut B, limit: u64) -> Answered<Self> {
        announced(body, limit)?;
        let due = Some(Box::pin(tokio::time::sleep(PAUSE)));
        Ok(Self { body, limit, read: 0, waited: Duration::ZERO, since: None, due })
    }

    /// The same, of a sender who may take any time: it is heard and told all the while.
    pub(crate) fn patient(self) -> Self {
        Self { due: None, ..self }
    }

    /// How long the next piece may take. What the reader of the pieces takes does not count.
    fn patience(&self) -> Duration {
        let due = PAUSE + Duration::from_secs(self.read / SLOWEST);
        due.saturating_sub(self.waited).min(LONGEST_PAUSE)
    }

    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience();
        let Some(due) = &mut self.due else { return Poll::Pending };
        if self.since.is_none() {
            let now = Instant::now();
            self.since = Some(now);
            due.as_mut().reset(now + patience);
        }
        due.as_mut().poll(context)
    }
}

impl<B: Incoming> Stream for Pieces<'_, B> {
    type Item = Answered<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let Poll::Ready(frame) = Pin::new(&mut *this.body).poll_frame(context) else {
                return this.poll_wait(context).map(|()| Some(Err(too_slow())));
            };
            this.waited += this.since.take().map(|since| since.elapsed()).unwrap_or_default();
            let data = match frame {
                None => return Poll::Ready(None),
                Some(Err(_)) => return Poll::Ready(Some(Err(broken_off()))),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            this.read += data.len() as u64;
            if this.read > this.limit {
                return Poll::Ready(Some(Err(too_large(this.limit).last())));
            }
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(data)));
            }
        }
    }
}

/// The refusal of a body that is larger than `limit`, in bytes.
pub(crate) fn too_large(limit: u64) -> Box<Problem> {
    let detail = format!("a request holds at most {} MiB here, and so does each message that it becomes", limit >> 20);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}

fn too_slow() -> Box<Problem> {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body took too long to arrive").last()
}

fn broken_off() -> Box<Problem> {
    Problem::malformed("the body ended before its end").last()
}
