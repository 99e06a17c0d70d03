//! What is too much: of one client, of one address, of all, and of patience.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use http::Method;
use spectra_gateway::{Limits, Protection, Rates};
use spectra_mesh::{Peer, authority::Authority, token::Expected};
use spectra_proto::{
    analysis::{ListRunsRequest, run_service_client::RunServiceClient},
    identity::{ListKeysRequest, key_service_client::KeyServiceClient},
    lims::{GetMaterialRequest, ListMaterialsRequest, material_service_client::MaterialServiceClient},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    client::{Answer, Front, nowhere},
    grpc::channel,
    service::{Double, ID},
};

const MATERIALS: &str = "/api/lims/materials";

/// Limits of a gateway that believes no token: nobody tells it their keys.
fn limited(rate: u32, proxies: &[&str]) -> Protection {
    let nobody = Peer::at("identity", "http://127.0.0.1:1").expect("a URL");
    let authority = Authority::of(&nobody, Expected { issuer: String::new(), audience: String::new() });
    let rate = NonZeroU32::new(rate).expect("a rate");
    let limits = Limits::new(authority, Rates { client: rate, organization: rate });
    let proxies = proxies.iter().map(|network| network.parse().expect("a network")).collect();
    Protection { limits: Some(limits), proxies, ..Protection::default() }
}

async fn stage(protection: Protection) -> (Double, Front) {
    let double = Double::start().await;
    let front = Front::protected(double.address, protection).await;
    (double, front)
}

/// Asks until there is too much of it.
async fn exceed(front: &Front, headers: &[(&str, &str)]) -> Answer {
    for _ in 0..1000 {
        let answer = front.send(Method::GET, MATERIALS, headers, "").await;
        if answer.status != 200 {
            return answer;
        }
    }
    panic!("nothing is too much");
}

#[tokio::test]
async fn without_limits_nothing_is_told_of_them() {
    let (_double, front) = stage(Protection::default()).await;
    let answer = front.get(MATERIALS).await;
    assert_eq!((answer.status.as_u16(), answer.header("ratelimit-limit")), (200, ""));
}

#[tokio::test]
async fn who_asks_too_much_is_told_when_to_come_back() {
    let (double, front) = stage(limited(3, &[])).await;
    let first = front.get(MATERIALS).await;
    assert_eq!(first.status, 200);
    for (name, value) in [("limit", "3"), ("remaining", "2"), ("reset", "1"), ("policy", "3;w=1")] {
        assert_eq!(first.header(&format!("ratelimit-{name}")), value, "{name}");
    }
    let refused = exceed(&front, &[]).await;
    let problem = refused.refused(429, "rate_limited");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("try again")), "{problem}");
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit-remaining")), ("1", "0"));

    exceed(&front, &[("authorization", "Bearer forged")]).await.refused(429, "rate_limited");
    // What is refused is not read, and reaches no service.
    let (mut reached, mut answered) = (true, 200);
    while answered != 429 {
        answered = front.send(Method::POST, MATERIALS, &[("user-agent", "last")], vec![b'x'; 1 << 20]).await.status.as_u16();
        reached = double.heard().get("user-agent").is_some_and(|agent| agent == "last");
    }
    assert!(!reached);

    for path in ["/health", "/health", "/health", "/health", "/health"] {
        let alive = front.get(path).await;
        assert_eq!((alive.status.as_u16(), alive.header("ratelimit-limit")), (200, ""));
    }
    exceed(&front, &[]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(front.get(MATERIALS).await.status, 200, "after the time that it was told");
}

#[tokio::test]
async fn calls_in_grpc_are_limited_alike() {
    let (_double, front) = stage(limited(3, &[])).await;
    let mut materials = MaterialServiceClient::new(channel(&front));
    let mut refused: Option<Status> = None;
    for _ in 0..1000 {
        let asked = GetMaterialRequest { id: ID.to_owned() };
        refused = materials.get_material(asked).await.err();
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("too much");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.get_details_error_info().expect("a reason").reason, "EXHAUSTED");
    assert_eq!(refused.get_details_retry_info().and_then(|retry| retry.retry_delay), Some(Duration::from_secs(1)));
    assert_eq!(refused.metadata().get("ratelimit-limit").expect("a limit"), "3");

    exceed(&front, &[]).await;
    let web = [("content-type", "application/grpc-web+proto"), ("accept", "application/grpc-web+proto")];
    let mut told = front.send(Method::POST, "/spectra.lims.v1.MaterialService/GetMaterial", &web, "\0\0\0\0\0").await;
    while told.header("grpc-status") != "8" {
        told = front.send(Method::POST, "/spectra.lims.v1.MaterialService/GetMaterial", &web, "\0\0\0\0\0").await;
    }
    assert_eq!((told.status.as_u16(), told.header("content-type")), (200, "application/grpc-web+proto"));
}

