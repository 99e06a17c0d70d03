//! Connections to one address: each runtime has its own, so that a call wakes nobody elsewhere, and as many as its calls need.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
    rt::Executor,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    runtime::{Handle, Id},
    sync::OnceCell,
    time::timeout,
};
use tonic::body::Body;

use super::{corked::Corked, held::Sent};
use crate::serve::{CALLS, KEEPALIVE, KEEPALIVE_TIMEOUT, STREAM_WINDOW, WINDOW};

/// How long a connection may take to be made.
const LONGEST: Duration = Duration::from_secs(1);

/// The connections to an address.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<HashMap<Id, Vec<Arc<Line>>>>);

/// A connection that is made once, for all who wait for it.
#[derive(Debug, Default)]
struct Line {
    /// Nothing when it could not be made.
    made: OnceCell<Option<SendRequest<Sent>>>,
    calls: AtomicUsize,
}

/// A place on a connection, for one call until its answer has ended.
#[derive(Debug)]
pub(super) struct Place(Arc<Line>);

impl Connections {
    /// A place on a connection of this runtime that has one, or on another that is to be made.
    pub(super) fn place(&self) -> Place {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = all.entry(Handle::current().id()).or_default();
        let mut kept = false;
        // Of those that nobody uses, one stays.
        lines.retain(|line| !line.is_over() && (line.calls.load(Ordering::Relaxed) > 0 || !std::mem::replace(&mut kept, true)));
        let line = lines.iter().find(|line| line.calls.load(Ordering::Relaxed) < CALLS as usize).cloned();
        let line = line.unwrap_or_else(|| {
            lines.push(Arc::default());
            lines.last().cloned().unwrap_or_default()
        });
        line.calls.fetch_add(1, Ordering::Relaxed);
        Place(line)
    }
}

impl Line {
    /// Whether nothing came of it, or it has ended.
    fn is_over(&self) -> bool {
        self.made.get().is_some_and(|made| made.as_ref().is_none_or(SendRequest::is_closed))
    }
}

impl Place {
    /// The connection, made by `dial` when nobody has yet.
    pub(super) async fn connection<F>(&self, dial: impl FnOnce() -> F) -> Option<SendRequest<Sent>>
    where
        F: Future<Output = Option<SendRequest<Sent>>>,
    {
        self.0.made.get_or_init(dial).await.clone()
    }

    /// The body of the answer, which keeps the place.
    pub(super) fn keep(self, body: Incoming) -> Body {
        Body::new(Placed { body, _place: self })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer that is on its way.
struct Placed {
    body: Incoming,
    _place: Place,
}

impl http_body::Body for Placed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Runs a connection, and what it has to do for each call. hyper's task of a call is as large as that of a connection: boxed, it is not
/// copied when it is spawned.
#[derive(Clone, Debug)]
struct Tasks;

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        tokio::spawn(Box::pin(task));
    }
}

/// Makes a connection, which ends when nobody has it any more and all its calls have ended.
pub(super) async fn connect(at: SocketAddr) -> io::Result<SendRequest<Sent>> {
    let stream = timeout(LONGEST, TcpStream::connect(at)).await??;
    stream.set_nodelay(true)?;
    let mut builder = Builder::new(Tasks);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(WINDOW);
    let (connection, driven) = timeout(LONGEST, builder.handshake(TokioIo::new(Corked::new(stream)))).await?.map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(fault) = driven.await {
            tracing::debug!(%at, %fault, "a connection to a service broke");
        }
    });
    Ok(connection)
}
