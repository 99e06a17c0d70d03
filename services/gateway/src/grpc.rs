//! gRPC and gRPC-Web on the port of HTTP: handed on to the service that owns the method, whose gate judges it.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response,
    header::{ACCEPT, CONTENT_TYPE, TE},
    request::Parts,
};
use http_body::Frame;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use prost_reflect::DescriptorPool;
use spectra_mesh::{Error, Peer};
use tokio_stream::StreamExt;
use tonic::{Status, body::Body, service::RoutesBuilder};
use tonic_web::GrpcWebLayer;
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    answer::{Answer, stream},
    body, call,
    contract::{self, Target},
    front::Asked,
    guard::Guard,
    routes::Routes,
    trace::Trace,
};

mod method;

use method::Method;

/// What a call says of itself, besides what every caller may say.
const FRAMING: [HeaderName; 6] = [
    ACCEPT,
    CONTENT_TYPE,
    TE,
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
];

/// The services behind the gateway, as gRPC clients see them: at one address.
pub(crate) struct Door {
    /// Every method that is offered, by its path.
    methods: HashMap<String, Method>,
    /// Whether the process lives: whether a service is well is its own to say, and `/health/ready` asks all.
    health: tonic::service::Routes,
    /// What is behind the gateway; made when somebody first asks, as few ever do.
    reflection: LazyLock<tonic::service::Routes, Box<dyn FnOnce() -> tonic::service::Routes + Send>>,
}

/// Whether a request is a call in gRPC or gRPC-Web.
pub(crate) fn is_call(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(is_grpc)
}

fn is_grpc(kind: &HeaderValue) -> bool {
    kind.as_bytes().starts_with(b"application/grpc")
}

impl Door {
    /// The door to the services of a contract; `peers` names who owns each package. Methods that `routes` lead to as well
    /// have one budget for both.
    pub(crate) fn new(pool: &DescriptorPool, encoded: Bytes, peers: &[(&str, Peer)], routes: &Routes<Target>) -> Self {
        let (mut methods, mut names) = (HashMap::new(), Vec::new());
        for service in pool.services() {
            if let Some((_, peer)) = peers.iter().find(|(package, _)| *package == service.package_name()) {
                names.push(service.full_name().to_owned());
                methods.extend(contract::offered(&service).iter().map(|method| Method::read(method, peer.clone())));
            }
        }
        for route in routes.iter() {
            if let Target::Rpc(binding) = &route.target
                && let Some(method) = methods.get_mut(binding.rpc.path.path())
            {
                method.again = Arc::clone(&binding.rpc.again);
            }
        }
        let health = tonic::service::Routes::new(spectra_mesh::compressed!(tonic_health::server::health_reporter().1));
        Self { methods, health, reflection: LazyLock::new(Box::new(move || reflection(&encoded, &names))) }
    }

    /// Answers a call of `client`.
    pub(crate) async fn answer(&self, guard: &Guard, asked: Asked<'_>, body: impl body::Incoming) -> Answer {
        let Asked { parts, trace, client, .. } = asked;
        // Its length is not told: unpacked from the web's text it is another, and the service would be told the wrong one.
        let body = StreamBody::new(BodyStream::new(body).filter(says_something))
            .map_err(|_| Status::from(Error::Malformed("the body ended before its end")));
        let headers = metadata(&parts.headers, trace, client);
        unframed(parts, headers, Body::new(body), |request| async { Ok(self.pass(request, guard).await) }).await
    }

    async fn pass(&self, request: Request<Body>, guard: &Guard) -> Response<Body> {
        let path = request.uri().path();
        if let Some(own) = self.own(path) {
            let Ok(answer) = own.clone().oneshot(request).await;
            return answer;
        }
        match self.methods.get(path) {
            Some(method) => method.call(request, guard).await,
            None => Status::from(Error::Unimplemented).into_http(),
        }
    }

    /// What the gateway answers itself, for all.
    fn own(&self, path: &str) -> Option<&tonic::service::Routes> {
        match path {
            _ if path.starts_with("/grpc.health.") => Some(&self.health),
            _ if path.starts_with("/grpc.reflection.") => Some(&self.reflection),
            _ => None,
        }
    }
}

/// The names and descriptors of what is behind the gateway.
fn reflection(encoded: &[u8], names: &[String]) -> tonic::service::Routes {
    let described = || spectra_mesh::serve::reflection(encoded, names.iter().map(String::as_str));
    let readable = "a pool's own descriptors";
    let mut both = RoutesBuilder::default();
    both.add_service(spectra_mesh::compressed!(described().build_v1().expect(readable)));
    both.add_service(spectra_mesh::compressed!(described().build_v1alpha().expect(readable)));
    both.routes()
}

/// Says no to a call, in its own framing; nothing of it is read.
pub(crate) async fn refuse(parts: &Parts, error: Error) -> Answer {
    let no = Status::from(error);
    unframed(parts, parts.headers.clone(), Body::empty(), |_| std::future::ready(Ok(no.clone().into_http()))).await
}

/// Takes the web's framing off a call and puts it on its answer; plain gRPC goes through as it is.
async fn unframed<F>(parts: &Parts, headers: HeaderMap, body: Body, call: impl FnMut(Request<Body>) -> F) -> Answer
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    *request.version_mut() = parts.version;
    *request.headers_mut() = headers;
    let answered: Result<Response<Body>, Infallible> = GrpcWebLayer::new().layer(service_fn(call)).oneshot(request).await;
    let Ok(answer) = answered;
    answer.map(stream)
}

/// Whether a frame holds anything. The last one of a call often does not, and stands before the end when it is handed on:
/// of such, HTTP/2 takes a hundred, and then ends the connection that all calls share.
fn says_something<E>(frame: &Result<Frame<Bytes>, E>) -> bool {
    !frame.as_ref().is_ok_and(|frame| frame.data_ref().is_some_and(Bytes::is_empty))
}

/// What the service is told: what any call is told, and how this one is framed.
fn metadata(headers: &HeaderMap, trace: &Trace, client: IpAddr) -> HeaderMap {
    let mut metadata = call::metadata(headers, trace, client);
    for name in FRAMING {
        metadata.extend(headers.get(&name).cloned().map(|value: HeaderValue| (name, value)));
    }
    // Who does not say which framing it takes takes the one that it sends.
    if let Some(kind) = headers.get(CONTENT_TYPE).filter(|_| !headers.get(ACCEPT).is_some_and(is_grpc)) {
        metadata.insert(ACCEPT, kind.clone());
    }
    metadata
}
