//! HTTP and JSON in front of the mesh, read from its contracts.
//!
//! At start the routes are made from the `google.api.http` options of every method; no line here names one. A
//! request then finds its route, becomes the wire bytes of the method's message, and is answered by the service that
//! owns the method; the bytes of the answer, or of each message of a stream, become JSON, or a file. Calls that are gRPC or
//! gRPC-Web already are handed on as they are, and those of the Connect protocol without their envelope.

use std::{io, num::NonZeroUsize, panic::resume_unwind, sync::Arc, thread};

use bytes::Bytes;
use prost_reflect::DescriptorPool;
use spectra_mesh::Peer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

mod access_log;
mod again;
mod answer;
mod body;
mod call;
mod compress;
mod connect;
mod contract;
mod deadline;
mod download;
mod events;
mod exchange;
#[cfg(test)]
mod fixture;
mod front;
mod grpc;
mod guard;
mod health;
mod listen;
mod media;
mod openapi;
mod percent;
mod problem;
mod query;
mod request;
mod respond;
mod routes;
mod trace;
pub mod transcode;
mod upload;

pub use contract::Unfit;
pub use guard::{Limits, Protection, Proxies, Rates};

use crate::{front::Front, grpc::Door, guard::Guard, openapi::page::Describe, transcode::Plans};

/// The product's contract as an OpenAPI document.
#[must_use]
pub fn openapi() -> Vec<u8> {
    openapi::document(&spectra_proto::commented())
}

/// The front of the mesh, ready to serve.
pub struct Gateway(Front);

impl Gateway {
    /// The gateway of the product's contract. `peers` names the service that owns each package, such as
    /// `spectra.lims.v1`. Refused when two routes take the same requests, or one does not fit its method.
    pub fn new(peers: &[(&str, Peer)]) -> Result<Self, Unfit> {
        let encoded = Bytes::from_static(spectra_proto::BARE);
        apart(|| Self::described(&spectra_proto::bare(), encoded, peers, Box::new(|| apart(openapi))))
    }

    /// The gateway of any contract.
    pub fn of(pool: &DescriptorPool, peers: &[(&str, Peer)]) -> Result<Self, Unfit> {
        let described = pool.clone();
        Self::described(pool, pool.encode_to_vec().into(), peers, Box::new(move || openapi::document(&described)))
    }

    /// Makes plans and routes of a pool, which they do not hold. `encoded` is the same, for reflection.
    fn described(pool: &DescriptorPool, encoded: Bytes, peers: &[(&str, Peer)], describe: Describe) -> Result<Self, Unfit> {
        let plans = Arc::new(Plans::new(pool));
        let routes = contract::routes(pool, &plans, peers, describe)?;
        let prefixes = contract::prefixes(&routes);
        let mut services: Vec<Peer> = peers.iter().map(|(_, peer)| peer.clone()).collect();
        services.sort_by_key(Peer::name);
        services.dedup_by_key(|peer| peer.name());
        let grpc = Door::new(pool, encoded, peers, &routes);
        let guard = Guard::new(Protection::default());
        Ok(Self(Front { guard, plans, routes, grpc, peers: services, prefixes }))
    }

    /// The same gateway under this protection.
    #[must_use]
    pub fn protected(mut self, protection: Protection) -> Self {
        self.0.guard = Guard::new(protection);
        self
    }

    /// Serves on all listeners until `stop`, then lets the requests in flight end, for twenty seconds at most.
    pub async fn serve(self, listeners: Vec<TcpListener>, stop: CancellationToken) {
        listen::serve_here(self.0, listeners, stop).await;
    }

    /// The same, on threads of its own, one a core. Fails when there can be none.
    pub async fn serve_on_all_cores(self, listeners: Vec<TcpListener>, stop: CancellationToken) -> io::Result<()> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        listen::serve_on(cores, self.0, listeners, stop).await
    }
}

/// Makes something on a thread of its own. What that takes for a moment is more than what stays, and the allocator keeps it for the thread
/// that took it: this one ends.
fn apart<T: Send>(make: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(make).join()).unwrap_or_else(|panic| resume_unwind(panic))
}
