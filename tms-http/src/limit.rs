//! Limits per client, in memory of this node: a fixed number of buckets, no lock, no allocation.
//!
//! Each slot holds when its bucket is full again (the "theoretical arrival time" of the generic cell rate algorithm).
//! A client finds its slot by a keyed hash; when all its places are taken by others the oldest gives way, so that the
//! table forgets rather than grows.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue};
use tms_core::{random::mix, time::Timestamp};

use crate::problem::Problem;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

const SLOTS: usize = 1 << 16;
/// The places of one client.
const PROBES: usize = 4;
/// A slot is a tag of 20 bits and a time of 44 bits, in milliseconds since the epoch.
const TIME_BITS: u32 = 44;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// What a client may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    limit: u64,
    remaining: u64,
    reset_s: u64,
    /// When to come again, if nothing is left.
    pub(crate) retry_after: Option<Duration>,
}

impl Allowance {
    /// Shows the allowance to the client.
    pub(crate) fn show(self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.reset_s));
    }

    /// Returns the problem of a client that has nothing left.
    pub(crate) fn refusal(self) -> Option<Problem> {
        self.retry_after.map(Problem::too_many)
    }
}

/// One limit for many clients.
#[derive(Debug)]
pub(crate) struct Limiter {
    slots: Box<[AtomicU64]>,
    seed: u64,
    burst: u64,
    every_ms: u64,
}

impl Limiter {
    /// Lets each client do `burst` at once and one more every `every_ms`.
    pub(crate) fn new(seed: u64, burst: u64, every_ms: u64) -> Self {
        Self {
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            seed,
            burst,
            every_ms,
        }
    }

    /// Counts one act of the client at `address`; IPv6 clients count by their /64.
    pub(crate) fn take_from(&self, address: Option<IpAddr>, now: Timestamp) -> Allowance {
        let key = match address {
            None => 0,
            Some(IpAddr::V4(v4)) => u64::from(v4.to_bits()),
            Some(IpAddr::V6(v6)) => u64::try_from(v6.to_bits() >> 64).unwrap_or(u64::MAX),
        };
        self.take(key, now)
    }

    /// Counts one act of the client `key`.
    pub(crate) fn take(&self, key: u64, now: Timestamp) -> Allowance {
        let hash = mix(mix(key ^ self.seed) ^ self.seed.rotate_left(17));
        let tag = hash >> TIME_BITS;
        let now = (now.as_micros().unsigned_abs() / 1_000) & TIME_MASK;
        let full = self.burst * self.every_ms;
        loop {
            let Some((slot, seen)) = self.slot(hash, tag) else {
                return self.allowance(0, None);
            };
            let known = if seen >> TIME_BITS == tag { seen & TIME_MASK } else { 0 };
            let next = known.max(now) + self.every_ms;
            let ahead = next - now;
            if ahead > full {
                return self.allowance(ahead - self.every_ms, Some(Duration::from_millis(ahead - full)));
            }
            let write = (tag << TIME_BITS) | (next & TIME_MASK);
            if slot
                .compare_exchange_weak(seen, write, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
            {
                return self.allowance(ahead, None);
            }
        }
    }

    /// Returns the client's slot, or the one among its places that is full again first.
    fn slot(&self, hash: u64, tag: u64) -> Option<(&AtomicU64, u64)> {
        let mut oldest: Option<(&AtomicU64, u64)> = None;
        for probe in 0..PROBES {
            let place = usize::try_from(hash & TIME_MASK).unwrap_or(0).wrapping_add(probe) & (SLOTS - 1);
            let slot = self.slots.get(place)?;
            let value = slot.load(Ordering::Relaxed);
            if value >> TIME_BITS == tag && value & TIME_MASK != 0 {
                return Some((slot, value));
            }
            if oldest.is_none_or(|(_, old)| value & TIME_MASK < old & TIME_MASK) {
                oldest = Some((slot, value));
            }
        }
        oldest
    }

    fn allowance(&self, used_ms: u64, retry_after: Option<Duration>) -> Allowance {
        let full = self.burst * self.every_ms;
        Allowance {
            limit: self.burst,
            remaining: full.saturating_sub(used_ms) / self.every_ms.max(1),
            reset_s: used_ms.div_ceil(1_000),
            retry_after,
        }
    }
}

/// The limits of one router.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Calls of one agent.
    pub(crate) agents: Limiter,
    /// Enrolments from one source.
    pub(crate) enrolments: Limiter,
    /// Sign-ins from one source.
    pub(crate) sign_ins: Limiter,
}

impl Limits {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            agents: Limiter::new(seed, 30, 500),
            // A workshop enrols hundreds of terminals behind one address.
            enrolments: Limiter::new(seed.rotate_left(1), 60, 1_000),
            sign_ins: Limiter::new(seed.rotate_left(2), 30, 2_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_one_at_a_time() {
        let limiter = Limiter::new(1, 3, 1_000);
        let start = Timestamp::from_secs(1_000_000);
        let left: Vec<_> = (0..3)
            .map(|_| limiter.take(7, start))
            .map(|a| (a.remaining, a.retry_after))
            .collect();
        assert_eq!(left, [(2, None), (1, None), (0, None)]);
        let refused = limiter.take(7, start);
        assert_eq!(refused.retry_after, Some(Duration::from_secs(1)));
        assert_eq!((refused.remaining, refused.reset_s), (0, 3));
        assert!(limiter.take(8, start).retry_after.is_none(), "another client");
        assert!(
            limiter
                .take(7, start.plus(Duration::from_secs(1)))
                .retry_after
                .is_none()
        );
        assert!(
            limiter
                .take(7, start.plus(Duration::from_secs(1)))
                .retry_after
                .is_some()
        );
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let limiter = Limiter::new(1, 1, 1_000);
        let now = Timestamp::from_secs(1_000_000);
        let at = |text: &str| limiter.take_from(Some(text.parse().unwrap()), now).retry_after;
        assert!(at("2001:db8::1").is_none());
        assert!(at("2001:db8::2").is_some());
        assert!(at("2001:db8:0:1::1").is_none());
    }

    #[test]
    fn more_clients_than_slots_never_stop_each_other_for_good() {
        let limiter = Limiter::new(9, 2, 1_000);
        let now = Timestamp::from_secs(1_000_000);
        let refused = (0..300_000_u64)
            .filter(|client| limiter.take(*client, now).retry_after.is_some())
            .count();
        assert!(refused < 300, "{refused} of 300000 were taken for another");
    }
}
