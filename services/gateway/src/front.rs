//! The way of one request: its limits, its route, its call, its answer.

use std::{borrow::Cow, net::IpAddr, sync::Arc, time::Instant};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
        X_FRAME_OPTIONS,
    },
    request::Parts,
};
use http_body::Body as _;
use spectra_mesh::{Peer, serve::HEADERS};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    access_log,
    answer::{Answer, whole},
    body, connect,
    contract::Target,
    download,
    exchange::Exchange,
    grpc::{self, Door},
    guard::{Allowance, Excess, Guard},
    health,
    problem::{Answered, Problem},
    request::Address,
    routes::{Found, Miss, Routes},
    trace::Trace,
    transcode::Plans,
};

/// The longest path with its query.
const LONGEST_URI: usize = 8 << 10;

/// What a browser says when it comes back to a stream.
const LAST_EVENT_ID: &str = "last-event-id";

/// What every answer says besides its own headers, where those do not say otherwise.
const ALWAYS: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (VARY, "Accept, Authorization"),
];

/// All that answering needs, made once at start.
pub(crate) struct Front {
    /// What keeps too much away.
    pub(crate) guard: Guard,
    pub(crate) plans: Arc<Plans>,
    pub(crate) routes: Routes<Target>,
    /// The way of calls that are gRPC already.
    pub(crate) grpc: Door,
    /// Every service, once.
    pub(crate) peers: Vec<Peer>,
    /// What the paths of the contract begin with.
    pub(crate) prefixes: Vec<String>,
}

/// A request but for its body.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'r> {
    pub(crate) parts: &'r Parts,
    pub(crate) trace: &'r Trace,
    /// The address of whoever asks.
    pub(crate) client: IpAddr,
    /// Cancelled when no more requests are to come.
    pub(crate) stop: &'r CancellationToken,
}

/// Where a request leads.
enum Way<'f, 'p> {
    Route(Found<'f, 'p, Target>),
    /// To the methods that its path takes.
    Options(String),
}

impl Front {
    /// Answers a request that came from `peer`; whatever goes wrong becomes a problem. `stop` is cancelled when no more are
    /// to come.
    pub(crate) async fn answer(&self, request: Request<impl body::Incoming>, peer: IpAddr, stop: &CancellationToken) -> Answer {
        let begun = Instant::now();
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let client = self.guard.client(peer, &parts.headers);
        let allowance = self.guard.count(path, &parts.headers, client).await;
        // Of a call that is gRPC already the path is the method, and there is no way to find.
        let is_call = grpc::is_call(&parts.headers);
        let way = within_limits(&parts).and_then(|()| if is_call { Ok(None) } else { self.way(&parts).map(Some) });
        let route = match &way {
            Ok(None) => Some("grpc".into()),
            Ok(Some(way)) => way.template(),
            Err(_) => None,
        };
        let called = match &route {
            _ if is_call => Cow::Borrowed(path),
            None => Cow::Borrowed(parts.method.as_str()),
            Some(route) => format!("{} {route}", parts.method).into(),
        };
        let trace = Trace::of(&called, &parts.headers);
        let asked = Asked { parts: &parts, trace: &trace, client, stop };
        let answered = match way {
            _ if allowance.is_some_and(Allowance::exceeded) => refused(&parts, body).await,
            Ok(None) => Ok(self.grpc.answer(&self.guard, asked, body).instrument(trace.span.clone()).await),
            Ok(Some(way)) => {
                let mut body = Some(body);
                let answered = self.follow(way, asked, &mut body).instrument(trace.span.clone()).await;
                if let Some(left) = body {
                    body::linger(&parts.headers, left);
                }
                answered
            }
            Err(problem) => {
                body::linger(&parts.headers, body);
                Err(problem)
            }
        };
        let mut answer = answered.unwrap_or_else(|problem| problem.answer(path, &trace.ids));
        answer.headers_mut().extend(allowance.into_iter().flat_map(Allowance::headers));
        finish(&mut answer, &parts, &trace);
        access_log::record(&parts.method, route, path, answer.status(), &trace, begun.elapsed());
        answer
    }

