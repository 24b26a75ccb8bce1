//! Latencies in buckets whose width grows with the value: less than one percent wide, whatever the latency, in 32 KiB.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::Serialize;

/// Values below this have a bucket each; each doubling above has half as many.
const EXACT: u64 = 256;
const HALF: u64 = EXACT / 2;
/// Enough for 2^36 microseconds, 19 hours.
const BUCKETS: u64 = EXACT + 28 * HALF;

/// Counts microseconds; may be shared by many writers.
#[derive(Debug)]
pub struct Histogram {
    buckets: Vec<AtomicU64>,
    count: AtomicU64,
    sum: AtomicU64,
    max: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            count: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
        }
    }

    /// Counts a latency.
    pub fn record(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(place(micros)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(micros, Ordering::Relaxed);
        self.max.fetch_max(micros, Ordering::Relaxed);
    }

    /// Returns how many were counted.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Returns the latency that `per_mille` thousandths of all do not exceed, at most one percent too high.
    pub fn quantile(&self, per_mille: u64) -> Duration {
        let rank = (u128::from(self.count()) * u128::from(per_mille))
            .div_ceil(1_000)
            .max(1);
        let max = self.max.load(Ordering::Relaxed);
        let mut seen = 0_u128;
        for (index, bucket) in (0..).zip(&self.buckets) {
            seen += u128::from(bucket.load(Ordering::Relaxed));
            if seen >= rank {
                return Duration::from_micros(highest(index).min(max));
            }
        }
        Duration::from_micros(max)
    }

    /// Returns the figures that a report shows.
    pub fn summary(&self) -> Latency {
        let mean = self.sum.load(Ordering::Relaxed).checked_div(self.count()).unwrap_or(0);
        Latency {
            mean: millis(Duration::from_micros(mean)),
            p50: millis(self.quantile(500)),
            p90: millis(self.quantile(900)),
            p99: millis(self.quantile(990)),
            p99_9: millis(self.quantile(999)),
            max: millis(Duration::from_micros(self.max.load(Ordering::Relaxed))),
        }
    }
}

/// Latencies in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    /// The mean.
    pub mean: f64,
    /// Half of all took at most this.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p99_9: f64,
    /// The longest.
    pub max: f64,
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            p50,
            p90,
            p99,
            p99_9,
            max,
            ..
        } = self;
        write!(f, "p50 {p50}  p90 {p90}  p99 {p99}  p99.9 {p99_9}  max {max}")
    }
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Returns the bucket of a value; values beyond the last bucket fall into it.
fn place(value: u64) -> usize {
    let index = if value < EXACT {
        value
    } else {
        let doublings = u64::from(EXACT.leading_zeros() - value.leading_zeros()) + 1;
        EXACT + (doublings - 1) * HALF + (value >> doublings) - HALF
    };
    usize::try_from(index.min(BUCKETS - 1)).unwrap_or(0)
}

/// Returns the largest value of a bucket.
fn highest(index: u64) -> u64 {
    let Some(beyond) = index.checked_sub(EXACT) else {
        return index;
    };
    let (doublings, within) = (beyond / HALF + 1, beyond % HALF);
    ((HALF + within + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_follow_one_another_without_gap() {
        for index in 0..BUCKETS - 1 {
            let last = highest(index);
            assert_eq!(u64::try_from(place(last)).unwrap(), index, "the last of bucket {index}");
            assert_eq!(
                u64::try_from(place(last + 1)).unwrap(),
                index + 1,
                "the first behind bucket {index}"
            );
        }
    }

    #[test]
    fn an_empty_one_says_zero() {
        assert_eq!(Histogram::new().summary(), Latency::default());
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_values_within_a_percent(
            mut values in prop::collection::vec(prop_oneof![0_u64..300, 0_u64..100_000, 0_u64..10_000_000_000], 1..500),
            per_mille in 1_u64..=1_000,
        ) {
            let histogram = Histogram::new();
            for value in &values {
                histogram.record(Duration::from_micros(*value));
            }
            values.sort_unstable();
            let rank = (values.len() * usize::try_from(per_mille).unwrap()).div_ceil(1_000).max(1);
            let exact = values[rank - 1];
            let told = u64::try_from(histogram.quantile(per_mille).as_micros()).unwrap();
            prop_assert!(exact <= told && told <= exact + exact / 100 + 1, "{exact} was told as {told}");
            prop_assert_eq!(histogram.quantile(1_000), Duration::from_micros(*values.last().unwrap()));
        }
    }
}
