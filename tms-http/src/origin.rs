//! Where a request comes from: its id, the client's address behind trusted proxies, and what it calls itself.

use std::{
    fmt::Write,
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering},
};

use axum::extract::ConnectInfo;
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue,
    header::{self, USER_AGENT},
};
use tms_core::{ctx::Origin, random::mix};

use crate::settings::Network;

/// The header that names a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const LONGEST_ID: usize = 64;
const LONGEST_AGENT: usize = 200;

/// The other end of the connection. An embedder with an accept loop of its own inserts it into each request, or uses
/// axum's `ConnectInfo<SocketAddr>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// Says that a request came over TLS. An embedder with an accept loop of its own, on which TLS ends, inserts it into each
/// request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverTls;

/// Makes ids of requests that bring none: unpredictable enough not to collide, never a secret.
#[derive(Debug)]
pub(crate) struct RequestIds {
    seed: u64,
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            seed,
            count: AtomicU64::new(0),
        }
    }

    /// Returns the id that the client gave, if it is sane, else a new one.
    pub(crate) fn take(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(REQUEST_ID) {
            Some(given) if is_sane(given.as_bytes()) => given.clone(),
            _ => self.make(),
        }
    }

    fn make(&self) -> HeaderValue {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let (high, low) = (
            mix(self.seed ^ count),
            mix(self.seed.rotate_left(32).wrapping_add(count)),
        );
        let mut text = String::with_capacity(32);
        let _ = write!(text, "{high:016x}{low:016x}");
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
    }
}

fn is_sane(id: &[u8]) -> bool {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b'+' | b'=');
    (1..=LONGEST_ID).contains(&id.len()) && id.iter().all(allowed)
}

/// Returns an id as text; only ids that [`RequestIds::take`] returned are asked about, which are ASCII.
pub(crate) fn id_text(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or_default()
}

/// Collects where a request comes from.
pub(crate) fn origin(id: &HeaderValue, headers: &HeaderMap, extensions: &Extensions, trusted: &[Network]) -> Origin {
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    Origin {
        request_id: id_text(id).to_owned(),
        address: client_address(headers, extensions, trusted),
        user_agent: agent.chars().take(LONGEST_AGENT).collect(),
    }
}

/// Returns the client's address: the peer, or behind trusted proxies the right-most address that is not one of them.
pub(crate) fn client_address(headers: &HeaderMap, extensions: &Extensions, trusted: &[Network]) -> Option<IpAddr> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer(extensions)?;
    if trusted.is_empty() || !is_trusted(client) {
        return Some(client);
    }
    let lines = headers.get_all(FORWARDED_FOR).into_iter().collect::<Vec<_>>();
    let hops = lines
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|b| *b == b','));
    for hop in hops {
        let Some(address) = std::str::from_utf8(hop).ok().and_then(read_hop) else {
            break;
        };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    Some(client)
}

/// Tells whether the client reached us over TLS: it ended here, or at a trusted proxy that says so. Where several proxies
/// say something, it must have been TLS all the way.
pub(crate) fn came_over_tls(headers: &HeaderMap, extensions: &Extensions, trusted: &[Network]) -> bool {
    if extensions.get::<OverTls>().is_some() {
        return true;
    }
    let is_trusted = peer(extensions).is_some_and(|peer| trusted.iter().any(|network| network.contains(peer)));
    let mut said = headers
        .get_all(FORWARDED_PROTO)
        .into_iter()
        .flat_map(|line| line.as_bytes().split(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
        .peekable();
    is_trusted && said.peek().is_some() && said.all(|proto| proto.eq_ignore_ascii_case(b"https"))
}

/// Returns the other end of the connection.
fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let peer = extensions.get::<PeerAddress>().map(|peer| peer.0);
    let peer = peer.or_else(|| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip()));
    peer.map(|peer| peer.to_canonical())
}

/// Reads an address with or without a port.
fn read_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .map(|(address, _)| address);
    let parsed = bare.unwrap_or(text).parse::<IpAddr>().ok();
    let parsed = parsed.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    parsed.map(|address| address.to_canonical())
}

/// Returns what stands behind `Bearer`. Which of two headers is meant nobody can say, so two are none.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let value = lines.next()?.to_str().ok().filter(|_| lines.next().is_none())?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<Network> = ["10.0.0.0/8", "192.168.0.1"]
            .iter()
            .map(|n| n.parse().unwrap())
            .collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(PeerAddress(peer.parse().unwrap()));
        client_address(&headers, &extensions, &trusted).unwrap().to_string()
    }

    #[test]
    fn the_right_most_untrusted_address_is_the_client() {
        assert_eq!(
            seen("8.8.8.8", &["1.1.1.1"]),
            "8.8.8.8",
            "a stranger's word is not taken"
        );
        assert_eq!(seen("10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(
            seen("10.1.1.1", &["6.6.6.6, 1.1.1.1"]),
            "1.1.1.1",
            "what the client wrote stands left"
        );
        assert_eq!(seen("10.1.1.1", &["6.6.6.6", "1.1.1.1, 10.2.2.2"]), "1.1.1.1");
        assert_eq!(seen("10.1.1.1", &["1.1.1.1:4711, 192.168.0.1"]), "1.1.1.1");
        assert_eq!(seen("10.1.1.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(seen("10.1.1.1", &["rubbish, 10.2.2.2"]), "10.2.2.2");
        assert_eq!(seen("::ffff:10.1.1.1", &["1.1.1.1"]), "1.1.1.1");
    }

    #[test]
    fn tls_is_believed_of_trusted_proxies_only() {
        let trusted: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap()];
        let over_tls = |peer: &str, said: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in said {
                headers.append(FORWARDED_PROTO, HeaderValue::from_str(line).unwrap());
            }
            let mut extensions = Extensions::new();
            extensions.insert(PeerAddress(peer.parse().unwrap()));
            came_over_tls(&headers, &extensions, &trusted)
        };
        assert!(over_tls("10.1.1.1", &["https"]));
        assert!(over_tls("10.1.1.1", &["HTTPS, https"]));
        for said in [
            &[][..],
            &["http"],
            &[""],
            &["https, http"],
            &["http", "https"],
            &["https,"],
        ] {
            assert!(!over_tls("10.1.1.1", said), "{said:?}");
        }
        assert!(!over_tls("8.8.8.8", &["https"]), "a stranger's word is not taken");
        let mut extensions = Extensions::new();
        assert!(!came_over_tls(&HeaderMap::new(), &extensions, &[]));
        extensions.insert(OverTls);
        assert!(came_over_tls(&HeaderMap::new(), &extensions, &[]));
    }

    #[test]
    fn a_sane_id_is_kept_and_made_ones_differ() {
        let ids = RequestIds::new(7);
        let mut headers = HeaderMap::new();
        assert_ne!(ids.take(&headers), ids.take(&headers));
        headers.insert(REQUEST_ID, HeaderValue::from_static("abc-123"));
        assert_eq!(ids.take(&headers), "abc-123");
        headers.insert(REQUEST_ID, HeaderValue::from_static("a b"));
        assert_eq!(ids.take(&headers).len(), 32);
    }
}
