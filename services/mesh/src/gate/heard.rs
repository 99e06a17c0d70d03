//! A stream of someone who must go on sending.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};
use tonic::Status;

use crate::Error;

/// How long a caller may send nothing: longer than the gateway bears with one of its own.
pub(super) const SILENCE: Duration = Duration::from_mins(1);

/// A body that ends when its sender falls silent. What its reader takes does not count.
pub(super) struct Heard<B> {
    body: B,
    silence: Duration,
    due: Pin<Box<Sleep>>,
    waits: bool,
}

impl<B> Heard<B> {
    pub(super) fn new(body: B, silence: Duration) -> Self {
        Self { body, silence, due: Box::pin(tokio::time::sleep(silence)), waits: false }
    }
}

impl<B: Body<Data = Bytes, Error = Status> + Unpin> Body for Heard<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.waits = false;
            return Poll::Ready(frame);
        }
        if !this.waits {
            this.waits = true;
            this.due.as_mut().reset(Instant::now() + this.silence);
        }
        ready!(this.due.as_mut().poll(context));
        Poll::Ready(Some(Err(Error::Deadline.into())))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, StreamBody};
    use tokio_stream::wrappers::ReceiverStream;
    use tonic::Code;

    use super::*;

    const PIECE: Bytes = Bytes::from_static(b"piece");
    const SILENCE: Duration = Duration::from_millis(600);

    #[tokio::test]
    async fn a_sender_who_falls_silent_is_not_waited_for() {
        let (sender, pieces) = tokio::sync::mpsc::channel(1);
        let mut heard = Heard::new(StreamBody::new(ReceiverStream::new(pieces)), SILENCE);
        let sending = tokio::spawn(async move {
            // Slow, and for longer in all than one may be silent.
            for _ in 0..6 {
                tokio::time::sleep(SILENCE / 4).await;
                sender.send(Ok(Frame::data(PIECE))).await.expect("a reader");
            }
            sender
        });
        for nth in 0..6 {
            let frame = heard.frame().await.expect("a frame").expect("no fault");
            assert_eq!(frame.into_data().expect("bytes"), PIECE);
            if nth == 2 {
                // The reader takes its time.
                tokio::time::sleep(SILENCE * 2).await;
            }
        }
        let sender = sending.await.expect("a sender");
        let over = heard.frame().await.expect("a frame").expect_err("silence");
        assert_eq!(over.code(), Code::DeadlineExceeded);
        drop(sender);
    }
}
