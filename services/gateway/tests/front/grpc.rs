//! gRPC and gRPC-Web through the port of HTTP.

use std::time::Instant;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::Method;
use http_body::Frame;
use http_body_util::StreamBody;
use prost::Message;
use spectra_proto::lims::{
    CreateMaterialRequest, GetMaterialRequest, ListMaterialsRequest, Material, material_service_client::MaterialServiceClient,
};
use tokio::net::TcpListener;
use tonic::{
    Code, Request, Status,
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient, server_reflection_request::MessageRequest,
    server_reflection_response::MessageResponse,
};
use tonic_types::StatusExt;

use crate::{
    client::{Answer, Front},
    service::{Double, ID, hangs_up_first},
};

const GET: &str = "/spectra.lims.v1.MaterialService/GetMaterial";

/// A channel of someone who shows a token, as nobody gets far without.
pub(crate) fn channel(front: &Front) -> InterceptedService<Channel, Signed> {
    InterceptedService::new(bare(front), Signed)
}

/// Shows a token where nothing else does.
#[derive(Clone)]
pub(crate) struct Signed;

impl Interceptor for Signed {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if !request.metadata().contains_key("authorization") {
            request.metadata_mut().insert("authorization", MetadataValue::from_static("Bearer a.b.c"));
        }
        Ok(request)
    }
}

fn bare(front: &Front) -> Channel {
    Channel::from_shared(format!("http://{}", front.address)).expect("a URL").connect_lazy()
}

fn asked(id: &str) -> GetMaterialRequest {
    GetMaterialRequest { id: id.to_owned() }
}

/// A message as gRPC frames it.
fn framed(message: &impl Message) -> Bytes {
    let wire = message.encode_to_vec();
    let length = u32::try_from(wire.len()).expect("small").to_be_bytes();
    [&[0], &length[..], &wire].concat().into()
}

/// The message and the trailers of a gRPC-Web answer.
fn unframed(body: &[u8]) -> (Option<Material>, String) {
    let (mut rest, mut message, mut trailers) = (body, None, String::new());
    while let Some((head, after)) = rest.split_at_checked(5) {
        let length = u32::from_be_bytes(head[1..].try_into().expect("four bytes")) as usize;
        let (frame, after) = after.split_at(length);
        if head[0] & 0x80 == 0 {
            message = Some(Material::decode(frame).expect("a material"));
        } else {
            trailers = String::from_utf8(frame.to_vec()).expect("headers");
        }
        rest = after;
    }
    (message, trailers)
}

async fn web(front: &Front, kind: &str, body: Bytes) -> Answer {
    front.send(Method::POST, GET, &[("content-type", kind), ("accept", kind), ("x-grpc-web", "1")], body).await
}

#[tokio::test]
async fn a_grpc_client_reaches_every_service_at_one_address() {
    let double = Double::start().await;
    let front = Front::before(double.address).await;
    let mut materials = MaterialServiceClient::new(channel(&front));
    let mut request = Request::new(asked(ID));
    for (name, value) in [("authorization", "Bearer t"), ("x-forwarded-for", "203.0.113.9"), ("x-user-role", "admin")] {
        request.metadata_mut().insert(name, value.parse().expect("a value"));
    }
    let answer = materials.get_material(request).await.expect("a material");
    assert!(answer.metadata().contains_key("x-request-id"));
    assert_eq!(answer.into_inner().name, "Silicon");
    let heard = double.heard();
    assert_eq!(heard["authorization"], "Bearer t");
    assert_eq!(heard["x-forwarded-for"], "127.0.0.1", "who asks is seen, not told");
    assert!(!heard.contains_key("x-user-role"));

    let refused = materials.get_material(asked("nobody")).await.expect_err("none");
    assert_eq!((refused.code(), refused.get_details_error_info().expect("a reason").reason.as_str()), (Code::NotFound, "NOT_FOUND"));
    let invalid = materials.create_material(CreateMaterialRequest::default()).await.expect_err("no name");
    assert_eq!(invalid.get_details_bad_request().expect("fields").field_violations[0].field, "material.name");
}

/// HTTP/2 counts frames that say nothing, and ends a connection that has seen a hundred.
#[tokio::test]
async fn a_connection_outlives_many_calls() {
    let double = Double::start().await;
    let front = Front::before(double.address).await;
    let mut materials = MaterialServiceClient::new(channel(&front));
    for nth in 0..250 {
        materials.get_material(asked(ID)).await.unwrap_or_else(|fault| panic!("call {nth}: {fault}"));
        let web = web(&front, "application/grpc-web+proto", framed(&asked(ID))).await;
        assert!(unframed(&web.body).0.is_some(), "call {nth}: {web:?}");
    }
}

#[tokio::test]
async fn what_is_not_offered_and_what_is_down_is_told_in_grpc() {
    let front = Front::alone().await;
    let down = MaterialServiceClient::new(channel(&front)).get_material(asked(ID)).await.expect_err("nobody is there");
    assert_eq!(down.code(), Code::Unavailable);
    assert!(!down.message().contains("127.0.0.1"), "{down}");
    let request = http::Request::post("/spectra.lims.v1.NoService/Get").header("content-type", "application/grpc");
    let unknown =
        tower::ServiceExt::oneshot(channel(&front), request.body(tonic::body::Body::empty()).expect("a request")).await.expect("an answer");
    assert_eq!(unknown.headers()["grpc-status"], "12");
}

