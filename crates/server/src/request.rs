//! Who sends a request, and its id.

use http::{HeaderMap, request};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering},
};
use tokio_util::sync::CancellationToken;
use trunkline_model::Rng;

/// The other end of the connection, put into each request by [`serve`](crate::serve()).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The server's shutdown, for answers without an end.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(pub(crate) CancellationToken);

/// The address to hold responsible: the connection's, or what trusted proxies say it is.
///
/// `X-Forwarded-For` is read from the right: each proxy appends whom it saw, so entries left of the first one that is not
/// a trusted proxy may be made up.
pub(crate) fn source(parts: &request::Parts, trusted: &[IpAddr]) -> IpAddr {
    let peer = parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    behind_proxies(peer.to_canonical(), &parts.headers, trusted)
}

fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|proxy| proxy.to_canonical() == *address);
    if !is_trusted(&peer) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    let mut responsible = peer;
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Some(address) = address(entry.trim()) else { break };
        responsible = address;
        if !is_trusted(&address) {
            break;
        }
    }
    responsible
}

/// Reads `1.2.3.4`, `1.2.3.4:5`, `::1` or `[::1]:5`.
fn address(text: &str) -> Option<IpAddr> {
    let parsed = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    parsed.ok().map(|address| address.to_canonical())
}

/// Makes ids of requests: unique within the process, unlikely to meet those of another.
#[derive(Debug)]
pub(crate) struct RequestIds {
    start: u64,
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self { start: Rng::from_os().u64(), count: AtomicU64::new(0) }
    }

    pub(crate) fn next(&self) -> String {
        // An odd factor visits every number before it repeats one.
        let count = self.count.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{:016x}", self.start.wrapping_add(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        behind_proxies(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_say_who_is_behind_them() {
        assert_eq!(from("1.2.3.4", &["9.9.9.9"]), "1.2.3.4", "anybody can write the header");
        assert_eq!(from("10.0.0.1", &["9.9.9.9"]), "9.9.9.9");
        assert_eq!(from("10.0.0.1", &["6.6.6.6, 9.9.9.9"]), "9.9.9.9", "left entries may be made up");
        assert_eq!(from("10.0.0.1", &["6.6.6.6, 9.9.9.9, 10.0.0.2"]), "9.9.9.9");
        assert_eq!(from("10.0.0.1", &["6.6.6.6", "9.9.9.9:443"]), "9.9.9.9");
        assert_eq!(from("10.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(from("10.0.0.1", &["nonsense"]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn ids_differ() {
        let ids = RequestIds::new();
        let made: std::collections::HashSet<String> = (0..1000).map(|_| ids.next()).collect();
        assert_eq!(made.len(), 1000);
    }
}
