//! What a fleet has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// A number that grows, for one writer or many.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts one more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts so many more.
    pub fn add_many(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// Returns the number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a fleet has done so far, while it goes on.
#[derive(Debug, Default)]
pub struct FleetCounts {
    /// Terminals enrolled.
    pub enrolled: Count,
    /// Heartbeats acknowledged.
    pub acknowledged: Count,
    /// Requests that the server refused.
    pub refused: Count,
    /// Requests without an answer.
    pub unanswered: Count,
    /// Log lines acknowledged.
    pub log_lines: Count,
    /// Troubles that began.
    pub troubles: Count,
    /// Terminals that stopped because the server no longer wants them.
    pub dismissed: Count,
}

/// What a fleet has done, at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FleetReport {
    /// Terminals enrolled.
    pub enrolled: u64,
    /// Heartbeats acknowledged.
    pub acknowledged: u64,
    /// Requests that the server refused.
    pub refused: u64,
    /// Requests without an answer.
    pub unanswered: u64,
    /// Log lines acknowledged.
    pub log_lines: u64,
    /// Troubles that began.
    pub troubles: u64,
    /// Terminals that stopped because the server no longer wants them.
    pub dismissed: u64,
}

impl FleetCounts {
    /// Reads all numbers.
    pub fn report(&self) -> FleetReport {
        FleetReport {
            enrolled: self.enrolled.get(),
            acknowledged: self.acknowledged.get(),
            refused: self.refused.get(),
            unanswered: self.unanswered.get(),
            log_lines: self.log_lines.get(),
            troubles: self.troubles.get(),
            dismissed: self.dismissed.get(),
        }
    }
}
