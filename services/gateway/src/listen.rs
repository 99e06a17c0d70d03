//! Connections: how many, how slow they may be, and how they end.

use std::{
    convert::Infallible,
    error::Error,
    io,
    net::IpAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use hyper::{Request, body::Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use spectra_mesh::{
    Unbroken,
    serve::{GRACE, HEADERS, KEEPALIVE, KEEPALIVE_TIMEOUT, STREAMS},
    unbroken,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime,
    sync::{Semaphore, oneshot},
    task::JoinSet,
};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{service_fn, util::MapRequest};
use tower_http::decompression::{DecompressionBody, RequestDecompression};

use crate::{compress, front::Front};

/// How many connections there may be at once; more wait to be accepted.
const CONNECTIONS: usize = 10_000;
/// How long a new connection may take to its first request.
const GREETING: Duration = Duration::from_secs(10);
/// How long a connection may take to a further request: longer than the proxies in front keep one that is idle.
const IDLE: Duration = Duration::from_secs(75);
/// How long to wait after an accept failed, as it does while there are too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// Answers on so many threads, until `stop`. Each has its own connections, to clients and to services: what a request waits
/// for is then seldom on another core, and nobody has to be woken there.
pub(crate) async fn serve_on(threads: usize, front: Front, listeners: Vec<TcpListener>, stop: CancellationToken) -> io::Result<()> {
    front.guard.keep_small();
    let (front, room) = (Arc::new(front), Arc::new(Semaphore::new(CONNECTIONS)));
    let listeners = listeners.into_iter().map(TcpListener::into_std).collect::<io::Result<Vec<_>>>()?;
    let mut serving = JoinSet::new();
    for number in 0..threads {
        let (front, room, stop) = (Arc::clone(&front), Arc::clone(&room), stop.clone());
        let listeners = listeners.iter().map(std::net::TcpListener::try_clone).collect::<io::Result<Vec<_>>>()?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (end, ended) = oneshot::channel::<()>();
        thread::Builder::new().name(format!("gateway-{number}")).spawn(move || {
            let _end = end;
            runtime.block_on(async {
                match listeners.into_iter().map(TcpListener::from_std).collect() {
                    Ok(listeners) => serve(front, room, listeners, stop).await,
                    Err(error) => tracing::error!(%error, "a thread of the gateway cannot listen"),
                }
            });
        })?;
        serving.spawn(ended);
    }
    drop(listeners);
    serving.join_all().await;
    Ok(())
}

/// Answers here, as long.
pub(crate) async fn serve_here(front: Front, listeners: Vec<TcpListener>, stop: CancellationToken) {
    front.guard.keep_small();
    serve(Arc::new(front), Arc::new(Semaphore::new(CONNECTIONS)), listeners, stop).await;
}

/// Answers on all listeners until `stop`; then lets the requests in flight end, for the grace at most.
async fn serve(front: Arc<Front>, room: Arc<Semaphore>, listeners: Vec<TcpListener>, stop: CancellationToken) {
    let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
    let doors = Arc::new(Doors { front, server: server(), room, connections, stop, cut });
    let accepting: JoinSet<_> = listeners.into_iter().map(|listener| Arc::clone(&doors).accept(listener)).collect();
    // Every listener is closed here, so that new connections go elsewhere.
    accepting.join_all().await;
    doors.stop.cancelled().await;
    doors.connections.close();
    if tokio::time::timeout(GRACE, doors.connections.wait()).await.is_err() {
        tracing::warn!("requests were still running after the grace and were cut");
        doors.cut.cancel();
        doors.connections.wait().await;
    }
}

/// HTTP/1 and, by prior knowledge, HTTP/2.
fn server() -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(64 << 10);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADERS)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    server
}

/// What all connections share.
struct Doors {
    front: Arc<Front>,
    server: Builder<TokioExecutor>,
    room: Arc<Semaphore>,
    connections: TaskTracker,
    /// Cancelled when no more requests are to come.
    stop: CancellationToken,
    /// Cancelled when the grace is over.
    cut: CancellationToken,
}

impl Doors {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = async {
                let place = Arc::clone(&self.room).acquire_owned().await.ok()?;
                Some((place, listener.accept().await))
            };
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = accepted => accepted,
            };
            match accepted {
                Some((place, Ok((stream, peer)))) => {
                    let peer = peer.ip().to_canonical();
                    // Whoever holds too many connections is hung up on.
                    if let Ok(own) = self.front.guard.connect(peer) {
                        let connection = Arc::clone(&self).connection(stream, peer);
                        self.connections.spawn(async move {
                            connection.await;
                            drop((place, own));
                        });
                    }
                }
                Some((_, Err(error))) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                }
                None => return,
            }
        }
    }

    /// Serves one connection to its end.
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: IpAddr) {
        // Small answers are not held back for more; without it they only come later.
        _ = stream.set_nodelay(true);
        let greeted = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&greeted);
        let (front, stop) = (Arc::clone(&self.front), self.stop.clone());
        let service = service_fn(move |request: Request<DecompressionBody<Unbroken<Incoming>>>| {
            seen.store(true, Ordering::Relaxed);
            let (front, stop) = (Arc::clone(&front), stop.clone());
            // Boxed here: each layer above would move it as a whole.
            Box::pin(async move {
                let accepted = compress::accepted(request.headers());
                let answer = front.answer(request, peer, &stop).await;
                Ok::<_, Infallible>(compress::compress(answer, accepted).await)
            })
        });
        // An encoding that is not understood is refused where the body's type is.
        let service = RequestDecompression::new(service).pass_through_unaccepted(true);
        let service = TowerToHyperService::new(MapRequest::new(service, unbroken));
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(self.front.guard.stall));
        let mut connection = pin!(self.server.serve_connection(TokioIo::new(Box::pin(stream)), service));
        let silent = async {
            tokio::time::sleep(GREETING).await;
            if greeted.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            ended = connection.as_mut() => return told(ended),
            () = silent => return,
            () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            ended = connection => told(ended),
            () = self.cut.cancelled() => {}
        }
    }
}

/// Clients go away in many ways; none is a fault of ours.
fn told(ended: Result<(), Box<dyn Error + Send + Sync>>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
