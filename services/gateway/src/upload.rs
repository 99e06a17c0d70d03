//! Bodies that become streams of messages: lines of JSON, and files piece by piece. Nothing is held whole.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::Stream;

mod digest;
pub(crate) mod file;
mod form;
pub(crate) mod lines;

/// A stream of messages to a service, and the hand that feeds it.
pub(crate) fn stream() -> (Hand, Messages) {
    let (hand, messages) = mpsc::channel(1);
    (Hand(hand), Messages { messages, ended: false })
}

/// What feeds a stream. A stream whose hand is dropped before it was said to end breaks off, so that a service never takes
/// half of a body for all of it.
pub(crate) struct Hand(mpsc::Sender<Option<Bytes>>);

/// Nobody takes more messages: the service has answered.
pub(crate) struct Done;

impl Hand {
    /// Sends a message, once the one before is on its way.
    pub(crate) async fn send(&self, message: impl Into<Bytes>) -> Result<(), Done> {
        self.0.send(Some(message.into())).await.map_err(|_| Done)
    }

    /// Says that all is sent.
    pub(crate) async fn end(self) {
        // Who has answered already needs no end.
        _ = self.0.send(None).await;
    }
}

/// The messages on their way.
pub(crate) struct Messages {
    messages: mpsc::Receiver<Option<Bytes>>,
    ended: bool,
}

/// A stream breaks off.
pub(crate) struct Cut;

impl Stream for Messages {
    type Item = Result<Bytes, Cut>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.messages.poll_recv(context).map(|message| match message {
            Some(Some(message)) => Some(Ok(message)),
            Some(None) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(Cut))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio_stream::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_stream_ends_only_when_it_is_said() {
        let (hand, mut messages) = stream();
        assert!(hand.send("one").await.is_ok());
        assert!(matches!(messages.next().await, Some(Ok(one)) if one == "one"));
        let ((), ended) = tokio::join!(hand.end(), messages.next());
        assert!(ended.is_none());

        let (hand, mut messages) = stream();
        drop(hand);
        assert!(matches!(messages.next().await, Some(Err(Cut))));
        assert!(messages.next().await.is_none());

        let (hand, messages) = stream();
        drop(messages);
        assert!(hand.send("one").await.is_err());
    }
}
