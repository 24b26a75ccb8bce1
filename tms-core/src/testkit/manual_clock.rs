//! A clock that moves only when a test says so.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::time::{Clock, Timestamp, micros};

/// A clock that stands still until it is set or advanced.
///
/// ```
/// use std::time::Duration;
/// use tms_core::{testkit::ManualClock, time::{Clock, Timestamp}};
///
/// let clock = ManualClock::new(Timestamp::from_secs(100));
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now(), Timestamp::from_secs(105));
/// ```
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Makes a clock that shows `now`.
    pub fn new(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(now.as_micros())))
    }

    /// Shows `now` from here on, also if that is earlier.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }

    /// Moves the clock on and returns what it shows then.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let before = self.0.fetch_add(micros(by), Ordering::SeqCst);
        Timestamp::from_micros(before).plus(by)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
