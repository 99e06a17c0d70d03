//! A body that looks one frame ahead.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

/// What a body has to give next; nothing when it is at its end.
type Next = Option<Result<Frame<Bytes>, Status>>;

/// A body that says of its last frame that it is the last. tonic's knows only when it is asked for more: the end of each message would
/// be a frame of its own.
#[derive(Debug)]
pub(super) struct Ahead {
    body: Body,
    /// What was found ahead.
    found: Option<Next>,
}

impl Ahead {
    pub(super) fn new(body: Body) -> Self {
        Self { body, found: None }
    }
}

impl http_body::Body for Ahead {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Next> {
        let next = match self.found.take() {
            Some(next) => next,
            None => ready!(Pin::new(&mut self.body).poll_frame(context)),
        };
        if let Some(Ok(_)) = next
            && let Poll::Ready(found) = Pin::new(&mut self.body).poll_frame(context)
        {
            self.found = Some(found);
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.found.as_ref().map_or_else(|| self.body.is_end_stream(), Option::is_none)
    }

    fn size_hint(&self) -> SizeHint {
        // Asked before the first frame.
        if self.found.is_some() { SizeHint::default() } else { self.body.size_hint() }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    #[tokio::test]
    async fn the_last_frame_is_known_to_be_the_last() {
        let frames = ["one", "two"].map(|text| Ok::<_, Status>(Frame::data(Bytes::from_static(text.as_bytes()))));
        let mut ahead = Ahead::new(Body::new(StreamBody::new(tokio_stream::iter(frames))));
        for (text, last) in [("one", false), ("two", true)] {
            let frame = ahead.frame().await.expect("a frame").expect("no fault");
            assert_eq!((frame.into_data().expect("data"), ahead.is_end_stream()), (Bytes::from_static(text.as_bytes()), last));
        }
        assert!(ahead.frame().await.is_none());
    }

    #[tokio::test]
    async fn what_is_still_to_come_is_waited_for() {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, Status>>(1);
        let mut ahead = Ahead::new(Body::new(StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(receiver))));
        for text in ["one", "two"] {
            sender.send(Ok(Frame::data(Bytes::from_static(text.as_bytes())))).await.expect("someone reads");
            assert!(ahead.frame().await.expect("a frame").is_ok() && !ahead.is_end_stream(), "{text}");
        }
        sender.send(Err(crate::Error::Malformed("broken off").into())).await.expect("someone reads");
        assert!(ahead.frame().await.expect("a fault").is_err());
        drop(sender);
        assert!(ahead.frame().await.is_none());
    }
}
