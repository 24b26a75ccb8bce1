//! How long to wait after a failure: longer each time, never all at once, and as long as the server asks.

use std::time::Duration;

use crate::rng::Rng;

/// Waits after failures in a row.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts with about `first` and ends with about `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: 0,
        }
    }

    /// Forgets the failures.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    /// Notes a failure and returns how long to wait: half to all of the doubled wait, never less than `asked`.
    pub fn wait(&mut self, asked: Option<Duration>, rng: &mut Rng) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let whole = doubled.min(self.longest);
        let own = rng.duration(whole / 2, whole);
        match asked {
            // A fleet that obeys to the second would come back all at once.
            Some(asked) => own.max(asked + rng.duration(Duration::ZERO, asked / 4)),
            None => own,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::Rng;

    proptest! {
        #[test]
        fn waits_grow_to_a_limit_and_obey(seed: u64, failures in 1_usize..40, asked in 0_u64..100) {
            let mut rng = Rng::new(seed);
            let (first, longest) = (Duration::from_secs(1), Duration::from_mins(1));
            let mut backoff = Backoff::new(first, longest);
            for _ in 0..failures {
                let wait = backoff.wait(None, &mut rng);
                prop_assert!(first / 2 <= wait && wait <= longest);
            }
            let asked = Duration::from_secs(asked);
            let wait = backoff.wait(Some(asked), &mut rng);
            prop_assert!(asked <= wait && wait <= longest.max(asked + asked / 4));
            backoff.reset();
            prop_assert!(backoff.wait(None, &mut rng) <= first);
        }
    }
}
