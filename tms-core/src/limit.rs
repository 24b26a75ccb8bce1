//! Limits per client: a fixed number of buckets, no lock, no allocation.
//!
//! Each slot holds when its bucket is full again (the "theoretical arrival time" of the generic cell rate algorithm).
//! A client finds its slot by a keyed hash; when all its places are taken by others the oldest gives way, so that the
//! table forgets rather than grows. [`share`] makes several nodes count together.

pub mod share;
pub mod store;

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::{random::mix, time::Timestamp};

pub use share::{SharedLimiter, SharedLimits};
pub use store::LimitStore;

const SLOTS: usize = 1 << 16;
/// The places of one client.
const PROBES: usize = 4;
/// A slot is a tag of 20 bits and a time of 44 bits, in milliseconds since the epoch.
const TIME_BITS: u32 = 44;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// What a client may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How much it may do at once.
    pub limit: u64,
    /// How much of that is left.
    pub remaining: u64,
    /// In how many seconds all of it is there again.
    pub reset_s: u64,
    /// When to come again, if nothing is left.
    pub retry_after: Option<Duration>,
}

/// One limit for many clients.
#[derive(Debug)]
pub struct Limiter {
    slots: Box<[AtomicU64]>,
    seed: u64,
    burst: u64,
    every_ms: u64,
}

impl Limiter {
    /// Lets each client do `burst` at once and one more every `every_ms`.
    pub fn new(seed: u64, burst: u64, every_ms: u64) -> Self {
        Self {
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            seed,
            burst,
            every_ms,
        }
    }

    /// Counts one act of the client at `address`; IPv6 clients count by their /64.
    pub fn take_from(&self, address: Option<IpAddr>, now: Timestamp) -> Allowance {
        self.take(key_of(address), now)
    }

    /// Counts one act of the client `key`.
    pub fn take(&self, key: u64, now: Timestamp) -> Allowance {
        let now = millis(now);
        let full = self.burst * self.every_ms;
        let taken = self.change(key, |known| {
            let next = known.max(now) + self.every_ms;
            if next - now > full { Err(next - now) } else { Ok(next) }
        });
        match taken {
            None => self.allowance(0, None),
            Some(Ok(next)) => self.allowance(next - now, None),
            Some(Err(ahead)) => self.allowance(ahead - self.every_ms, Some(Duration::from_millis(ahead - full))),
        }
    }

    /// Notes that the bucket of `key` is not full before `full_at_ms`: others have taken from it too.
    fn catch_up(&self, key: u64, full_at_ms: u64) {
        self.change(
            key,
            |known| if known < full_at_ms { Ok(full_at_ms) } else { Err(known) },
        );
    }

    /// Replaces when a client's bucket is full again, unless `next` says no; `None` if there is no place at all.
    fn change(&self, key: u64, next: impl Fn(u64) -> Result<u64, u64>) -> Option<Result<u64, u64>> {
        let hash = mix(mix(key ^ self.seed) ^ self.seed.rotate_left(17));
        let tag = hash >> TIME_BITS;
        loop {
            let (slot, seen) = self.slot(hash, tag)?;
            let known = if seen >> TIME_BITS == tag { seen & TIME_MASK } else { 0 };
            let next = match next(known) {
                Ok(next) => next,
                refused => return Some(refused),
            };
            let write = (tag << TIME_BITS) | (next & TIME_MASK);
            if slot
                .compare_exchange_weak(seen, write, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
            {
                return Some(Ok(next));
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

/// Returns the key of the client at `address`; IPv6 clients count by their /64.
fn key_of(address: Option<IpAddr>) -> u64 {
    match address {
        None => 0,
        Some(IpAddr::V4(v4)) => u64::from(v4.to_bits()),
        Some(IpAddr::V6(v6)) => u64::try_from(v6.to_bits() >> 64).unwrap_or(u64::MAX),
    }
}

fn millis(at: Timestamp) -> u64 {
    (at.as_micros().unsigned_abs() / 1_000) & TIME_MASK
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
