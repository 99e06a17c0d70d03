//! Gathers what is written to a service into one write.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, BufWriter, ReadBuf};

/// The longest that HTTP/2 writes at once here, a frame with its head.
const FRAME: usize = 17 << 10;

/// What waits for company before it is sent, in bytes. More is worth a system call by itself.
const LITTLE: usize = 4 << 10;

/// A connection that lets all who have something to say speak before it sends. The head of a call, its message and its end come
/// one after another, each told only when the one before was taken: sent one by one, they would cost a system call each,
/// and wake the service as often. It does not say that it writes several pieces at once, as HTTP/2 would then send each message of
/// a quarter of a kilobyte by itself.
#[derive(Debug)]
pub(super) struct Corked<S> {
    stream: BufWriter<S>,
    /// Whether the others had their turn.
    yielded: bool,
}

impl<S: AsyncWrite> Corked<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream: BufWriter::with_capacity(FRAME, stream), yielded: false }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Corked<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.yielded && (1..LITTLE).contains(&self.stream.buffer().len()) {
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
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Wake, Waker},
    };

    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn what_is_said_in_one_turn_is_sent_at_once() {
        let (ours, mut theirs) = duplex(64 << 10);
        let mut corked = Corked::new(ours);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let context = &mut Context::from_waker(&waker);
        for text in ["head ", "message"] {
            assert!(Pin::new(&mut corked).poll_write(context, text.as_bytes()).is_ready());
        }
        assert!(Pin::new(&mut corked).poll_flush(context).is_pending(), "others may have more to say");
        assert_eq!(woken.0.load(Ordering::Relaxed), 1, "who waits is asked again");
        let mut read = [0; 64];
        assert!(Pin::new(&mut theirs).poll_read(context, &mut ReadBuf::new(&mut read)).is_pending());
        assert!(Pin::new(&mut corked).poll_write(context, b" end").is_ready());
        assert!(Pin::new(&mut corked).poll_flush(context).is_ready());
        assert!(Pin::new(&mut corked).poll_flush(context).is_ready(), "there is nothing more");
        let length = theirs.read(&mut read).await.expect("an open connection");
        assert_eq!(&read[..length], b"head message end");
    }

    #[tokio::test]
    async fn what_is_much_does_not_wait() {
        let (ours, _theirs) = duplex(64 << 10);
        let mut corked = Corked::new(ours);
        let context = &mut Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut corked).poll_write(context, &[0; LITTLE]).is_ready());
        assert!(Pin::new(&mut corked).poll_flush(context).is_ready());
    }
}
