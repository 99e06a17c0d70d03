//! The gate: the tower layer that turns a request into a permitted one, by the policy in the contract.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::HeaderMap;
use spectra_proto::{
    Label,
    policy::{Access, MethodPolicy, POLICIES},
    types::Reason,
};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::Instrument;
use uuid::Uuid;

use crate::{Error, Shares, authority::Authority, serve::CALLS, telemetry, unbroken};

mod headers;
mod heard;
mod permit;
mod standing;
mod watched;

pub use headers::request_id;
pub use permit::{Caller, Permit};
pub(crate) use standing::Standing;

use headers::{REQUEST_ID, identify};
use heard::{Heard, SILENCE};
use watched::Watched;

/// When a write is given up that neither its deadline nor the database's limits have ended. One that takes a stream lasts as
/// long as its caller sends and is believed.
const LONGEST_WRITE: Duration = Duration::from_secs(30);

/// Health and reflection are open: they tell nothing of any organization.
const OPEN: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];

/// How many calls of an organization may be in flight: half of what one connection carries, so that on one that all share
/// the others find room.
const CALLS_OF_ONE: usize = CALLS as usize / 2;

/// The layer.
#[derive(Clone)]
pub struct Gate {
    authority: Arc<Authority>,
    /// The calls in flight.
    calls: Arc<Shares<Uuid>>,
}

impl Gate {
    /// The gate of a service.
    #[must_use]
    pub fn new(authority: Arc<Authority>) -> Self {
        Self { authority, calls: Arc::new(Shares::of(CALLS_OF_ONE)) }
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { gate: self.clone(), inner }
    }
}

/// A service behind the gate.
#[derive(Clone)]
pub struct Gated<S> {
    gate: Gate,
    inner: S,
}

type Answer = Result<http::Response<Body>, Infallible>;

impl<S> Service<http::Request<Body>> for Gated<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        // The inner service that was polled ready is the one to call; its clone waits for the next.
        let next = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, next);
        let gate = self.gate.clone();
        if OPEN.iter().any(|open| request.uri().path().starts_with(open)) {
            let mut inner = inner;
            return Box::pin(inner.call(request));
        }
        let Some((method, policy)) = POLICIES.get_key_value(request.uri().path()) else {
            let unknown = Status::from(Error::Unimplemented);
            return Box::pin(std::future::ready(Ok(unknown.into_http())));
        };
        // From here on a call has one id, for its logs, its audit rows, its peers and its caller.
        let id = identify(request.headers_mut());
        let span = telemetry::span(method, request.headers());
        let call = async move {
            let mut answer = telemetry::measured(method, pass(gate, inner, request, method, policy)).await?;
            answer.headers_mut().insert(REQUEST_ID, id);
            Ok(answer)
        };
        Box::pin(call.instrument(span))
    }
}

/// Lets a request through with its permit, or answers why not.
async fn pass<S>(
    Gate { authority, calls }: Gate,
    mut inner: S,
    mut request: http::Request<Body>,
    method: &'static str,
    policy: &MethodPolicy,
) -> Answer
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    let (mut standing, mut place) = (None, None);
    if policy.policy.access() == Access::Org {
        match admit(&authority, request.headers(), method, policy).await {
            Ok(permit) => {
                let org = permit.caller().org;
                tracing::Span::current().record("org", tracing::field::display(org));
                let Ok(taken) = calls.share(org).try_acquire_owned() else {
                    let busy = Error::exhausted("the organization has too many calls in flight; try again in a moment");
                    return Ok(Status::from(busy).into_http());
                };
                place = Some(taken);
                if policy.client_streaming || policy.server_streaming {
                    let finite = policy.gives_file || !policy.server_streaming;
                    standing = Some(Standing::new(authority, permit.caller().clone(), finite));
                }
                request.extensions_mut().insert(permit);
            }
            Err(error) => return Ok(Status::from(error).into_http()),
        }
    }
    if policy.client_streaming {
        request = followed(request, standing.clone());
    }
    let listener = standing.filter(|_| policy.server_streaming);
    let inner = async move {
        let answer = explained(inner.call(request).await?);
        // A stream that is open takes nothing that others wait for.
        drop(place);
        Ok(match listener {
            Some(standing) => answer.map(|body| Body::new(Watched::answer(body, standing))),
            None => answer,
        })
    };
    if policy.reads {
        return inner.await;
    }
    // A write runs to its end even when the client goes away: what was begun is committed or undone
    // by us, never by chance.
    let longest = if policy.client_streaming { Duration::MAX } else { LONGEST_WRITE };
    let work = tokio::time::timeout(longest, inner);
    match tokio::spawn(work.in_current_span()).await {
        Ok(Ok(answer)) => answer,
        // Its request never came to an end.
        Ok(Err(_)) => Ok(Status::from(Error::Deadline).into_http()),
        Err(fault) => Ok(Status::from(Error::broken(fault)).into_http()),
    }
}

/// A stream of a caller that ends when they break it off, fall silent or lose their standing, which goes with it.
fn followed(request: http::Request<Body>, standing: Option<Standing>) -> http::Request<Body> {
    let mut request = unbroken(request).map(|body| Body::new(Heard::new(body, SILENCE)));
    if let Some(standing) = standing {
        request.extensions_mut().insert(standing.clone());
        request = request.map(|body| Body::new(Watched::request(body, standing)));
    }
    request
}

/// Says in our words what the codec refused in its own: those speak of the inside, and give no reason.
fn explained(answer: http::Response<Body>) -> http::Response<Body> {
    let headers = answer.headers();
    let code = headers.get("grpc-status").map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()));
    let unread = match code {
        _ if headers.contains_key("grpc-status-details-bin") => return answer,
        Code::Internal => "the message does not read as the method's request",
        Code::OutOfRange => "the message is larger than 4 MiB",
        _ => return answer,
    };
    Status::from(Error::Malformed(unread)).into_http()
}

/// Holds a call against its policy. Role and scope are judged before anything is looked up, so
/// that the answer does not depend on what exists.
async fn admit(authority: &Authority, headers: &HeaderMap, method: &'static str, policy: &MethodPolicy) -> Result<Permit, Error> {
    let caller = authority.caller(headers).await?;
    if caller.role < policy.policy.role() {
        return Err(Error::Denied {
            reason: Reason::RoleRequired,
            lacking: ("required_role", policy.policy.role().label().to_owned()),
            message: format!("this needs the role {} or higher; yours is {}", policy.policy.role().label(), caller.role.label()),
        });
    }
    if !caller.scopes.contains(&policy.policy.scope) {
        return Err(Error::Denied {
            reason: Reason::ScopeRequired,
            lacking: ("required_scope", policy.policy.scope.clone()),
            message: format!("this needs a token with the scope {}", policy.policy.scope),
        });
    }
    if policy.policy.sensitive && !authority.revocations().fresh() {
        return Err(Error::Unavailable("sign-outs are not known for certain just now; try again in a moment"));
    }
    Permit::new(caller, method, headers, policy.policy.idempotent)
}
