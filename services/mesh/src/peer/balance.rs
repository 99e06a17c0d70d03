//! The addresses of a service, and which of them gets a call.
//!
//! tonic's own balance keeps an address that died among the ready ones, and does not tell a call that nobody looked at from
//! one that may have been done.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response, uri::Authority};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, body::Body};

use super::{
    address::{Address, Failure},
    channel::Unanswered,
    lookup,
};
use crate::{Error, deadline};

/// How many calls to one service may wait for their answer to begin.
const ROOM: usize = 1_000;

/// How long a service that is told a deadline may exceed it: its own word for that is better than ours.
const LEEWAY: Duration = Duration::from_millis(50);

/// All addresses of a service.
#[derive(Debug)]
pub(super) struct Balance {
    authority: Authority,
    /// Nothing until they are looked up for the first time.
    known: watch::Sender<Option<Known>>,
    room: Semaphore,
    /// Counts choices, so that every pair of addresses has its turn.
    turn: AtomicUsize,
    /// Told when the addresses may not be those of the service any more.
    doubt: Arc<Notify>,
    /// Looks the addresses up, for as long as anyone may call them.
    lookup: OnceLock<AbortOnDropHandle<()>>,
}

type Known = Arc<[Arc<Address>]>;

impl Balance {
    /// A service at one address for ever.
    pub(super) fn fixed(authority: Authority, address: SocketAddr) -> Arc<Self> {
        let balance = Self::new(authority);
        balance.update(vec![address]);
        Arc::new(balance)
    }

    /// A service at the addresses that `lookup` finds.
    pub(super) fn followed<L, F>(authority: Authority, lookup: L) -> Arc<Self>
    where
        L: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        let balance = Arc::new(Self::new(authority));
        let following = tokio::spawn(lookup::follow(Arc::downgrade(&balance), Arc::clone(&balance.doubt), lookup));
        // Set once, here.
        _ = balance.lookup.set(AbortOnDropHandle::new(following));
        balance
    }

    fn new(authority: Authority) -> Self {
        let (known, room, turn) = (watch::Sender::new(None), Semaphore::new(ROOM), AtomicUsize::new(0));
        Self { authority, known, room, turn, doubt: Arc::default(), lookup: OnceLock::new() }
    }

    /// What the service is called.
    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// How many calls wait for their answer to begin.
    pub(super) fn in_flight(&self) -> usize {
        ROOM - self.room.available_permits()
    }

    /// Takes `found` for the addresses. Those that stay keep their connections; those that go end when their calls have.
    pub(super) fn update(&self, mut found: Vec<SocketAddr>) {
        found.sort_unstable();
        found.dedup();
        self.known.send_modify(|known| {
            let before = known.take().unwrap_or_default();
            let address = |at: SocketAddr| {
                let kept = before.iter().find(|address| address.at == at).cloned();
                kept.unwrap_or_else(|| Arc::new(Address::new(at, self.authority.clone(), Arc::clone(&self.doubt))))
            };
            *known = Some(found.into_iter().map(address).collect());
        });
    }

    /// The lookup failed: whoever is known stays.
    pub(super) fn keep(&self) {
        self.known.send_modify(|known| *known = Some(known.take().unwrap_or_default()));
    }

    /// All addresses, as soon as they are looked up.
    pub(super) async fn addresses(&self) -> Known {
        let known = self.known.borrow().clone();
        let known = match known {
            Some(known) => known,
            // The sender is ours, and outlives the wait.
            None => self.known.subscribe().wait_for(Option::is_some).await.ok().and_then(|known| known.clone()).unwrap_or_default(),
        };
        if known.is_empty() {
            self.doubt.notify_one();
        }
        known
    }

    /// Answers a call.
    pub(super) async fn call(&self, request: Request<Body>) -> Result<Response<Body>, Unanswered> {
        let mut last = None;
        // Without a time it is a stream, which the service bounds: an upload takes as long as it comes.
        let Some(time) = deadline::told(request.headers()) else { return self.send(request, &mut last).await };
        // Refused before it waits: a slow service must not fill the process with calls to it.
        let Ok(_place) = self.room.try_acquire() else {
            return Ok(Status::from(Error::Unavailable("the service is busy; try again in a moment")).into_http());
        };
        let sent = self.send(request, &mut last);
        match tokio::time::timeout(time + LEEWAY, sent).await {
            Ok(answered) => answered,
            Err(late) => {
                if let Some(address) = last {
                    address.unanswered(&late, false);
                }
                Ok(Status::from(Error::Deadline).into_http())
            }
        }
    }

    /// Sends a call, again and again until a service looked at it. `last` is where it went.
    async fn send(&self, mut request: Request<Body>, last: &mut Option<Arc<Address>>) -> Result<Response<Body>, Unanswered> {
        let addresses = self.addresses().await;
        let mut unreachable = false;
        // At each address once, with room for connections that end just then.
        for _ in 0..addresses.len() + 2 {
            let Some(address) = self.choose(&addresses, unreachable) else { break };
            match last.insert(address).send(request).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Unreachable(unsent)) => (request, unreachable) = (unsent, true),
                Err(Failure::Undone(undone)) => request = undone,
                Err(Failure::Lost) => return Err(Unanswered::new()),
            }
        }
        Err(Unanswered::new())
    }

    /// The less busy of two addresses, which turn by turn are any two. When all are left alone, the one that is tried again
    /// first, unless that was in vain already.
    fn choose(&self, addresses: &[Arc<Address>], in_vain: bool) -> Option<Arc<Address>> {
        let fit: Vec<_> = addresses.iter().filter(|address| address.rests_until().is_none()).collect();
        let chosen = match *fit.as_slice() {
            [] if in_vain => return None,
            [] => addresses.iter().min_by_key(|address| address.rests_until())?,
            [only] => only,
            ref many => {
                let (turn, count) = (self.turn.fetch_add(1, Ordering::Relaxed), many.len());
                let one = turn % count;
                let other = (one + 1 + turn / count % (count - 1)) % count;
                if many[other].in_flight() < many[one].in_flight() { many[other] } else { many[one] }
            }
        };
        Some(Arc::clone(chosen))
    }
}
