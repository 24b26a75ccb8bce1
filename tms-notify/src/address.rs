//! Which addresses a web hook may lead to: by default none within the own network, so that nobody uses the server to
//! reach what only the server reaches.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Where web hooks may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, by https.
    Public,
    /// Those within the own network too, by http too; never those of the machine's own cloud service.
    Private,
}

impl Reach {
    /// Tells whether an address may be reached.
    pub fn allows(self, address: IpAddr) -> bool {
        let (is_public, is_never) = match address {
            IpAddr::V4(v4) => (is_public_v4(v4), is_never_v4(v4)),
            IpAddr::V6(v6) => match embedded(v6) {
                Some(v4) => (is_public_v4(v4), is_never_v4(v4)),
                None => (is_public_v6(v6), is_never_v6(v6)),
            },
        };
        !is_never && (is_public || self == Self::Private)
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_documentation()
        || a == 0
        // Carrier-grade NAT, protocol assignments, benchmarks, reserved.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240)
}

/// Link-local addresses are where clouds give out credentials.
fn is_never_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || address.is_multicast() || address.is_broadcast() || address.is_unspecified()
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only global unicast, without documentation and the tunnels of old.
    first & 0xe000 == 0x2000 && !(first == 0x2001 && (second == 0x0db8 || second < 0x0200))
}

fn is_never_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_link_local = first & 0xffc0 == 0xfe80;
    is_link_local || address.is_multicast() || address.is_unspecified() || (first == 0xfd00 && second == 0x0ec2)
}

/// Returns the IPv4 address that an IPv6 address stands for, if it does.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        // The way of old; `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(v4(high, low)),
        // Mapped, by NAT64, by 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x0064, 0xff9b, .., high, low] | [0x2002, high, low, ..] => {
            Some(v4(high, low))
        }
        _ => None,
    }
}

/// Resolves names to addresses that may be reached; what is connected to is what was checked.
#[derive(Debug)]
pub(crate) struct Resolver(pub(crate) Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| reach.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the name leads into a private network".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn only_public_addresses_are_reached_unless_allowed() {
        for (address, public, private) in [
            ("8.8.8.8", true, true),
            ("2606:4700::1111", true, true),
            ("10.1.2.3", false, true),
            ("172.16.0.1", false, true),
            ("192.168.1.1", false, true),
            ("127.0.0.1", false, true),
            ("100.64.0.1", false, true),
            ("::1", false, true),
            ("fc00::1", false, true),
            ("::ffff:192.168.1.1", false, true),
            ("64:ff9b::a00:1", false, true),
            ("2002:a00:1::", false, true),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("fe80::1", false, false),
            ("fd00:ec2::254", false, false),
            ("0.0.0.0", false, false),
            ("::", false, false),
            ("224.0.0.1", false, false),
            ("255.255.255.255", false, false),
        ] {
            let parsed = address.parse().unwrap();
            assert_eq!(Reach::Public.allows(parsed), public, "{address}");
            assert_eq!(Reach::Private.allows(parsed), private, "{address}");
        }
    }
}
