//! One address of a service: the connections to it, and whether it is left alone for a while.

use std::{
    error::Error as _,
    fmt::Display,
    mem,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use h2::Reason;
use http::{
    Request, Response, StatusCode, Uri,
    uri::{Authority, Scheme},
};
use hyper::client::conn::http2::SendRequest;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code, body::Body};

use super::{
    connection::{Connections, Place, connect},
    held::{Kept, Sent},
};
use crate::clock;

/// How long an address that failed is left alone at first; each time in a row, twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// How long it is left alone at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// So many calls in a row without an answer speak of the address, not of the calls.
const OUTLIER: u32 = 5;

/// An address that a service has, or had.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) at: SocketAddr,
    /// What every address of the service is called by.
    authority: Authority,
    in_flight: AtomicUsize,
    connections: Connections,
    state: Mutex<State>,
    /// Told when the addresses may not be those of the service any more.
    doubt: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    /// Calls in a row that had no answer.
    unanswered: u32,
    /// How long the next rest is.
    pause: Duration,
    rest: Option<Rest>,
}

/// While it lasts, an address gets calls only when no other does better.
#[derive(Debug)]
struct Rest {
    until: Instant,
    /// Tries the address again.
    _revival: AbortOnDropHandle<()>,
}

/// Why a call has no answer from an address.
#[derive(Debug)]
pub(super) enum Failure {
    /// No connection could be made, so the call was not sent.
    Unreachable(Request<Body>),
    /// The connection ended before the service looked at the call; another may be made.
    Undone(Request<Body>),
    /// The connection broke under the call, which may have been done.
    Lost,
}

impl Address {
    /// An address of the service that is called `authority`; no connection is made yet.
    pub(super) fn new(at: SocketAddr, authority: Authority, doubt: Arc<Notify>) -> Self {
        let state = State { unanswered: 0, pause: FIRST_PAUSE, rest: None };
        let (in_flight, connections) = <(AtomicUsize, Connections)>::default();
        Self { at, authority, in_flight, connections, state: Mutex::new(state), doubt }
    }

    /// How many calls wait for their answer to begin.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// When it is tried again, if it is left alone.
    pub(super) fn rests_until(&self) -> Option<Instant> {
        self.state().rest.as_ref().map(|rest| rest.until)
    }

    /// Sends a call, on the connection that there is or on a new one.
    pub(super) async fn send(self: &Arc<Self>, mut request: Request<Body>) -> Result<Response<Body>, Failure> {
        let _flight = Flight::begin(&self.in_flight);
        let place = self.connections.place();
        let Some(mut connection) = self.connection(&place).await else { return Err(Failure::Unreachable(request)) };
        let mut parts = mem::take(request.uri_mut()).into_parts();
        (parts.scheme, parts.authority) = (Some(Scheme::HTTP), Some(self.authority.clone()));
        // A path at an authority always is a URI.
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        let (parts, body) = request.into_parts();
        let (kept, body) = Kept::new(body);
        match connection.send_request(Request::from_parts(parts.clone(), body)).await {
            Ok(answer) => {
                if is_of_a_proxy(&answer) {
                    self.unanswered(&"a proxy answers for it", false);
                } else {
                    self.answered();
                }
                Ok(answer.map(|body| place.keep(body)))
            }
            Err(fault) => {
                if (!kept.is_asked() || is_passed_over(&fault))
                    && let Some(body) = kept.take()
                {
                    return Err(Failure::Undone(Request::from_parts(parts, body)));
                }
                self.unanswered(&fault, connection.is_closed());
                Err(Failure::Lost)
            }
        }
    }

    /// The connection that has the place, made when there is none; nothing when that fails.
    async fn connection(self: &Arc<Self>, place: &Place) -> Option<SendRequest<Sent>> {
        // In a task, so that a caller who goes away does not take along what is learnt of the address.
        place.connection(async || tokio::spawn(Arc::clone(self).dial()).await.ok().flatten()).await
    }

    async fn dial(self: Arc<Self>) -> Option<SendRequest<Sent>> {
        match connect(self.at).await {
            Ok(connection) => {
                self.admit();
                Some(connection)
            }
            Err(fault) => {
                self.eject(&fault);
                None
            }
        }
    }

    /// Ends a rest. Another one will be longer, until a call was answered.
    fn admit(&self) {
        let mut state = self.state();
        (state.unanswered, state.rest) = (0, None);
    }

    fn answered(&self) {
        let mut state = self.state();
        // What comes late from one that is left alone does not show that it takes new calls.
        if state.rest.is_none() {
            (state.unanswered, state.pause) = (0, FIRST_PAUSE);
        }
    }

    /// A call had no answer: the cause may lie in the call or in the address, where it surely does when the connection `broke`.
    pub(super) fn unanswered(self: &Arc<Self>, cause: &dyn Display, broke: bool) {
        tracing::debug!(peer = %self.authority, address = %self.at, %cause, "a call had no answer");
        let mut state = self.state();
        state.unanswered += 1;
        if (broke || state.unanswered >= OUTLIER) && state.rest.is_none() {
            drop(state);
            self.eject(cause);
        }
    }

    /// Leaves the address alone for a while.
    fn eject(self: &Arc<Self>, cause: &dyn Display) {
        let (mut state, now) = (self.state(), Instant::now());
        let pause = clock::jitter(state.pause);
        if state.rest.is_none() {
            tracing::warn!(peer = %self.authority, address = %self.at, %cause, "an address of a service is left alone for a while");
        }
        // One that is tried during its rest, for want of a better one, does not rest longer for that.
        if state.rest.as_ref().is_none_or(|rest| rest.until <= now) {
            state.pause = (state.pause * 2).min(LONGEST_PAUSE);
        }
        let revival = tokio::spawn(revive(Arc::downgrade(self), pause));
        state.rest = Some(Rest { until: now + pause, _revival: AbortOnDropHandle::new(revival) });
        self.doubt.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tries an address again after `pause`.
async fn revive(address: Weak<Address>, pause: Duration) {
    tokio::time::sleep(pause).await;
    let Some(address) = address.upgrade() else { return };
    // In a task of its own: whoever is admitted rests no longer, and this ends with the rest.
    tokio::spawn(async move {
        // Whoever fails again is left alone again.
        if address.connection(&address.connections.place()).await.is_some() {
            address.admit();
        }
    });
}

/// Whether the service says that it did not look at the call, and that another may: it is ending, or has no room.
fn is_passed_over(fault: &hyper::Error) -> bool {
    let told = fault.source().and_then(|source| source.downcast_ref::<h2::Error>()).filter(|told| told.is_remote());
    told.is_some_and(|told| match told.reason() {
        Some(Reason::NO_ERROR) => told.is_go_away(),
        reason => reason == Some(Reason::REFUSED_STREAM),
    })
}

/// Whether something in front of the service says that it does not answer. What a service of ours says of itself comes
/// with details, and is no fault of the address: of their database all addresses say the same.
fn is_of_a_proxy<B>(answer: &Response<B>) -> bool {
    let headers = answer.headers();
    let unavailable = headers.get("grpc-status").is_some_and(|status| Code::from_bytes(status.as_bytes()) == Code::Unavailable);
    matches!(answer.status(), StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
        || (unavailable && !headers.contains_key("grpc-status-details-bin"))
}

/// A call on its way.
struct Flight<'a>(&'a AtomicUsize);

impl<'a> Flight<'a> {
    fn begin(calls: &'a AtomicUsize) -> Self {
        calls.fetch_add(1, Ordering::Relaxed);
        Self(calls)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
