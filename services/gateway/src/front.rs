//! The way of one request: its limits, its route, its call, its answer.

use std::{borrow::Cow, net::IpAddr, sync::Arc, time::Instant};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{
        ALLOW, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, IF_MATCH, REFERRER_POLICY,
        VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
    request::Parts,
};
use http_body::Body as _;
use spectra_mesh::{Peer, serve::HEADERS};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    access_log,
    answer::{Answer, stream, whole},
    body,
    call::{self, Failure},
    contract::Target,
    deadline,
    events::Events,
    grpc::{self, Door},
    health, media,
    problem::{Answered, Problem},
    request, respond,
    routes::{Found, Miss, Routes, binding::Binding},
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
struct Asked<'r> {
    parts: &'r Parts,
    trace: &'r Trace,
    /// The address at the other end of the connection.
    client: IpAddr,
    /// Cancelled when no more requests are to come.
    stop: &'r CancellationToken,
}

/// Where a request leads.
enum Way<'f, 'p> {
    Route(Found<'f, 'p, Target>),
    /// To the methods that its path takes.
    Options(String),
}

impl Front {
    /// Answers a request of `client`; whatever goes wrong becomes a problem. `stop` is cancelled when no more are to come.
    pub(crate) async fn answer(&self, request: Request<impl body::Incoming>, client: IpAddr, stop: &CancellationToken) -> Answer {
        let begun = Instant::now();
        let (parts, mut body) = request.into_parts();
        let path = parts.uri.path();
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
            Ok(None) => Ok(self.grpc.answer(&parts, body, &trace, client).instrument(trace.span.clone()).await),
            Ok(Some(way)) => {
                let answered = self.follow(way, asked, &mut body).instrument(trace.span.clone()).await;
                body::linger(&parts.headers, body);
                answered
            }
            Err(problem) => {
                body::linger(&parts.headers, body);
                Err(problem)
            }
        };
        let mut answer = answered.unwrap_or_else(|problem| problem.answer(path, &trace.ids));
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

    async fn follow(&self, way: Way<'_, '_>, asked: Asked<'_>, body: &mut impl body::Incoming) -> Answered<Answer> {
        let found = match way {
            Way::Route(found) => found,
            Way::Options(allow) => return Ok(options(&allow)),
        };
        match &found.route.target {
            Target::Health => Ok(health::alive()),
            Target::Ready => Ok(health::ready(&self.peers, asked.stop.is_cancelled()).await),
            Target::Index => Ok(health::index(&self.prefixes)),
            Target::Page(page) => Ok(page.answer(&asked.parts.headers)),
            Target::Rpc(binding) => self.call(binding, &found, asked, body).await,
        }
    }

    async fn call(
        &self,
        binding: &Arc<Binding>,
        found: &Found<'_, '_, Target>,
        Asked { parts, trace, client, stop }: Asked<'_>,
        body: &mut impl body::Incoming,
    ) -> Answered<Answer> {
        let Parts { method, uri, headers, .. } = parts;
        // Who shows no token at all gets no further: nothing of theirs is read.
        if !binding.rpc.public && !headers.contains_key(AUTHORIZATION) {
            return Err(Problem::unauthenticated());
        }
        let framing = if binding.rpc.stream.is_some() {
            Some(media::accepts_events(headers)?)
        } else {
            media::accepts_json(headers)?;
            None
        };
        if !body::is_empty(body) {
            media::is_json(headers)?;
        }
        let body = body::read(body).await?;
        let query = uri.query().unwrap_or_default();
        let resumed = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
        let message = request::message(&self.plans, binding, &found.route.template, &found.captures, query, &body, resumed)?;
        let (metadata, time) = (call::metadata(headers, trace, client), deadline::of(headers));
        let answered = match framing {
            None => call::unary(&binding.rpc, message.into(), metadata, time)
                .await
                .map(|wire| respond::success(&self.plans, binding, method, uri, headers, &wire)),
            Some(framing) => call::stream(&binding.rpc, message.into(), metadata, time).await.map(|messages| {
                let (plans, binding, stop) = (Arc::clone(&self.plans), Arc::clone(binding), stop.clone());
                let mut answer = Response::new(stream(Events::new(messages, plans, binding, framing, uri.path(), trace.ids.clone(), stop)));
                answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(framing.media_type()));
                Ok(answer)
            }),
        };
        answered.unwrap_or_else(|failure| Err(self.failed(&failure, binding, parts)))
    }

    /// Why a call has no answer, for whoever made the request.
    fn failed(&self, failure: &Failure, binding: &Binding, Parts { method, uri, headers, .. }: &Parts) -> Box<Problem> {
        let status = match failure {
            Failure::Refused(status) => status,
            Failure::Deadline => return Problem::deadline(),
            Failure::Unanswered => return Problem::unavailable(),
        };
        let problem = Problem::refused(status, binding.body_name(), headers.contains_key(IF_MATCH));
        let forbidden = problem.status() == StatusCode::METHOD_NOT_ALLOWED;
        if forbidden { problem.allowing(self.routes.others(method, uri.path())) } else { problem }
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
    if let Ok(id) = HeaderValue::try_from(trace.ids.request.to_string()) {
        headers.insert("x-request-id", id);
    }
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
