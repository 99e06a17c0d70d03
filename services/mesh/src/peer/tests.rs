//! Services that listen, at one name.
#![expect(clippy::disallowed_methods, reason = "doubles answer as our services never do")]

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use http::HeaderValue;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{
    Response,
    transport::{Server, server::TcpIncoming},
};
use tonic_health::pb::{
    HealthCheckResponse,
    health_server::{Health, HealthServer},
};
use tonic_types::StatusExt;

use super::*;

/// Answers calls as the name that they ask for says, and counts them.
#[derive(Clone, Default)]
struct Clerk {
    asked: Arc<AtomicUsize>,
}

/// A service that listens on a runtime of its own, so that it can die with all its connections.
struct Double {
    at: SocketAddr,
    clerk: Clerk,
    /// Cancelled when it is to end in order.
    stop: CancellationToken,
    ended: tokio::sync::oneshot::Receiver<()>,
    runtime: Option<Runtime>,
}

impl Double {
    async fn start() -> Self {
        Self::at("127.0.0.1:0".parse().expect("an address")).await
    }

    /// A service at this address, as soon as that is free.
    async fn at(at: SocketAddr) -> Self {
        let (runtime, clerk, stop) = (Runtime::new().expect("a runtime"), Clerk::default(), CancellationToken::new());
        let service = HealthServer::new(clerk.clone());
        let (listening, told) = tokio::sync::oneshot::channel();
        let (stopped, (ending, ended)) = (stop.clone().cancelled_owned(), tokio::sync::oneshot::channel());
        runtime.spawn(async move {
            let listener = loop {
                match TcpListener::bind(at).await {
                    Ok(listener) => break listener,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            };
            listening.send(listener.local_addr().expect("its address")).expect("a test that waits");
            let server = Server::builder().max_concurrent_streams(crate::serve::CALLS).add_service(service);
            server.serve_with_incoming_shutdown(TcpIncoming::from(listener), stopped).await.expect("a service");
            _ = ending.send(());
        });
        Self { at: told.await.expect("a listener"), clerk, stop, ended, runtime: Some(runtime) }
    }

    fn asked(&self) -> usize {
        self.clerk.asked.load(Ordering::Relaxed)
    }

    fn die(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.die();
    }
}

type Beats = std::pin::Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

fn serving() -> HealthCheckResponse {
    HealthCheckResponse { status: ServingStatus::Serving.into() }
}

#[tonic::async_trait]
impl Health for Clerk {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match request.get_ref().service.as_str() {
            "slow" => std::future::pending().await,
            "proxy" => Err(Status::unavailable("no route")),
            "database" => Err(Error::Unavailable("the database does not answer").into()),
            _ => Ok(Response::new(serving())),
        }
    }

    type WatchStream = Beats;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Beats>, Status> {
        let beats = tokio_stream::iter(0..).then(async |_| {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(serving())
        });
        Ok(Response::new(Box::pin(beats)))
    }
}

/// The names of a service, which change as a test wishes; none is a lookup that fails.
type Names = Arc<Mutex<Vec<SocketAddr>>>;

fn named(addresses: &[SocketAddr]) -> (Peer, Names) {
    let names = Names::new(Mutex::new(addresses.to_vec()));
    let known = Arc::clone(&names);
    let peer = Peer::of("double", "http://double.test:1", move || {
        let found = known.lock().expect("no test breaks here").clone();
        async move { if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) } }
    });
    (peer.expect("a URL"), names)
}

async fn ask(peer: &Peer, what: &str) -> Result<(), Status> {
    let mut asked = Request::new(HealthCheckRequest { service: what.to_owned() });
    asked.set_timeout(if what == "soon" { Duration::from_millis(300) } else { Duration::from_mins(1) });
    HealthClient::new(peer.channel()).check(asked).await.map(drop)
}

/// Waits until something holds, with patience for a slow machine.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the second of two is found, and sees that the first is asked no more.
async fn all_go_to_the_other(peer: &Peer, doubles: &[Double; 2]) {
    eventually("the other is found", async || {
        ask(peer, "").await.expect("an answer");
        doubles[1].asked() > 0
    })
    .await;
    let before = doubles[0].asked();
    for _ in 0..50 {
        ask(peer, "").await.expect("an answer");
    }
    assert_eq!(doubles[0].asked(), before);
}

/// An address that nobody listens at.
async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("its address")
}

#[tokio::test]
async fn calls_are_spread() {
    let doubles = [Double::start().await, Double::start().await, Double::start().await];
    let (peer, _names) = named(&doubles.each_ref().map(|double| double.at));
    for _ in 0..300 {
        ask(&peer, "").await.expect("an answer");
    }
    for double in &doubles {
        assert!((60..=140).contains(&double.asked()), "{}", double.asked());
    }
}

