//! What the gate lets a call do, and in whose name.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue};
use spectra_proto::types::UserRole;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

use super::headers::{IfMatch, REQUEST_ID, request_id, text};
use crate::{Error, deadline, telemetry, token::Claims};

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
    token: Token,
}

/// The token that a caller came with; it is never printed.
#[derive(Clone)]
struct Token(Arc<str>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Caller {
    /// The token that the caller came with.
    pub(crate) fn token(&self) -> &str {
        &self.token.0
    }

    pub(crate) fn of(claims: &Claims, token: &str) -> Self {
        Self {
            org: claims.org,
            user: claims.sub,
            session: claims.sid,
            role: claims.role.0,
            scopes: claims.scopes().map(str::to_owned).collect(),
            token: Token(token.into()),
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
    if_match: IfMatch,
    trace: Option<HeaderValue>,
    deadline: Instant,
}

impl Permit {
    /// Reads what the headers ask for besides what the policy has let through.
    pub(super) fn new(caller: Caller, method: &'static str, headers: &HeaderMap, idempotent: bool) -> Result<Self, Error> {
        let idempotency_key = match text(headers, "idempotency-key", 255)? {
            // A client whose key is lost must not believe itself safe.
            Some(key) if key.trim().is_empty() => return Err(Error::invalid("idempotency-key", "must not be blank")),
            key => key.filter(|_| idempotent).map(Into::into),
        };
        Ok(Self {
            caller,
            method,
            request_id: request_id(headers),
            idempotency_key,
            reason: text(headers, "x-change-reason", 1000)?.map(Into::into),
            if_match: IfMatch::of(headers),
            trace: headers.get("traceparent").cloned(),
            deadline: Instant::now() + deadline::asked(headers),
        })
    }

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

    /// The same for a stream, which outlives the time that its call was given: as much as a call has at most.
    #[must_use]
    pub(crate) fn renewed(&self) -> Self {
        Self { deadline: Instant::now() + deadline::LONGEST, ..self.clone() }
    }

    /// How much time is left.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether a change of the resource at this revision is what the caller meant.
    pub(crate) fn meets(&self, revision: i32) -> bool {
        self.if_match.meets(revision)
    }

    /// Puts who asks, and in which course of events, on a call to a peer.
    pub(crate) fn pass_on(&self, metadata: &mut MetadataMap) {
        if let Ok(token) = format!("Bearer {}", self.caller.token()).parse() {
            metadata.insert("authorization", token);
        }
        if let Ok(id) = self.request_id.to_string().parse() {
            metadata.insert(REQUEST_ID, id);
        }
        if let Some(trace) = telemetry::current_trace().or_else(|| self.trace.clone())
            && let Ok(trace) = trace.to_str().unwrap_or_default().parse()
        {
            metadata.insert("traceparent", trace);
        }
    }
}
