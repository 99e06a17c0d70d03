//! A method, as calls that are gRPC already see it.

use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use prost_reflect::MethodDescriptor;
use spectra_mesh::{
    Error, Peer,
    deadline::{self, HOP},
};
use spectra_proto::{
    policy::{Access, method_policy},
    types::Reason,
};
use tonic::{Code, Status, body::Body};
use tower::ServiceExt;

use crate::{
    again::Again,
    body::LIMIT,
    call::{self, Failure, LARGEST_ANSWER},
    guard::{Excess, Guard},
};

/// What stands before a message.
const PREFIX: usize = 5;

/// A method, and who serves it.
#[derive(Debug)]
pub(super) struct Method {
    peer: Peer,
    /// Whether it takes one message and answers with one.
    unary: bool,
    /// Whether anyone may call it.
    public: bool,
    /// When it may be called again although it may have been done.
    pub(super) again: Arc<Again>,
}

impl Method {
    /// A method that `peer` serves, and its path.
    pub(super) fn read(method: &MethodDescriptor, peer: Peer) -> (String, Self) {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let unary = !method.is_client_streaming() && !method.is_server_streaming();
        let public = method_policy(method).unwrap_or_default().access() == Access::Public;
        (path, Self { peer, unary, public, again: Arc::new(Again::of(method)) })
    }

    /// Hands a call on. A stream lasts as long as its ends wish.
    pub(super) async fn call(&self, request: Request<Body>, guard: &Guard) -> Response<Body> {
        let answered = if call::is_nameless(self.public, request.headers()) {
            Err(Error::Unauthenticated(Reason::Unauthenticated, "a bearer token is needed"))
        } else if self.unary {
            self.unary(request, guard).await
        } else {
            self.open(request, guard).await.map_err(Error::from)
        };
        answered.unwrap_or_else(|error| Status::from(error).into_http())
    }

    /// Opens a stream.
    async fn open(&self, request: Request<Body>, guard: &Guard) -> Result<Response<Body>, Failure> {
        let _place = guard.admit().map_err(excess)?;
        self.send(request).await
    }

    /// Makes a unary call in its time; once more when nobody answered and it does no harm. For that its message is held.
    async fn unary(&self, request: Request<Body>, guard: &Guard) -> Result<Response<Body>, Error> {
        let time = deadline::asked(request.headers());
        let (parts, body) = request.into_parts();
        if !self.again.allows(&parts.headers) {
            return Ok(self.once(Request::from_parts(parts, body), time, guard).await?);
        }
        let begun = Instant::now();
        let read = Limited::new(body, LIMIT + PREFIX).collect();
        let message = tokio::time::timeout(time, read).await.map_err(|_| Error::Deadline)?.map_err(|fault| unread(&*fault))?.to_bytes();
        let once = |time| self.once(Request::from_parts(parts.clone(), Body::new(Full::new(message.clone()))), time, guard);
        Ok(self.again.call(true, time.saturating_sub(begun.elapsed()), once).await?)
    }

    /// Makes a unary call within `time`, of which the service has a hop less.
    async fn once(&self, mut request: Request<Body>, time: Duration, guard: &Guard) -> Result<Response<Body>, Failure> {
        // Only now, so that nobody holds a place by sending slowly.
        let _place = guard.admit().map_err(excess)?;
        let given = time.saturating_sub(HOP);
        if given.is_zero() {
            return Err(Failure::Deadline);
        }
        deadline::tell(request.headers_mut(), given);
        let begun = Instant::now();
        let whole = async {
            let (parts, body) = self.send(request).await?.into_parts();
            // An error is all in the headers, and ends with them.
            if let Some(code) = parts.headers.get("grpc-status") {
                // Whoever notices first that the time is up says it in one of these words.
                let late = matches!(Code::from_bytes(code.as_bytes()), Code::Cancelled | Code::DeadlineExceeded);
                let answer = Response::from_parts(parts, Body::empty());
                return if late && begun.elapsed() >= given { Err(Failure::Deadline) } else { Ok(answer) };
            }
            let whole = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(|fault| self.unanswered(&fault))?;
            Ok(Response::from_parts(parts, Body::new(whole)))
        };
        tokio::time::timeout(time, whole).await.unwrap_or(Err(Failure::Deadline))
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        self.peer.channel().oneshot(request).await.map_err(|fault| self.unanswered(&fault))
    }

    fn unanswered(&self, fault: &dyn Display) -> Failure {
        tracing::warn!(peer = self.peer.name(), %fault, "a service does not answer");
        Failure::Unanswered
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(status) => Self::Peer(status),
            Failure::Deadline => Self::Deadline,
            Failure::Unanswered => Self::Unavailable("the service does not answer; try again in a moment"),
        }
    }
}

/// There is no room for the call.
fn excess(excess: Excess) -> Failure {
    Failure::Refused(Box::new(excess.error().into()))
}

/// Why a message could not be held.
fn unread(fault: &(dyn std::error::Error + Send + Sync + 'static)) -> Error {
    let too_large = fault.is::<LengthLimitError>();
    Error::Malformed(if too_large { "the message is larger than 4 MiB" } else { "the body ended before its end" })
}
