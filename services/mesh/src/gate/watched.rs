//! A stream of someone, or to someone, who may lose the right to it meanwhile.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tokio::time::Interval;
use tonic::{Status, body::Body};

use super::Standing;

/// How often it is seen whether the caller may still go on.
const LOOK: Duration = Duration::from_secs(1);

/// How a stream says why it ends.
type End = fn(Status) -> Result<Frame<Bytes>, Status>;

/// The body of a stream, which ends when its caller loses their standing.
pub(super) struct Watched {
    body: Body,
    standing: Standing,
    end: End,
    look: Interval,
    ended: bool,
}

impl Watched {
    /// What a caller sends.
    pub(super) fn request(body: Body, standing: Standing) -> Self {
        Self::new(body, standing, Err)
    }

    /// What a caller is told.
    pub(super) fn answer(body: Body, standing: Standing) -> Self {
        Self::new(body, standing, |status| Ok(Frame::trailers(trailers(status))))
    }

    fn new(body: Body, standing: Standing, end: End) -> Self {
        Self { body, standing, end, look: tokio::time::interval(LOOK), ended: false }
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        while self.look.poll_tick(context).is_ready() {
            if let Err(over) = self.standing.check() {
                self.ended = true;
                return Poll::Ready(Some((self.end)(over.into())));
            }
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
}

/// A status as an answer's last words.
fn trailers(status: Status) -> HeaderMap {
    let (parts, ()) = status.into_http::<()>().into_parts();
    let mut trailers = HeaderMap::new();
    trailers.extend(parts.headers.into_iter().filter(|(name, _)| name.as_ref().is_none_or(|name| name.as_str().starts_with("grpc-"))));
    trailers
}