#[tokio::test]
async fn the_busy_get_less() {
    let doubles = [Double::start().await, Double::start().await];
    let (busy, _names) = named(&[doubles[0].at]);
    let (peer, names) = named(&[doubles[0].at]);
    ask(&peer, "").await.expect("an answer");
    let held: Vec<_> = (0..20)
        .map(|_| {
            let peer = peer.clone();
            tokio::spawn(async move { ask(&peer, "slow").await })
        })
        .collect();
    eventually("twenty calls wait", async || peer.in_flight() == 20).await;
    *names.lock().expect("no test breaks here") = doubles.each_ref().map(|double| double.at).to_vec();
    all_go_to_the_other(&peer, &doubles).await;
    ask(&busy, "").await.expect("it answers all the same");
    held.iter().for_each(tokio::task::JoinHandle::abort);
    eventually("nobody waits", async || peer.in_flight() == 0).await;
}

#[tokio::test]
async fn what_was_not_sent_goes_elsewhere() {
    let double = Double::start().await;
    let (peer, _names) = named(&[nowhere().await, double.at, nowhere().await]);
    for _ in 0..100 {
        ask(&peer, "").await.expect("an answer");
    }
    assert_eq!(double.asked(), 100);
}

#[tokio::test]
async fn what_comes_back_is_used_again() {
    let mut doubles = [Double::start().await, Double::start().await];
    let (peer, _names) = named(&doubles.each_ref().map(|double| double.at));
    let at = doubles[0].at;
    for _ in 0..10 {
        ask(&peer, "").await.expect("an answer");
    }
    doubles[0].die();
    let mut lost = 0;
    for _ in 0..100 {
        lost += usize::from(ask(&peer, "").await.is_err());
    }
    assert!(lost <= 1, "{lost}");
    doubles[0] = Double::at(at).await;
    eventually("it is asked again", async || {
        ask(&peer, "").await.expect("an answer");
        doubles[0].asked() > 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_ends_in_order_costs_hardly_a_call() {
    let mut doubles = [Double::start().await, Double::start().await];
    let (peer, _names) = named(&doubles.each_ref().map(|double| double.at));
    let done = CancellationToken::new();
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (peer, done) = (peer.clone(), done.clone());
            tokio::spawn(async move {
                let mut lost = 0;
                while !done.is_cancelled() {
                    lost += usize::from(ask(&peer, "").await.is_err());
                }
                lost
            })
        })
        .collect();
    for turn in 0..6 {
        eventually("both are asked", async || doubles.iter().all(|double| double.asked() > 20)).await;
        let ending = &mut doubles[turn % 2];
        ending.stop.cancel();
        (&mut ending.ended).await.expect("an end in order");
        let before = doubles[(turn + 1) % 2].asked();
        eventually("the other is asked", async || doubles[(turn + 1) % 2].asked() > before + 50).await;
        doubles[turn % 2] = Double::at(doubles[turn % 2].at).await;
    }
    done.cancel();
    let mut lost = 0;
    for caller in callers {
        lost += caller.await.expect("a caller without a fault");
    }
    // What crosses the last word of a connection that is closed at once is lost; without handing on, it would be several each time.
    assert!(lost <= 8, "{lost}");
}

#[tokio::test]
async fn all_down_is_told_at_once_and_the_first_that_comes_back_is_found() {
    let addresses = [nowhere().await, nowhere().await];
    let (peer, _names) = named(&addresses);
    let begun = Instant::now();
    for _ in 0..50 {
        let refused = ask(&peer, "").await.expect_err("nobody is there");
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        assert_eq!(refused.get_details_error_info().expect("a reason").reason, "UNAVAILABLE");
        assert!(std::error::Error::source(&refused).is_some(), "it is told apart from what a service says");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(!peer.well().await);
    let _double = Double::at(addresses[1]).await;
    eventually("it answers", async || ask(&peer, "").await.is_ok()).await;
    assert!(peer.well().await);
}

#[tokio::test]
async fn names_change() {
    let doubles = [Double::start().await, Double::start().await];
    let (peer, names) = named(&[doubles[0].at]);
    let asked = HealthCheckRequest::default();
    let mut beats = HealthClient::new(peer.channel()).watch(asked).await.expect("a stream").into_inner();
    assert_eq!(peer.in_flight(), 0, "a stream that was opened waits for nothing");
    *names.lock().expect("no test breaks here") = vec![doubles[1].at];
    all_go_to_the_other(&peer, &doubles).await;
    for _ in 0..50 {
        beats.message().await.expect("it goes on").expect("without an end");
    }
    names.lock().expect("no test breaks here").clear();
    tokio::time::sleep(Duration::from_secs(6)).await;
    ask(&peer, "").await.expect("who is known stays");
}

#[tokio::test]
async fn a_name_is_looked_up() {
    let double = Double::start().await;
    let peer = Peer::at("double", &format!("http://localhost:{}", double.at.port())).expect("a URL");
    for _ in 0..20 {
        ask(&peer, "").await.expect("an answer, though nobody listens at ::1");
    }
    let nobody = Peer::at("nobody", "http://nobody.invalid:1").expect("a URL");
    assert_eq!(ask(&nobody, "").await.expect_err("no such name").code(), Code::Unavailable);
    for url in ["https://double:1", "double:1", "/double", ""] {
        assert!(Peer::at("double", url).is_err(), "{url}");
    }
}

#[tokio::test]
async fn the_lookup_ends_with_the_peer() {
    let (peer, names) = named(&[nowhere().await]);
    eventually("it is known", async || peer.balance.addresses().await.len() == 1).await;
    assert_eq!(Arc::strong_count(&names), 2);
    drop(peer);
    eventually("nobody looks it up", async || Arc::strong_count(&names) == 1).await;
}

#[tokio::test]
async fn an_address_that_never_answers_is_left_alone() {
    let doubles = [Double::start().await, Double::start().await];
    let addresses = doubles.each_ref().map(|double| double.at);
    for (what, left_alone) in [("proxy", true), ("database", false)] {
        let (peer, _names) = named(&addresses);
        for _ in 0..20 {
            assert_eq!(ask(&peer, what).await.expect_err(what).code(), Code::Unavailable);
        }
        let resting = peer.balance.addresses().await.iter().filter(|address| address.rests_until().is_some()).count();
        assert_eq!(resting > 0, left_alone, "{what}: {resting}");
    }
    // Connections to it are made, and nobody ever takes them up.
    let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (peer, _names) = named(&[deaf.local_addr().expect("its address"), addresses[0]]);
    eventually("it is left alone", async || {
        if let Err(late) = ask(&peer, "soon").await {
            assert_eq!(late.code(), Code::DeadlineExceeded, "{late:?}");
        }
        peer.balance.addresses().await.iter().any(|address| address.rests_until().is_some())
    })
    .await;
}

#[tokio::test]
async fn there_is_room_for_so_many_calls() {
    let double = Double::start().await;
    let (peer, _names) = named(&[double.at]);
    let held: Vec<_> = (0..1_000)
        .map(|_| {
            let peer = peer.clone();
            tokio::spawn(async move { ask(&peer, "slow").await })
        })
        .collect();
    eventually("all wait", async || peer.in_flight() == 1_000).await;
    let busy = ask(&peer, "").await.expect_err("no room");
    assert_eq!((busy.code(), busy.message()), (Code::Unavailable, "the service is busy; try again in a moment"));
    assert!(busy.get_details_retry_info().is_some());
    held.iter().for_each(tokio::task::JoinHandle::abort);
    eventually("nobody waits", async || peer.in_flight() == 0).await;
    eventually("it answers again", async || ask(&peer, "").await.is_ok()).await;
}

#[tokio::test]
async fn streams_that_stay_open_leave_room_for_calls() {
    let double = Double::start().await;
    let (peer, _names) = named(&[double.at]);
    let mut open = Vec::new();
    // One more than a connection takes.
    for _ in 0..=crate::serve::CALLS {
        open.push(HealthClient::new(peer.channel()).watch(HealthCheckRequest::default()).await.expect("a stream"));
    }
    ask(&peer, "").await.expect("an answer");
}

#[tokio::test]
async fn a_call_is_told_by_the_name_of_its_service() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (peer, _names) = named(&[listener.local_addr().expect("its address")]);
    let asked = tokio::spawn(async move { ask(&peer, "").await });
    let (stream, _) = listener.accept().await.expect("a caller");
    let answer = |request: http::Request<hyper::body::Incoming>| async move {
        let mut answer = Status::from(Error::Unimplemented).into_http::<tonic::body::Body>();
        let told = HeaderValue::from_str(&request.uri().to_string()).expect("a value");
        answer.headers_mut().insert("told", told);
        Ok::<_, std::convert::Infallible>(answer)
    };
    let (executor, io) = (hyper_util::rt::TokioExecutor::new(), hyper_util::rt::TokioIo::new(stream));
    let served = hyper::server::conn::http2::Builder::new(executor).serve_connection(io, hyper::service::service_fn(answer));
    tokio::spawn(served);
    let told = asked.await.expect("an end").expect_err("unimplemented");
    assert_eq!(told.metadata().get("told").expect("it is told"), "http://double.test:1/grpc.health.v1.Health/Check");
}
