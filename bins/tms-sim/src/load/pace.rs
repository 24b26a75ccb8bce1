//! When the next heartbeat is due: at once, or at a fixed rate whatever the server does.

use std::time::Duration;

use tokio::time::Instant;

/// The pace of one worker.
#[derive(Debug, Clone)]
pub enum Pace {
    /// As soon as the one before is answered.
    Closed,
    /// At fixed moments. Latency counts from them, so that a slow server can't hide the requests that it delayed.
    Fixed {
        /// The next moment.
        next: Instant,
        /// From one to the next.
        every: Duration,
    },
}

impl Pace {
    /// Gives worker `index` of `workers` its share of `rate` requests a second, evenly between those of the others.
    pub fn share(rate: Option<f64>, index: usize, workers: usize, start: Instant) -> Self {
        let Some(rate) = rate else {
            return Self::Closed;
        };
        let one = Duration::from_secs_f64(1.0 / rate);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self::Fixed {
            next: start + one * count(index),
            every: Duration::from_secs_f64(f64::from(count(workers)) / rate),
        }
    }

    /// Returns when the next request is meant to be sent, which may be past.
    pub fn next(&mut self, now: Instant) -> Instant {
        match self {
            Self::Closed => now,
            Self::Fixed { next, every } => {
                let intended = *next;
                *next += *every;
                intended
            }
        }
    }

    /// Returns how many requests were due before `end` and were not asked for.
    pub fn behind(&self, end: Instant) -> u64 {
        match self {
            Self::Closed => 0,
            Self::Fixed { next, every } => {
                let late = end.saturating_duration_since(*next);
                u64::try_from(late.as_nanos().checked_div(every.as_nanos()).unwrap_or(0)).unwrap_or(u64::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_a_rate_evenly() {
        let start = Instant::now();
        let mut moments = Vec::new();
        for index in 0..4 {
            let mut pace = Pace::share(Some(1_000.0), index, 4, start);
            moments.extend((0..25).map(|_| pace.next(start) - start));
            assert_eq!(
                pace.behind(start + Duration::from_millis(200)),
                25 - u64::from(index > 0)
            );
        }
        moments.sort_unstable();
        let expected: Vec<_> = (0..100).map(Duration::from_millis).collect();
        assert_eq!(moments, expected);
    }

    #[test]
    fn a_closed_loop_is_always_due() {
        let now = Instant::now();
        let mut pace = Pace::share(None, 3, 4, now);
        assert_eq!(pace.next(now), now);
        assert_eq!(pace.behind(now), 0);
    }
}
