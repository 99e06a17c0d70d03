//! A gateway on a free port, and someone who calls it.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use spectra_gateway::{Gateway, Protection};
use spectra_mesh::Peer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A gateway that serves until it is stopped.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: JoinHandle<()>,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Front {
    /// A gateway of the product's contract, whose every service is at `service`.
    pub(crate) async fn before(service: SocketAddr) -> Self {
        Self::protected(service, Protection::default()).await
    }

    /// The same, under protection.
    pub(crate) async fn protected(service: SocketAddr, protection: Protection) -> Self {
        Self::with(|name| Peer::at(name, &format!("http://{service}")).expect("a peer"), protection).await
    }

    /// A gateway of the product's contract, with these services.
    pub(crate) async fn of(peer: impl Fn(&'static str) -> Peer) -> Self {
        Self::with(peer, Protection::default()).await
    }

    async fn with(peer: impl Fn(&'static str) -> Peer, protection: Protection) -> Self {
        let peers =
            [("spectra.identity.v1", peer("identity")), ("spectra.lims.v1", peer("lims")), ("spectra.analysis.v1", peer("analysis"))];
        let gateway = Gateway::new(&peers).expect("the product's contract").protected(protection);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let stop = CancellationToken::new();
        let serving = tokio::spawn(gateway.serve(vec![listener], stop.clone()));
        Self { address, stop, serving, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// A gateway whose services are all down.
    pub(crate) async fn alone() -> Self {
        Self::before(nowhere().await).await
    }

    /// The same, over HTTP/2.
    pub(crate) fn over_http2(mut self) -> Self {
        self.client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        // Without a token, nobody gets as far as what these tests are about.
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", "Bearer a.b.c");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        let (parts, body) = self.client.request(request).await.expect("an answer").into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends bytes as they are, and reads what comes back until the connection ends.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(bytes.as_ref()).await?;
        let mut read = Vec::new();
        tokio::time::timeout(Duration::from_mins(5), stream.read_to_end(&mut read)).await??;
        Ok(String::from_utf8_lossy(&read).into_owned())
    }
}

/// A port that was free a moment ago, and that nobody listens on.
pub(crate) async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("its address")
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|fault| panic!("{fault}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The problem of an answer that must be a refusal of this status and code.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{:?}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()), "{problem}");
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        problem
    }
}
