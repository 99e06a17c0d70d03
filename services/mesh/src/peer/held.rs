//! The body of a call that may have to go elsewhere.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyStream, StreamBody};
use tokio_stream::StreamExt;
use tonic::{Status, body::Body};

use super::ahead::Ahead;
use crate::Error;

/// How much of a body is held after it was sent; what is longer is not sent again.
const HELD: usize = 64 << 10;

/// A body on its way, which can be had back.
#[derive(Debug)]
pub(super) struct Sent(Kept);

/// The place where a body is had back.
#[derive(Clone, Debug)]
pub(super) struct Kept(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What was handed out, shared with whoever sends it; nothing more when that was too much.
    said: Option<Vec<Bytes>>,
    /// How much that is.
    size: usize,
    /// Whether anything was asked for.
    asked: bool,
    /// What is to follow; nothing when it was had back.
    rest: Option<Ahead>,
}

impl Kept {
    /// Keeps a body while it is sent.
    pub(super) fn new(body: Body) -> (Self, Sent) {
        let kept = Self(Arc::new(Mutex::new(State { said: Some(Vec::new()), size: 0, asked: false, rest: Some(Ahead::new(body)) })));
        (kept.clone(), Sent(kept))
    }

    /// Whether anything of it was asked for. Of a call without its message, a service can have done nothing.
    pub(super) fn is_asked(&self) -> bool {
        self.state().asked
    }

    /// The body from its beginning, if it is not too long.
    pub(super) fn take(&self) -> Option<Body> {
        let mut state = self.state();
        let (said, rest) = (state.said.take()?, state.rest.take()?);
        if said.is_empty() {
            return Some(Body::new(rest));
        }
        let said = tokio_stream::iter(said.into_iter().map(|bytes| Ok(Frame::data(bytes))));
        Some(Body::new(StreamBody::new(said.chain(BodyStream::new(rest)))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut state = self.0.state();
        state.asked = true;
        // What went elsewhere has no end here.
        let Some(rest) = &mut state.rest else { return Poll::Ready(Some(Err(Error::Malformed("the body went elsewhere").into()))) };
        let frame = ready!(Pin::new(rest).poll_frame(context));
        if let Some(bytes) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            let bytes = bytes.clone();
            state.size += bytes.len();
            if state.size > HELD {
                state.said = None;
            }
            if let Some(said) = &mut state.said {
                said.push(bytes);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let state = self.0.state();
        // Never before it is asked for, so that what is sent always was.
        state.asked && state.rest.as_ref().is_some_and(Ahead::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.state().rest.as_ref().map(Ahead::size_hint).unwrap_or_default()
    }
}
