//! The gate: the tower layer that turns a request into a permitted one, by the policy in the contract.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue};
use spectra_proto::{
    Label,
    policy::{Access, MethodPolicy, POLICIES},
    types::{Reason, UserRole},
};
use tonic::{Status, body::Body, metadata::MetadataMap};
use tower::{Layer, Service};
use tracing::Instrument;
use uuid::Uuid;

use crate::{Error, authority::Authority, deadline, new_id, telemetry, token::Claims};

/// The header that carries the id of a request, in and out.
const REQUEST_ID: &str = "x-request-id";

/// When a write is given up that neither its deadline nor the database's limits have ended.
const LONGEST_WRITE: Duration = Duration::from_secs(30);

/// Health and reflection are open: they tell nothing of any organization.
const OPEN: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The organization.
    pub org: Uuid,
    /// The user.
    pub user: Uuid,
    /// The session.
    pub session: Uuid,
    /// The role in the organization.
    pub role: UserRole,
    /// What the token may be used for.
    pub scopes: Arc<[String]>,
    token: Arc<str>,
}

impl Caller {
    pub(crate) fn of(claims: &Claims, token: &str) -> Self {
        Self {
            org: claims.org,
            user: claims.sub,
            session: claims.sid,
            role: claims.role.0,
            scopes: claims.scopes().map(str::to_owned).collect(),
            token: token.into(),
        }
    }
}

/// Proof that the gate let this caller make this call. Only the gate makes one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Permit {
    caller: Caller,
    method: &'static str,
    request_id: Uuid,
    idempotency_key: Option<Arc<str>>,
    reason: Option<Arc<str>>,
    if_match: Option<IfMatch>,
    trace: Option<HeaderValue>,
    deadline: Instant,
}

/// Which revisions a change is meant for.
#[derive(Clone, Debug)]
enum IfMatch {
    Any,
    Revisions(Arc<[i32]>),
}

impl Permit {
    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The method's path, as the contract has it.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// The id of the request, which logs, audit and errors name.
    #[must_use]
    pub fn request_id(&self) -> Uuid {
        self.request_id
    }

    /// The key under which the answer is remembered.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// Why the caller makes the change, in their words.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// How much time is left.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Refuses a change that was meant for another revision than the one there is.
    pub(crate) fn meets(&self, revision: i32) -> bool {
        match &self.if_match {
            None | Some(IfMatch::Any) => true,
            Some(IfMatch::Revisions(revisions)) => revisions.contains(&revision),
        }
    }

    /// Puts who asks, and in which course of events, on a call to a peer.
    pub(crate) fn pass_on(&self, metadata: &mut MetadataMap) {
        if let Ok(token) = format!("Bearer {}", self.caller.token).parse() {
            metadata.insert("authorization", token);
        }
        if let Ok(id) = self.request_id.to_string().parse() {
            metadata.insert("x-request-id", id);
        }
        if let Some(trace) = telemetry::current_trace().or_else(|| self.trace.clone())
            && let Ok(trace) = trace.to_str().unwrap_or_default().parse()
        {
            metadata.insert("traceparent", trace);
        }
    }
}

/// The layer.
#[derive(Clone)]
pub struct Gate(pub Arc<Authority>);

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { authority: Arc::clone(&self.0), inner }
    }
}

/// A service behind the gate.
#[derive(Clone)]
pub struct Gated<S> {
    authority: Arc<Authority>,
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
        let authority = Arc::clone(&self.authority);
        if OPEN.iter().any(|open| request.uri().path().starts_with(open)) {
            let mut inner = inner;
            return Box::pin(inner.call(request));
        }
        let Some((method, policy)) = POLICIES.get_key_value(request.uri().path()) else {
            let unknown = Status::from(Error::Unimplemented);
            return Box::pin(std::future::ready(Ok(unknown.into_http())));
        };
        // From here on a call has one id, for its logs, its audit rows, its peers and its caller.
        let id = name(request.headers_mut());
        let span = telemetry::span(method, request.headers());
        let call = async move {
            let mut answer = telemetry::measured(method, pass(authority, inner, request, method, policy)).await?;
            answer.headers_mut().insert(REQUEST_ID, id);
            Ok(answer)
        };
        Box::pin(call.instrument(span))
    }
}

