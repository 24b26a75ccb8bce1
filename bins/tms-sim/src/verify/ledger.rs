//! What was sent and what was acknowledged, terminal by terminal, over one or several runs.

use std::collections::BTreeMap;

use super::ranges::Ranges;

/// What one terminal sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Counters of acknowledged heartbeats.
    pub beats: Ranges,
    /// Counters of heartbeats that were sent and not acknowledged.
    pub unsure_beats: Ranges,
    /// Numbers of acknowledged log lines.
    pub lines: Ranges,
    /// Numbers of log lines that were sent and not acknowledged.
    pub unsure_lines: Ranges,
}

impl Account {
    /// Tells whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.beats.is_empty() && self.unsure_beats.is_empty() && self.lines.is_empty() && self.unsure_lines.is_empty()
    }
}

/// What a fleet sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The accounts by terminal.
    pub accounts: BTreeMap<i64, Account>,
    /// The boot of the last run.
    pub last_boot: String,
    /// The first counter of the last run.
    pub last_base: i64,
    /// Whether every run came to its end, so that all that was sent is known.
    pub is_complete: bool,
}

/// What log lines of a load are called: `sim-` and a number.
pub const EVENT_PREFIX: &str = "sim-";

/// Returns the name of a log line.
pub fn event_id(number: i64) -> String {
    format!("{EVENT_PREFIX}{number}")
}

/// Returns the number of a log line, if the load made it.
pub fn event_number(event_id: &str) -> Option<i64> {
    event_id.strip_prefix(EVENT_PREFIX)?.parse().ok()
}
