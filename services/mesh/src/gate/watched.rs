//! A stream to someone who may lose the right to it meanwhile.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::HeaderMap;
use http_body::Frame;
use spectra_proto::types::Reason;
use tokio::time::Interval;
use tonic::{Status, body::Body};

use crate::{Caller, Error, authority::Authority, clock};

/// How often it is seen whether the caller may still listen.
const LOOK: Duration = Duration::from_secs(1);

/// The body of a stream, which ends when its caller's token does. A file is not without end: what was begun with a token that has
/// expired meanwhile goes on to its end, unless the token is revoked.
pub(super) struct Watched {
    body: Body,
    authority: Arc<Authority>,
    caller: Caller,
    /// When the file was asked for, if it is one.
    begun: Option<i64>,
    look: Interval,
    ended: bool,
}

impl Watched {
    pub(super) fn new(body: Body, authority: Arc<Authority>, caller: Caller, is_file: bool) -> Self {
        let begun = is_file.then(clock::unix);
        Self { body, authority, caller, begun, look: tokio::time::interval(LOOK), ended: false }
    }
}

impl http_body::Body for Watched {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<bytes::Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        while self.look.poll_tick(context).is_ready() {
            if !self.authority.still_believes(&self.caller, self.begun.unwrap_or_else(clock::unix)) {
                self.ended = true;
                let over = Error::Unauthenticated(Reason::Unauthenticated, "the token is not valid any more; sign in again");
                let (parts, ()) = Status::from(over).into_http::<()>().into_parts();
                let mut trailers = HeaderMap::new();
                trailers.extend(
                    parts.headers.into_iter().filter(|(name, _)| name.as_ref().is_none_or(|name| name.as_str().starts_with("grpc-"))),
                );
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            }
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
}
