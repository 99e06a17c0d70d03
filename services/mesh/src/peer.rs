//! Another service of the mesh, at as many addresses as its name has. The one place that names connections between services.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use http::{
    Uri,
    uri::{Authority, Scheme},
};
use tokio::{net::lookup_host, task::JoinSet};
use tonic::{Code, Request, Status};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{Error, Permit};

mod address;
mod ahead;
mod balance;
mod channel;
mod connection;
mod corked;
mod held;
mod lookup;

pub use channel::{Channel, Unanswered};

use balance::Balance;
use channel::Direct;

/// A service of the mesh. Connections are made when they are first needed and again when they are lost; calls are spread
/// over all addresses that answer.
#[derive(Clone, Debug)]
pub struct Peer {
    name: &'static str,
    balance: Arc<Balance>,
}

impl Peer {
    /// The service `name` at `url`, whose host is an address, or a name that is looked up now and then.
    pub fn at(name: &'static str, url: &str) -> Result<Self, Error> {
        let authority = authority(url)?;
        let port = authority.port_u16().unwrap_or(80);
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if let Ok(ip) = host.parse() {
            return Ok(Self { name, balance: Balance::fixed(authority, SocketAddr::new(ip, port)) });
        }
        Self::of(name, url, move || {
            let host = host.clone();
            async move { Ok(lookup_host((host, port)).await?.collect()) }
        })
    }

    /// The service `name` at the addresses that `lookup` finds now and then; `url` is what they are all called.
    pub fn of<L, F>(name: &'static str, url: &str, lookup: L) -> Result<Self, Error>
    where
        L: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Ok(Self { name, balance: Balance::followed(authority(url)?, lookup) })
    }

    /// The channel for a generated client.
    #[must_use]
    pub fn channel(&self) -> Channel {
        Channel(Arc::clone(&self.balance))
    }

    /// The name of the service, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many calls wait for their answer to begin.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.balance.in_flight()
    }

    /// Whether the service says that it is well, at any of its addresses, within a second.
    pub async fn well(&self) -> bool {
        let well = async {
            let mut asked: JoinSet<_> = self.balance.addresses().await.iter().cloned().map(|address| serves(Direct(address))).collect();
            while let Some(answered) = asked.join_next().await {
                if matches!(answered, Ok(true)) {
                    return true;
                }
            }
            false
        };
        tokio::time::timeout(Duration::from_secs(1), well).await.unwrap_or(false)
    }

    /// A request in the name of whoever made the call that `permit` is for: the same token, request
    /// id and trace, and half of the time that is left; the other half is for what the answer is needed for.
    pub fn ask<T>(permit: &Permit, message: T) -> Request<T> {
        let mut request = Request::new(message);
        permit.pass_on(request.metadata_mut());
        request.set_timeout(permit.remaining() / 2);
        request
    }

    /// What a peer's refusal means to our own caller. `missing` is what the call asked for.
    #[must_use]
    pub fn explain(&self, status: Status, missing: &'static str) -> Error {
        match status.code() {
            Code::NotFound => Error::not_found(missing),
            // Said of the caller, and as true here as there.
            Code::Unauthenticated | Code::PermissionDenied | Code::InvalidArgument => Error::Peer(Box::new(status)),
            Code::DeadlineExceeded | Code::Cancelled => Error::Deadline,
            Code::Unavailable | Code::ResourceExhausted | Code::Aborted => {
                tracing::warn!(peer = self.name, %status, "a peer does not answer");
                Error::Unavailable("another service of the mesh does not answer; try again in a moment")
            }
            _ => Error::broken(format!("{} answered {status}", self.name)),
        }
    }
}

/// Whether the service at one address says that it is well.
async fn serves(address: Direct) -> bool {
    let answer = HealthClient::new(address).check(HealthCheckRequest::default()).await;
    answer.is_ok_and(|answer| answer.get_ref().status() == ServingStatus::Serving)
}

/// The host and port of a URL.
fn authority(url: &str) -> Result<Authority, Error> {
    let parts = url.parse::<Uri>().map_err(Error::broken)?.into_parts();
    let plain = parts.scheme.is_some_and(|scheme| scheme == Scheme::HTTP);
    parts.authority.filter(|_| plain).ok_or_else(|| Error::broken(format!("a service is at http://HOST:PORT, not at {url}")))
}

#[cfg(test)]
mod tests;
