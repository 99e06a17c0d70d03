//! What the gateway is told of its clients.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use clap::Args;
use ipnet::IpNet;
use spectra_gateway::{Limits, Rates};
use spectra_mesh::authority::Authority;

/// How much the gateway takes, and from whom.
#[derive(Clone, Debug, Default, Args)]
pub struct Protection {
    /// How many requests a second a client may make on average, and as many at once; any when unset.
    ///
    /// A client is whoever a valid token names; without one, an IPv4 address or an IPv6 network of 64 bits.
    #[arg(long, env = "SPECTRA_RATE_LIMIT")]
    pub rate_limit: Option<NonZeroU32>,
    /// The same for all clients of an organization together; ten times as many when unset.
    #[arg(long, env = "SPECTRA_ORGANIZATION_RATE_LIMIT")]
    pub organization_rate_limit: Option<NonZeroU32>,
    /// The networks of proxies whose `X-Forwarded-For` is believed, such as 10.0.0.0/8; nobody's when unset.
    #[arg(long, env = "SPECTRA_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// How many connections an address may hold that is no proxy's; any when unset.
    #[arg(long, env = "SPECTRA_CONNECTIONS_PER_CLIENT")]
    pub connections_per_client: Option<NonZeroU32>,
}

impl Protection {
    /// The gateway's protection; `authority` is made only where clients are told apart by their tokens.
    pub(crate) fn under(&self, authority: impl FnOnce() -> Arc<Authority>) -> spectra_gateway::Protection {
        spectra_gateway::Protection {
            limits: self.rates().map(|rates| Limits::new(authority(), rates)),
            proxies: self.trusted_proxies.iter().copied().collect(),
            connections: self.connections_per_client,
            ..spectra_gateway::Protection::default()
        }
    }

    /// The rates, where there are any.
    pub(crate) fn rates(&self) -> Option<Rates> {
        let client = self.rate_limit?;
        let tenfold = client.saturating_mul(const { NonZeroU32::new(10).expect("ten is not zero") });
        Some(Rates { client, organization: self.organization_rate_limit.unwrap_or(tenfold) })
    }

    pub(super) fn fault(&self) -> Option<String> {
        let alone = self.rate_limit.is_none() && self.organization_rate_limit.is_some();
        alone.then(|| "--organization-rate-limit says nothing without --rate-limit".to_owned())
    }
}

/// A network, or a single address.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| address.into()));
    network.map_err(|_| "a network is an address and the length of its prefix, such as 10.0.0.0/8")
}
