//! Where a request comes from, when proxies stand in between.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The networks of proxies that are believed about whom they speak for.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl FromIterator<IpNet> for Proxies {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl Proxies {
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client of a request that came from `peer`: whoever the nearest proxy that is believed speaks for. What stands
    /// further left in the header is anybody's word.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let said = headers.get_all(FORWARDED_FOR).iter().rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        for said in said {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = address(said) else { break };
            client = address;
        }
        client
    }
}

/// An address, which some proxies tell with its port.
fn address(said: &[u8]) -> Option<IpAddr> {
    let said = str::from_utf8(said).ok()?.trim();
    let address = said.parse().or_else(|_| said.parse().map(|address: SocketAddr| address.ip())).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn client(proxies: &[&str], peer: &str, said: &[&str]) -> String {
        let proxies: Proxies = proxies.iter().map(|network| network.parse::<IpNet>().expect("a network")).collect();
        let name = HeaderName::from_static(FORWARDED_FOR);
        let headers = said.iter().map(|said| (name.clone(), HeaderValue::from_str(said).expect("a value"))).collect();
        proxies.client(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn only_proxies_are_believed() {
        for (proxies, peer, said, expected) in [
            (&[][..], "192.0.2.1", &["203.0.113.9"][..], "192.0.2.1"),
            (&["10.0.0.0/8"], "192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &[], "10.0.0.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            // What a client writes itself stands left of what the proxy adds.
            (&["10.0.0.0/8"], "10.0.0.1", &["127.0.0.1, 203.0.113.9"], "203.0.113.9"),
            (&["10.0.0.0/8"], "10.0.0.1", &["10.9.9.9, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (&["10.0.0.0/8"], "10.0.0.1", &["127.0.0.1", "203.0.113.9"], "203.0.113.9"),
            (&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.9,,"], "10.0.0.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            (&["10.0.0.0/8"], "10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", &["[2001:db9::7]:443"], "2001:db9::7"),
            (&["10.0.0.0/8"], "10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            (&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.9:80"], "203.0.113.9"),
        ] {
            assert_eq!(client(proxies, peer, said), expected, "{peer} says {said:?}");
        }
    }
}