#[tokio::test]
async fn a_client_is_an_address_and_only_a_proxy_tells_another() {
    let (double, front) = stage(limited(3, &[])).await;
    exceed(&front, &[]).await;
    let refused = exceed(&front, &[("x-forwarded-for", "203.0.113.9")]).await;
    refused.refused(429, "rate_limited");
    assert_eq!(double.heard()["x-forwarded-for"], "127.0.0.1", "anybody may say so");

    let (double, front) = stage(limited(3, &["127.0.0.0/8", "10.0.0.0/8"])).await;
    exceed(&front, &[("x-forwarded-for", "203.0.113.9")]).await;
    exceed(&front, &[("x-forwarded-for", "198.51.100.7, 203.0.113.9")]).await;
    let other = front.send(Method::GET, MATERIALS, &[("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.0.0.1")], "").await;
    assert_eq!((other.status.as_u16(), other.header("ratelimit-remaining")), (200, "2"));
    assert_eq!(double.heard()["x-forwarded-for"], "198.51.100.7");
}

#[tokio::test]
async fn a_thousand_addresses_each_have_their_own() {
    let (_double, front) = stage(limited(3, &["127.0.0.1/32"])).await;
    for nth in 0..1000 {
        let client = format!("203.0.{}.{}", nth / 250, nth % 250);
        let answer = front.send(Method::GET, "/", &[("x-forwarded-for", &client)], "").await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit-remaining")), (200, "2"), "{client}");
    }
}

#[tokio::test]
async fn beyond_what_there_is_room_for_calls_are_refused_and_health_is_not() {
    // Services that take calls and never answer.
    let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let front = Front::before(deaf.local_addr().expect("its address")).await;
    let mut held = JoinSet::new();
    // Twelve connections, each with as many calls as one may have, to three services that none of them fills.
    for connection in (0..12).map(|_| channel(&front)) {
        for turn in 0..200 {
            let (mut materials, mut runs) = (MaterialServiceClient::new(connection.clone()), RunServiceClient::new(connection.clone()));
            let mut keys = KeyServiceClient::new(connection.clone());
            held.spawn(async move {
                match turn % 3 {
                    0 => materials.list_materials(ListMaterialsRequest::default()).await.map(drop),
                    1 => runs.list_runs(ListRunsRequest::default()).await.map(drop),
                    _ => keys.list_keys(ListKeysRequest::default()).await.map(drop),
                }
                .expect_err("no answer")
            });
        }
    }
    let refused = held.join_next().await.expect("one of them").expect("an answer");
    assert_eq!((refused.code(), refused.message()), (Code::Unavailable, "too many calls are in flight; try again in a moment"));
    assert!(refused.get_details_retry_info().is_some());
    let refused = front.send(Method::POST, MATERIALS, &[], "{").await;
    refused.refused(503, "unavailable");
    assert_eq!(refused.header("retry-after"), "1");
    for path in ["/health", "/openapi.json"] {
        assert_eq!(front.get(path).await.status, 200, "{path}");
    }
    held.shutdown().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    front.send(Method::GET, MATERIALS, &[("prefer", "wait=1")], "").await.refused(504, "deadline");
}

#[tokio::test]
async fn an_address_holds_no_more_connections_than_it_may() {
    let protection = Protection { connections: NonZeroU32::new(3), ..Protection::default() };
    let (_double, front) = stage(protection).await;
    let connect = async || TcpStream::connect(front.address).await.expect("a connection");
    let mut held = vec![connect().await, connect().await, connect().await];
    let refused = connect().await.read(&mut [0]).await;
    assert!(matches!(refused, Ok(0) | Err(_)), "{refused:?}");
    held.pop();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(front.get("/health").await.status, 200, "one went, one came");
}

/// Asks for more than fits between the two, and reads none of it for a while; how much there was to read then.
async fn unread(address: SocketAddr, pause: Duration) -> usize {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = "GET /openapi.json HTTP/1.1\r\nhost: h\r\n\r\n".repeat(PIPELINED - 1);
    let last = "GET /openapi.json HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    stream.write_all((request + last).as_bytes()).await.expect("requests");
    tokio::time::sleep(pause).await;
    let mut read = Vec::new();
    _ = tokio::time::timeout(Duration::from_mins(2), stream.read_to_end(&mut read)).await.expect("an end");
    read.len()
}

/// Answers of some hundreds of kilobytes each: far more than a socket holds.
const PIPELINED: usize = 200;

#[tokio::test]
async fn who_does_not_read_an_answer_is_not_waited_for() {
    let waits = async |stall| Front::protected(nowhere().await, Protection { stall, ..Protection::default() }).await;
    let (patient, hasty) = (waits(Duration::from_secs(10)).await, waits(Duration::from_millis(500)).await);
    let whole = patient.get("/openapi.json").await.body.len() * PIPELINED;
    // Made once, so that the second is not busy with it when it is to be patient.
    assert_eq!(hasty.get("/openapi.json").await.status, 200);
    let read = unread(patient.address, Duration::from_secs(1)).await;
    assert!(read > whole, "who pauses for a while loses nothing: {read} of {whole}");
    let cut = unread(hasty.address, Duration::from_secs(5)).await;
    assert!(cut < whole, "{cut} of {whole}");
    assert_eq!(hasty.get("/health").await.status, 200);
}
