//! What is written to a service, together.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, BufWriter, ReadBuf};

/// A connection that lets all who have something to say speak before it sends. The head of a call, its message and its end come
/// one after another, each told only when the one before was taken: sent one by one, they would cost a system call each,
/// and wake the service as often.
#[derive(Debug)]
pub(super) struct Corked<S> {
    stream: BufWriter<S>,
    /// Whether the others had their turn.
    yielded: bool,
}

impl<S: AsyncWrite> Corked<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream: BufWriter::new(stream), yielded: false }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Corked<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.yielded && !self.stream.buffer().is_empty() {
            self.yielded = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.yielded = false;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Corked<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_read(context, into)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_said_in_one_turn_is_sent_at_once() {
        let (ours, mut theirs) = duplex(1 << 10);
        let mut corked = Corked::new(ours);
        let context = &mut Context::from_waker(Waker::noop());
        for text in ["head ", "message"] {
            assert!(Pin::new(&mut corked).poll_write(context, text.as_bytes()).is_ready());
        }
        assert!(Pin::new(&mut corked).poll_flush(context).is_pending(), "others may have more to say");
        assert!(Pin::new(&mut corked).poll_write(context, b" end").is_ready());
        assert!(Pin::new(&mut corked).poll_flush(context).is_ready());
        assert!(Pin::new(&mut corked).poll_flush(context).is_ready(), "there is nothing more");
        let mut read = [0; 64];
        let length = theirs.read(&mut read).await.expect("an open connection");
        assert_eq!(&read[..length], b"head message end");
    }
}
