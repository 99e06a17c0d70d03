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

/// A body that says of its last frame that it is the last. tonic's knows only when it is asked for more: the end of each call would
/// be a frame of its own. It holds one frame more than who sends it asked for.
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
        // hyper asks only before the first frame.
        if self.found.is_some() { SizeHint::default() } else { self.body.size_hint() }
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use http_body::Body as _;
    use http_body_util::{BodyExt, StreamBody};
    use tokio::net::TcpListener;
    use tower::Service;

    use super::*;
    use crate::Peer;

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
    async fn a_call_ends_with_its_message() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("its address");
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
            let (call, mut answer) = connection.accept().await.expect("a call").expect("no fault");
            let driven = tokio::spawn(async move { while connection.accept().await.is_some() {} });
            let mut body = call.into_body();
            let message = body.data().await.expect("a message").expect("no fault");
            // What comes in a frame of its own is still to be read.
            let ended = body.is_end_stream();
            answer.send_response(Response::new(()), true).expect("an open connection");
            (message, ended, driven)
        });
        let frame = Ok::<_, Status>(Frame::data(Bytes::from_static(b"message")));
        let call = Request::post("/").body(Body::new(StreamBody::new(tokio_stream::iter([frame])))).expect("a request");
        let mut channel = Peer::at("double", &format!("http://{at}")).expect("a URL").channel();
        assert!(channel.call(call).await.is_ok());
        let (message, ended, driven) = serving.await.expect("no panic");
        assert_eq!((&message[..], ended), (&b"message"[..], true));
        driven.abort();
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
