//! What stands between the gateway and too much: who counts as one client, how much each may ask, and how much is
//! answered at once.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, LazyLock},
    time::Duration,
};

use http::{HeaderMap, StatusCode};
use opentelemetry::{KeyValue, global, metrics::Counter};
use spectra_mesh::{Error, Shares};
use spectra_proto::{Label, types::Reason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError};

use crate::problem::Problem;

mod limits;
mod proxies;

pub(crate) use limits::Allowance;
pub use limits::{Limits, Rates};
pub use proxies::Proxies;

/// How many calls may be on their way to the services at once. A stream is no longer on its way once it is open.
const CALLS: usize = 2_000;

/// What is not counted: whoever asks whether we live must be told, however often.
const FREE: [&str; 3] = ["/health", "/health/ready", "/grpc.health.v1.Health/Check"];

/// How many requests were refused because there were too many, and of which kind.
static EXCESS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    global::meter("spectra")
        .u64_counter("gateway.refused")
        .with_description("How many requests were refused because there were too many: of one client, or of all.")
        .build()
});

/// How the gateway is protected; by itself it believes nobody about clients, and counts none.
pub struct Protection {
    /// The requests that clients may make; any, when there are no limits.
    pub limits: Option<Limits>,
    /// Who is believed about where a request comes from.
    pub proxies: Proxies,
    /// The connections that one address may hold, other than a proxy's.
    pub connections: Option<NonZeroU32>,
    /// How long a client may take none of an answer that waits for it.
    pub stall: Duration,
}

impl Default for Protection {
    fn default() -> Self {
        Self { limits: None, proxies: Proxies::default(), connections: None, stall: Duration::from_secs(30) }
    }
}

/// The protection, at work.
pub(crate) struct Guard {
    proxies: Proxies,
    limits: Option<Arc<Limits>>,
    connections: Option<Shares<IpAddr>>,
    calls: Semaphore,
    /// How long a client may take none of an answer.
    pub(crate) stall: Duration,
}

/// Why a request is one too many.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Excess {
    /// Its client made too many.
    OfClient,
    /// There are too many of all clients.
    OfAll,
}

impl Guard {
    pub(crate) fn new(Protection { limits, proxies, connections, stall }: Protection) -> Self {
        let connections = connections.map(|most| Shares::of(most.get() as usize));
        Self { proxies, limits: limits.map(Arc::new), connections, calls: Semaphore::new(CALLS), stall }
    }

    /// Where a request comes from, which reached us from `peer`.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.proxies.client(peer, headers)
    }

    /// Counts a request for `path`, and tells what is left to its client; nothing where none are counted.
    pub(crate) async fn count(&self, path: &str, headers: &HeaderMap, client: IpAddr) -> Option<Allowance> {
        let limits = self.limits.as_ref().filter(|_| !FREE.contains(&path))?;
        Some(limits.count(headers, client).await)
    }

    /// Whether there is a place for a call. Where there is none, nothing of it is read.
    pub(crate) fn has_room(&self) -> Result<(), Excess> {
        if self.calls.available_permits() > 0 { Ok(()) } else { Err(Excess::OfAll) }
    }

    /// A place for a call, until its answer begins.
    pub(crate) fn admit(&self) -> Result<SemaphorePermit<'_>, Excess> {
        self.calls.try_acquire().map_err(|_| Excess::OfAll)
    }

    /// A place for a connection of `peer`, unless it holds too many; none is needed where none are counted.
    pub(crate) fn connect(&self, peer: IpAddr) -> Result<Option<OwnedSemaphorePermit>, TryAcquireError> {
        match &self.connections {
            // Behind a proxy there are many clients.
            Some(shares) if !self.proxies.trusts(peer) => shares.share(peer).try_acquire_owned().map(Some),
            _ => Ok(None),
        }
    }

    /// Forgets clients that may ask as if they never had, again and again; with the runtime it ends.
    pub(crate) fn keep_small(&self) {
        if let Some(limits) = &self.limits {
            tokio::spawn(Arc::clone(limits).keep_small());
        }
    }
}

impl Excess {
    /// The refusal, for HTTP.
    pub(crate) fn problem(self) -> Box<Problem> {
        self.record();
        match self {
            Self::OfClient => Problem::later(StatusCode::TOO_MANY_REQUESTS, "rate_limited", self.told()),
            Self::OfAll => Problem::later(StatusCode::SERVICE_UNAVAILABLE, Reason::Unavailable.label(), self.told()),
        }
    }

    /// The refusal, for gRPC.
    pub(crate) fn error(self) -> Error {
        self.record();
        match self {
            Self::OfClient => Error::exhausted(self.told()),
            Self::OfAll => Error::Unavailable(self.told()),
        }
    }

    const fn told(self) -> &'static str {
        match self {
            Self::OfClient => "too many requests in a second; try again in a moment",
            Self::OfAll => "too many calls are in flight; try again in a moment",
        }
    }

    fn record(self) {
        let of = match self {
            Self::OfClient => "client",
            Self::OfAll => "all",
        };
        EXCESS.add(1, &[KeyValue::new("of", of)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(connections: u32, proxies: &str) -> Guard {
        let proxies = Proxies::from_iter([proxies.parse().expect("a network")]);
        Guard::new(Protection { connections: NonZeroU32::new(connections), proxies, ..Protection::default() })
    }

    #[test]
    fn calls_have_room_again_once_others_are_answered() {
        let guard = guard(1, "10.0.0.0/8");
        let mut held: Vec<_> = (0..CALLS).map(|_| guard.admit().expect("a place")).collect();
        assert!(guard.admit().is_err());
        held.pop();
        assert!(guard.admit().is_ok());
    }

    #[test]
    fn an_address_holds_its_connections_and_a_proxy_any() {
        let guard = guard(2, "10.0.0.0/8");
        let [one, other, proxy] = ["192.0.2.1", "192.0.2.2", "10.0.0.1"].map(|address| address.parse().expect("an address"));
        let held: Vec<_> = (0..2).map(|_| guard.connect(one).expect("a place")).collect();
        assert!(guard.connect(one).is_err() && guard.connect(other).is_ok());
        drop(held);
        assert!(guard.connect(one).is_ok());
        let many: Vec<_> = (0..5).map(|_| guard.connect(proxy)).collect();
        assert!(many.iter().all(Result::is_ok));
    }
}