#[tokio::test]
async fn what_does_no_harm_is_asked_once_more() {
    let double = Double::start().await;
    let front = async || MaterialServiceClient::new(channel(&Front::before(hangs_up_first(double.address).await).await));
    assert_eq!(front().await.get_material(asked(ID)).await.expect("a material").into_inner().name, "Silicon");
    for (key, expected) in [(Some("k"), Ok("n".to_owned())), (None, Err(Code::Unavailable))] {
        let material = Material { name: "n".to_owned(), ..Material::default() };
        let mut request = Request::new(CreateMaterialRequest { material: Some(material) });
        if let Some(key) = key {
            request.metadata_mut().insert("idempotency-key", key.parse().expect("a value"));
        }
        let answer = front().await.create_material(request).await;
        assert_eq!(answer.map(|made| made.into_inner().name).map_err(|status| status.code()), expected, "{key:?}");
    }
}

#[tokio::test]
async fn a_call_ends_in_time() {
    let double = Double::start().await;
    // A service takes connections while it does not run yet, or not any more.
    let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    for service in [double.address, deaf.local_addr().expect("its address")] {
        let front = Front::before(service).await;
        let path = "/spectra.lims.v1.MaterialService/ListMaterials";
        let slow = framed(&ListMaterialsRequest { q: Some("slow".to_owned()), ..ListMaterialsRequest::default() });
        for (given, least) in [("400m", 250), ("0n", 0)] {
            let begun = Instant::now();
            let headers = [("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1"), ("grpc-timeout", given)];
            let answer = front.send(Method::POST, path, &headers, slow.clone()).await;
            assert!((least..5_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
            assert_eq!(answer.header("grpc-status"), "4", "{:?} {:?}", answer.headers, answer.body);
        }
    }
    let told = double.heard()["grpc-timeout"].to_str().expect("text").trim_end_matches('u').parse::<u32>().expect("microseconds");
    assert!((100_000..=300_000).contains(&told), "{told}: what a hop takes is taken off");
}

#[tokio::test]
async fn a_message_that_is_held_has_a_limit() {
    let double = Double::start().await;
    let mut materials = MaterialServiceClient::new(channel(&Front::before(double.address).await));
    let refused = materials.get_material(asked(&"x".repeat(5 << 20))).await.expect_err("too large");
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    assert_eq!(materials.get_material(asked(ID)).await.expect("a material").into_inner().name, "Silicon");
}

#[tokio::test]
async fn who_shows_no_token_holds_nothing() {
    let double = Double::start().await;
    let front = Front::before(double.address).await;
    // A call whose message never comes.
    let request = http::Request::post(GET).header("content-type", "application/grpc").header("te", "trailers");
    let endless = tonic::body::Body::new(StreamBody::new(tokio_stream::pending::<Result<Frame<Bytes>, Status>>()));
    let answer = tower::ServiceExt::oneshot(bare(&front), request.body(endless).expect("a request")).await.expect("an answer");
    assert_eq!(answer.headers()["grpc-status"], "16");
    assert!(double.heard().is_empty(), "no service is asked");
}

#[tokio::test]
async fn browsers_speak_grpc_web() {
    let double = Double::start().await;
    let front = Front::before(double.address).await;
    let answer = web(&front, "application/grpc-web+proto", framed(&asked(ID))).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/grpc-web+proto"));
    let (material, trailers) = unframed(&answer.body);
    assert_eq!(material.expect("a message").name, "Silicon");
    assert!(trailers.contains("grpc-status:0"), "{trailers}");

    let text = web(&front, "application/grpc-web-text+proto", STANDARD.encode(framed(&asked(ID))).into()).await;
    assert_eq!(text.status, 200);
    // As browsers send it when nobody says otherwise.
    let headers = [("content-type", "application/grpc-web-text"), ("accept", "*/*")];
    let same = front.send(Method::POST, GET, &headers, STANDARD.encode(framed(&asked(ID)))).await;
    assert_eq!((same.header("content-type"), &same.body), ("application/grpc-web-text+proto", &text.body));
    // Each frame may be padded by itself.
    let frames: Vec<u8> =
        text.body.split_inclusive(|byte| *byte == b'=').flat_map(|part| STANDARD.decode(part).unwrap_or_default()).collect();
    assert!(frames.windows(7).any(|window| window == b"Silicon"), "{text:?}");

    let missing = web(&front, "application/grpc-web+proto", framed(&asked("nobody"))).await;
    assert_eq!((missing.status.as_u16(), missing.header("grpc-status")), (200, "5"));
    let broken = web(&front, "application/grpc-web+proto", Bytes::from_static(b"\0\0\0\0\xff")).await;
    assert_eq!(broken.status, 200, "what the service makes of it is told in gRPC");
    assert_ne!(broken.header("grpc-status"), "0");
}

#[tokio::test]
async fn calls_in_grpc_keep_the_limits_of_all() {
    let front = Front::alone().await;
    let large = "x".repeat(20 << 10);
    front
        .send(Method::POST, GET, &[("content-type", "application/grpc-web"), ("x-large", &large)], "")
        .await
        .refused(431, "headers_too_large");
}

#[tokio::test]
async fn reflection_lists_the_services_of_all() {
    let front = Front::alone().await;
    let asked = ServerReflectionRequest { host: String::new(), message_request: Some(MessageRequest::ListServices(String::new())) };
    let mut client = ServerReflectionClient::new(channel(&front));
    let mut answers = client.server_reflection_info(tokio_stream::once(asked)).await.expect("reflection").into_inner();
    let Some(MessageResponse::ListServicesResponse(listed)) = answers.message().await.expect("an answer").expect("one").message_response
    else {
        panic!("nothing is listed")
    };
    let names: Vec<_> = listed.service.iter().map(|service| service.name.as_str()).collect();
    for name in
        ["spectra.lims.v1.SampleService", "spectra.analysis.v1.RunService", "spectra.identity.v1.SessionService", "grpc.health.v1.Health"]
    {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
}
