//! How many requests a second each client may make, and each organization.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use governor::{Quota, RateLimiter, clock::MonotonicClock, middleware::StateInformationMiddleware, state::keyed::HashMapStateStore};
use http::{HeaderMap, HeaderName, HeaderValue};
use spectra_mesh::authority::Authority;
use uuid::Uuid;

/// After how many seconds an allowance that is spent is whole again: what is allowed in a second is allowed at once, too.
const WINDOW: u64 = 1;

/// How many requests may be made a second on average, and as many at once.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// By one client.
    pub client: NonZeroU32,
    /// By all clients of an organization together.
    pub organization: NonZeroU32,
}

/// Who is one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    /// A person whose token is believed.
    User(Uuid),
    /// Anyone else, by where they are. Of IPv6 that is the network: whoever has one has all of its addresses.
    At(IpAddr),
}

impl Client {
    fn at(address: IpAddr) -> Self {
        Self::At(match address {
            IpAddr::V6(whole) => IpAddr::V6(Ipv6Addr::from_bits(whole.to_bits() & (u128::MAX << 64))),
            IpAddr::V4(_) => address,
        })
    }
}

type Buckets<K> = RateLimiter<K, HashMapStateStore<K>, MonotonicClock, StateInformationMiddleware>;

/// The allowances of all clients and organizations.
pub struct Limits {
    authority: Arc<Authority>,
    rates: Rates,
    clients: Buckets<Client>,
    organizations: Buckets<Uuid>,
}

/// What a client may still ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    limit: NonZeroU32,
    remaining: u32,
    exceeded: bool,
}

impl Limits {
    /// Limits at these rates, to clients that `authority` tells apart.
    #[must_use]
    pub fn new(authority: Arc<Authority>, rates: Rates) -> Self {
        Self { authority, rates, clients: buckets(rates.client), organizations: buckets(rates.organization) }
    }

    /// Counts a request. Only a token that is believed counts to whom it names, so that nobody can spend what is another's.
    pub(super) async fn count(&self, headers: &HeaderMap, address: IpAddr) -> Allowance {
        let Rates { client, organization } = self.rates;
        let Some(caller) = self.authority.known(headers).await else {
            return Allowance::of(client, &self.clients, &Client::at(address));
        };
        let own = Allowance::of(client, &self.clients, &Client::User(caller.user));
        if own.exceeded {
            // What is refused costs the organization nothing.
            return own;
        }
        own.least(Allowance::of(organization, &self.organizations, &caller.org))
    }

    /// Forgets, every second, whose allowance is whole: so that what is kept follows the requests of a moment.
    pub(super) async fn keep_small(self: Arc<Self>) {
        let mut pulse = tokio::time::interval(Duration::from_secs(WINDOW));
        loop {
            pulse.tick().await;
            self.clients.retain_recent();
            self.organizations.retain_recent();
        }
    }
}

fn buckets<K: Clone + Eq + std::hash::Hash>(rate: NonZeroU32) -> Buckets<K> {
    RateLimiter::hashmap_with_clock(Quota::per_second(rate), MonotonicClock).with_middleware()
}

impl Allowance {
    fn of<K: Clone + Eq + std::hash::Hash>(limit: NonZeroU32, buckets: &Buckets<K>, key: &K) -> Self {
        match buckets.check_key(key) {
            Ok(left) => Self { limit, remaining: left.remaining_burst_capacity(), exceeded: false },
            Err(_) => Self { limit, remaining: 0, exceeded: true },
        }
    }

    /// The one that is nearer to its end.
    fn least(self, other: Self) -> Self {
        if other.exceeded || other.remaining < self.remaining { other } else { self }
    }

    /// Whether the request was one too many.
    pub(crate) fn exceeded(self) -> bool {
        self.exceeded
    }

    /// What an answer says of it.
    pub(crate) fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let Self { limit, remaining, .. } = self;
        let told = [
            (HeaderName::from_static("ratelimit-limit"), limit.get().into()),
            (HeaderName::from_static("ratelimit-remaining"), remaining.into()),
            (HeaderName::from_static("ratelimit-reset"), WINDOW.into()),
        ];
        let policy = HeaderValue::try_from(format!("{limit};w={WINDOW}")).ok();
        told.into_iter().chain(policy.map(|policy| (HeaderName::from_static("ratelimit-policy"), policy)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(rate: u32) -> NonZeroU32 {
        NonZeroU32::new(rate).expect("a rate")
    }

    #[test]
    fn an_allowance_is_spent_and_comes_back() {
        let buckets = buckets(rate(3));
        let ask = |key: &'static str| Allowance::of(rate(3), &buckets, &key);
        let asked: Vec<_> = (0..4).map(|_| ask("a")).collect();
        let left: Vec<_> = asked.iter().map(|allowance| (allowance.remaining, allowance.exceeded)).collect();
        assert_eq!(left, [(2, false), (1, false), (0, false), (0, true)]);
        assert_eq!(ask("b").remaining, 2, "others have their own");
        std::thread::sleep(Duration::from_secs(WINDOW));
        assert_eq!(ask("a").remaining, 2, "all of it");
    }

    #[test]
    fn what_is_whole_again_is_forgotten() {
        let buckets = buckets(rate(1000));
        for address in 0..100_000u32 {
            assert!(!Allowance::of(rate(1000), &buckets, &Client::at(IpAddr::from(address.to_be_bytes()))).exceeded);
        }
        std::thread::sleep(Duration::from_millis(10));
        buckets.retain_recent();
        assert_eq!(buckets.len(), 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let at = |address: &str| Client::at(address.parse().expect("an address"));
        assert_eq!(at("2001:db8:0:1::1"), at("2001:db8:0:1:ffff::2"));
        assert_ne!(at("2001:db8:0:1::1"), at("2001:db8:0:2::1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
    }

    #[test]
    fn the_allowance_that_ends_first_is_told() {
        let allowance = |limit, remaining, exceeded| Allowance { limit: rate(limit), remaining, exceeded };
        let (client, organization) = (allowance(10, 4, false), allowance(100, 3, false));
        assert_eq!(client.least(organization), organization);
        assert_eq!(organization.least(client), organization);
        assert_eq!(allowance(10, 0, false).least(allowance(100, 0, true)).limit, rate(100), "the one that refuses");
        let told: Vec<_> = client.headers().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
        assert_eq!(told, ["ratelimit-limit: 10", "ratelimit-remaining: 4", "ratelimit-reset: 1", "ratelimit-policy: 10;w=1"]);
    }
}
