//! How long heartbeats wait for their commit, counted in classes so that it costs next to nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

/// The upper bounds of the classes, in milliseconds; what took longer is in a last one.
pub const LATENCY_BOUNDS_MS: [u64; 11] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];

/// How often each class was seen since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LatencyCounts {
    /// Those within each of [`LATENCY_BOUNDS_MS`], and not within a lower one.
    pub within: [u64; 11],
    /// Those that took longer.
    pub beyond: u64,
}

impl LatencyCounts {
    /// Returns what was seen since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut within = self.within;
        for (now, then) in within.iter_mut().zip(before.within) {
            *now = now.saturating_sub(then);
        }
        Self {
            within,
            beyond: self.beyond.saturating_sub(before.beyond),
        }
    }

    /// Returns the classes that were seen: the upper bound and how often. What is beyond counts as twice the last bound.
    pub fn seen(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let beyond = LATENCY_BOUNDS_MS.last().map(|last| (2 * last, self.beyond));
        let within = LATENCY_BOUNDS_MS.iter().copied().zip(self.within);
        within.chain(beyond).filter(|(_, count)| *count > 0)
    }
}

#[derive(Debug, Default)]
pub(super) struct Latency {
    within: [AtomicU64; 11],
    beyond: AtomicU64,
}

impl Latency {
    /// Notes what waited since these moments; the shared counters are touched once a class.
    pub(super) fn note(&self, since: impl Iterator<Item = Instant>, now: Instant) {
        let mut seen = LatencyCounts::default();
        for since in since {
            let waited = now.saturating_duration_since(since).as_micros();
            let class = LATENCY_BOUNDS_MS
                .iter()
                .position(|bound| waited <= u128::from(*bound) * 1_000);
            match class.and_then(|class| seen.within.get_mut(class)) {
                Some(count) => *count += 1,
                None => seen.beyond += 1,
            }
        }
        for (counter, count) in self.within.iter().zip(seen.within).filter(|(_, count)| *count > 0) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
        self.beyond.fetch_add(seen.beyond, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> LatencyCounts {
        let mut counts = LatencyCounts::default();
        for (count, counter) in counts.within.iter_mut().zip(&self.within) {
            *count = counter.load(Ordering::Relaxed);
        }
        counts.beyond = self.beyond.load(Ordering::Relaxed);
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_is_counted_in_its_class() {
        let (latency, begin) = (Latency::default(), Instant::now());
        let now = begin + Duration::from_secs(10);
        let waited = [0, 1_000, 1_001, 9_999, 2_000_000, 2_000_001].map(|micros| now - Duration::from_micros(micros));
        latency.note(waited.into_iter(), now);
        let first = latency.counts();
        let expected = [(1, 2), (2, 1), (10, 1), (2_000, 1), (4_000, 1)];
        assert_eq!(first.seen().collect::<Vec<_>>(), expected);
        latency.note([now].into_iter(), now);
        assert_eq!(latency.counts().since(&first).seen().collect::<Vec<_>>(), [(1, 1)]);
    }
}
