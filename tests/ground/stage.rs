//! The ground's services behind a gateway, each on a free port, and someone who sends and reads piece by piece.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use prost_reflect::DescriptorPool;
use spectra_gateway::Gateway;
use spectra_mesh::{
    Peer,
    serve::{STREAM_WINDOW, WINDOW},
};
use spectra_tests::{Answer, Caller};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    body::Body,
    transport::{Server, server::TcpIncoming},
};
use tower::util::MapRequestLayer;

use crate::{
    files::Files,
    forms::Forms,
    generated::ground::v1::{
        file_service_server::FileServiceServer, form_service_server::FormServiceServer, kind_service_server::KindServiceServer,
        stream_service_server::StreamServiceServer,
    },
    kinds::Kinds,
    streams::Streams,
};

/// The ground's contract, with all that it imports.
pub(crate) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ground.bin"));

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("the build encoded these descriptors"));

/// How long something that is to happen may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A body that is sent as it comes.
pub(crate) type Sent = UnsyncBoxBody<Bytes, io::Error>;

/// A body, and what it is made of; an error breaks it off.
pub(crate) fn piecewise() -> (mpsc::Sender<io::Result<Bytes>>, Sent) {
    let (pieces, body) = mpsc::channel(1);
    let frames = ReceiverStream::new(body).map(|piece: io::Result<Bytes>| piece.map(Frame::data));
    (pieces, StreamBody::new(frames).boxed_unsync())
}

/// A body of these pieces.
pub(crate) fn pieces(pieces: impl IntoIterator<Item = Bytes, IntoIter: Send + 'static>) -> Sent {
    StreamBody::new(tokio_stream::iter(pieces.into_iter().map(|piece| Ok(Frame::data(piece))))).boxed_unsync()
}

/// The streams of a service: how many are open, how many came to their end, how many broke off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streamed {
    open: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    broken: Arc<AtomicUsize>,
}

/// A stream that is open. It has broken off when it is dropped before it was said to have ended.
pub(crate) struct Open(Streamed, bool);

impl Streamed {
    pub(crate) fn begin(&self) -> Open {
        self.open.fetch_add(1, Ordering::SeqCst);
        Open(self.clone(), false)
    }

    /// Waits until none is open, and tells how many have ended and how many have broken off.
    pub(crate) async fn settled(&self) -> (usize, usize) {
        let settled = async {
            let mut quiet = 0;
            // What is on its way to a service has not begun there yet.
            while quiet < 30 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                quiet = if self.open.load(Ordering::SeqCst) > 0 { 0 } else { quiet + 1 };
            }
        };
        tokio::time::timeout(PATIENCE, settled).await.expect("no stream stays open");
        (self.ended.load(Ordering::SeqCst), self.broken.load(Ordering::SeqCst))
    }

    /// Waits until so many are open.
    pub(crate) async fn begun(&self, count: usize) {
        reaches(&self.open, count).await;
    }

    /// Waits until so many have ended.
    pub(crate) async fn ended(&self, count: usize) {
        reaches(&self.ended, count).await;
    }
}

async fn reaches(counter: &AtomicUsize, count: usize) {
    let reached = async {
        while counter.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("so many streams");
}

impl Open {
    pub(crate) fn end(mut self) {
        self.1 = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let count = if self.1 { &self.0.ended } else { &self.0.broken };
        count.fetch_add(1, Ordering::SeqCst);
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The ground, until it is dropped.
pub(crate) struct Stage {
    pub(crate) gateway: SocketAddr,
    pub(crate) service: SocketAddr,
    pub(crate) streamed: Streamed,
    _stop: DropGuard,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        let listen = async || TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (service, front) = (listen().await, listen().await);
        let address = |listener: &TcpListener| listener.local_addr().expect("its address");
        let (gateway, at) = (address(&front), address(&service));
        let (stop, streamed) = (CancellationToken::new(), Streamed::default());
        let serving = Server::builder()
            // As our services have it.
            .layer(MapRequestLayer::new(|request| spectra_mesh::unbroken(request).map(Body::new)))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(WINDOW)
            .add_service(KindServiceServer::new(Kinds))
            .add_service(FormServiceServer::new(Forms))
            .add_service(StreamServiceServer::new(Streams(streamed.clone())))
            .add_service(FileServiceServer::new(Files(streamed.clone())))
            .serve_with_incoming_shutdown(TcpIncoming::from(service), stop.clone().cancelled_owned());
        tokio::spawn(serving);
        let peer = Peer::at("ground", &format!("http://{at}")).expect("a URL");
        let gate = Gateway::of(&POOL, &[("ground.v1", peer)]).expect("a contract that can be served");
        tokio::spawn(gate.serve(vec![front], stop.clone()));
        Self { gateway, service: at, streamed, _stop: stop.drop_guard() }
    }

    /// Someone without a token.
    pub(crate) fn caller(&self) -> Caller {
        Caller::new(format!("http://{}", self.gateway), None)
    }

    /// Sends a body as it comes, and gives the answer as it comes.
    pub(crate) async fn open(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Sent) -> Response<Incoming> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.gateway));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let client = Client::builder(TokioExecutor::new()).build_http();
        client.request(request.body(body).expect("a request")).await.expect("an answer")
    }

    /// Sends a body as it comes, and reads the answer to its end.
    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Sent) -> Answer {
        let (parts, body) = self.open(method, path, headers, body).await.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: body.collect().await.expect("a whole body").to_bytes() }
    }

    /// Sends text as it is, and reads what comes back until the connection ends.
    pub(crate) async fn raw(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.gateway).await.expect("a connection");
        stream.write_all(text.as_bytes()).await.expect("a reader");
        let mut read = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut read)).await.expect("in time").expect("text");
        read
    }
}