/// Lets a request through with its permit, or answers why not.
async fn pass<S>(
    authority: Arc<Authority>,
    mut inner: S,
    mut request: http::Request<Body>,
    method: &'static str,
    policy: &MethodPolicy,
) -> Answer
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    if policy.policy.access() == Access::Org {
        match admit(&authority, request.headers(), method, policy).await {
            Ok(permit) => {
                tracing::Span::current().record("org", tracing::field::display(permit.caller.org));
                request.extensions_mut().insert(permit);
            }
            Err(error) => return Ok(Status::from(error).into_http()),
        }
    }
    if policy.reads {
        return inner.call(request).await;
    }
    // A write runs to its end even when the client goes away: what was begun is committed or undone
    // by us, never by chance.
    let work = tokio::time::timeout(LONGEST_WRITE, inner.call(request));
    match tokio::spawn(work.in_current_span()).await {
        Ok(Ok(answer)) => answer,
        // Its request never came to an end.
        Ok(Err(_)) => Ok(Status::from(Error::Deadline).into_http()),
        Err(fault) => Ok(Status::from(Error::broken(fault)).into_http()),
    }
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
    let idempotency_key = match text(headers, "idempotency-key", 255)? {
        Some(key) if policy.policy.idempotent && !key.trim().is_empty() => Some(key.into()),
        _ => None,
    };
    Ok(Permit {
        caller,
        method,
        request_id: request_id(headers),
        idempotency_key,
        reason: text(headers, "x-change-reason", 1000)?.map(Into::into),
        if_match: if_match(headers),
        trace: headers.get("traceparent").cloned(),
        deadline: Instant::now() + deadline::asked(headers),
    })
}

/// Gives a call its id: the one it came with when that is a UUID, else a new one.
fn name(headers: &mut HeaderMap) -> HeaderValue {
    let id = HeaderValue::try_from(request_id(headers).to_string()).unwrap_or_else(|_| HeaderValue::from_static(""));
    headers.insert(REQUEST_ID, id.clone());
    id
}

/// The request's id: the one it came with when that is a UUID, else a new one.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> Uuid {
    let given = headers.get(REQUEST_ID).and_then(|id| Uuid::try_parse_ascii(id.as_bytes()).ok());
    given.unwrap_or_else(new_id)
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str, longest: usize) -> Result<Option<&'a str>, Error> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    match value.to_str() {
        Ok(value) if value.len() <= longest => Ok(Some(value)),
        _ => Err(Error::invalid(name, format!("must be at most {longest} printable ASCII characters"))),
    }
}

/// Reads `If-Match`: revisions in quotes. A weak or foreign tag meets no revision.
fn if_match(headers: &HeaderMap) -> Option<IfMatch> {
    let tags = headers.get("if-match")?.to_str().unwrap_or_default();
    if tags.trim() == "*" {
        return Some(IfMatch::Any);
    }
    let revision = |tag: &str| tag.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    Some(IfMatch::Revisions(tags.split(',').filter_map(revision).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        [(http::HeaderName::from_static(name), value)].into_iter().collect()
    }

    #[test]
    fn if_match_names_revisions() {
        let meets = |tags: &str, revision: i32| match if_match(&headers("if-match", tags)) {
            Some(IfMatch::Revisions(revisions)) => revisions.contains(&revision),
            Some(IfMatch::Any) => true,
            None => false,
        };
        assert!(meets("\"3\"", 3) && meets("\"1\", \"3\"", 3) && meets("*", 3));
        assert!(!meets("W/\"3\"", 3) && !meets("3", 3) && !meets("\"4\"", 3) && !meets("", 3));
    }
}
