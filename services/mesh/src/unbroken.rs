//! Streams of callers that break off.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

use crate::Error;

/// A body that ends with an error where its sender breaks it off. hyper takes one that is reset without an error for one that
/// came to its end, and tonic one that was cancelled: half of it would be kept for all.
#[derive(Debug)]
pub struct Unbroken<B> {
    body: B,
    /// Whether the body knows for certain when it is at its end.
    knows: bool,
    ended: bool,
}

/// A request whose body says when it breaks off.
#[must_use]
pub fn unbroken<B>(request: Request<B>) -> Request<Unbroken<B>> {
    // Of HTTP/1, hyper tells by itself.
    let knows = request.version() == Version::HTTP_2;
    request.map(|body| Unbroken { body, knows, ended: false })
}

impl<B: Body<Data = Bytes> + Unpin> Body for Unbroken<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let broken = || Some(Err(Status::from(Error::Malformed("the body ended before its end"))));
        Pin::new(&mut self.body).poll_frame(context).map(|frame| match frame {
            Some(Ok(frame)) => Some(Ok(frame)),
            None if !self.knows || self.body.is_end_stream() => None,
            None | Some(Err(_)) => {
                self.ended = true;
                broken()
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
