//! What a load has done so far; shared by all workers, read by the progress bar and the report.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::histogram::Histogram;
use crate::fleet::counts::Count;

/// The numbers of a load while it goes on.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Heartbeats acknowledged, warm-up included.
    pub acknowledged: Count,
    /// Heartbeats acknowledged within the measured time.
    pub measured: Count,
    /// Heartbeats that were acknowledged only after they were sent again.
    pub repeated: Count,
    /// Log lines acknowledged.
    pub log_lines: Count,
    /// Connections that could not be made or broke off.
    pub connection_errors: Count,
    /// Requests without an answer in time.
    pub timeouts: Count,
    /// Requests that the fixed rate asked for and that were not sent before the end.
    pub unsent: Count,
    /// Terminals enrolled by this run.
    pub enrolled: Count,
    /// How long heartbeats took, within the measured time.
    pub latency: Histogram,
    refused: Mutex<BTreeMap<u16, u64>>,
    is_stopped: AtomicBool,
    is_unreachable: AtomicBool,
}

impl Gauges {
    /// Counts a refusal.
    pub fn refuse(&self, status: u16) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(status).or_default() += 1;
    }

    /// Returns refusals by status.
    pub fn refused(&self) -> BTreeMap<u16, u64> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks every worker to finish.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Tells whether workers should finish.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Notes that the server was away for too long, and stops.
    pub fn give_up(&self) {
        self.is_unreachable.store(true, Ordering::Relaxed);
        self.stop();
    }

    /// Tells whether the server was away for too long.
    pub fn is_unreachable(&self) -> bool {
        self.is_unreachable.load(Ordering::Relaxed)
    }
}