    /// Finds where a request leads.
    fn way<'f, 'p>(&'f self, parts: &'p Parts) -> Answered<Way<'f, 'p>> {
        match self.routes.find(&parts.method, parts.uri.path()) {
            Ok(found) => Ok(Way::Route(found)),
            Err(Miss::Method(allow)) if parts.method == Method::OPTIONS => Ok(Way::Options(allow)),
            Err(Miss::Method(allow)) => Err(Problem::method(allow)),
            Err(Miss::Path) => Err(Problem::no_path()),
            Err(Miss::Unreadable) => Err(Problem::malformed("the path is not percent-encoded UTF-8")),
        }
    }

    async fn follow(&self, way: Way<'_, '_>, asked: Asked<'_>, body: &mut Option<impl body::Incoming>) -> Answered<Answer> {
        let found = match way {
            Way::Route(found) => found,
            Way::Options(allow) => return Ok(options(&allow)),
        };
        match &found.route.target {
            Target::Health => Ok(health::alive()),
            Target::Ready => Ok(health::ready(&self.peers, asked.stop.is_cancelled()).await),
            Target::Index => Ok(health::index(&self.prefixes)),
            Target::Page(page) => Ok(page.answer(&asked.parts.headers)),
            Target::Connect(rpc) => match body {
                Some(body) => Ok(connect::answer(rpc, &self.guard, asked, body).await),
                None => Err(Problem::internal()),
            },
            Target::Rpc(binding) => {
                let Parts { method, uri, headers, .. } = asked.parts;
                let address = Address {
                    template: &found.route.template,
                    captures: &found.captures,
                    query: uri.query().unwrap_or_default(),
                    resumed: headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty()),
                    range: download::asked(method, headers),
                };
                Exchange { front: self, binding, address, asked }.answer(body).await
            }
        }
    }
}

impl Way<'_, '_> {
    /// The template of the route, which logs and measures name.
    fn template(&self) -> Option<Arc<str>> {
        match self {
            Self::Route(found) => Some(Arc::clone(found.route.template.text())),
            Self::Options(_) => None,
        }
    }
}

/// Says no to a client who asks too much, in its own words.
async fn refused(parts: &Parts, body: impl body::Incoming) -> Answered<Answer> {
    body::linger(&parts.headers, body);
    let excess = Excess::OfClient;
    if grpc::is_call(&parts.headers) { Ok(grpc::refuse(parts, excess.error()).await) } else { Err(excess.problem()) }
}

/// Refuses what is too long to look at.
fn within_limits(parts: &Parts) -> Answered<()> {
    if parts.uri.path_and_query().is_some_and(|whole| whole.as_str().len() > LONGEST_URI) {
        let detail = format!("a path and its query hold at most {} KiB", LONGEST_URI >> 10);
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail));
    }
    if size(&parts.headers) > HEADERS as usize {
        let detail = format!("all headers together hold at most {} KiB", HEADERS >> 10);
        return Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail));
    }
    Ok(())
}

fn size(headers: &HeaderMap) -> usize {
    // Each costs a colon, a space and a line end besides.
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// What a path takes.
fn options(allow: &str) -> Answer {
    let mut answer = Response::new(whole(""));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer.headers_mut().extend(HeaderValue::from_str(allow).ok().map(|allow| (ALLOW, allow)));
    answer
}

/// Adds what every answer says, and takes from it what its request does not want.
fn finish(answer: &mut Answer, parts: &Parts, trace: &Trace) {
    let headers = answer.headers_mut();
    for (name, value) in ALWAYS {
        // An answer of its own kind says better.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-request-id"), trace.request_id.clone());
    if parts.version >= Version::HTTP_2 {
        // There, a connection is not the affair of one request.
        headers.remove(CONNECTION);
    }
    if parts.method == Method::HEAD {
        let unsent = std::mem::replace(answer.body_mut(), whole(""));
        // An answer without content has no length either.
        let length = unsent.size_hint().exact().filter(|length| *length > 0);
        answer.headers_mut().extend(length.map(|length| (CONTENT_LENGTH, HeaderValue::from(length))));
    }
}
