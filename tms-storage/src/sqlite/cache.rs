//! Presence rows that the writer need not read again. Whoever writes holds this for as long as its transaction lasts:
//! a heartbeat batch takes rows out and puts them back after its commit, every other writer forgets what it changes.

use std::{collections::HashMap, fmt};

use tms_core::{id::TerminalId, presence::Presence};

/// Rows kept at most, about 40 MiB. Beyond that arbitrary ones go: all terminals are heard about equally often.
const CAPACITY: usize = 65_536;

/// A presence row and the last link of its terminal's history.
#[derive(Debug)]
pub(super) struct Known {
    /// The row.
    pub(super) row: Presence,
    /// The newest heartbeat.
    pub(super) last_heartbeat: Option<i64>,
}

/// The rows of terminals heard of late.
#[derive(Default)]
pub(super) struct PresenceCache {
    rows: HashMap<TerminalId, Known>,
    next_heartbeat: Option<i64>,
    data_version: Option<i64>,
}

impl PresenceCache {
    /// Forgets everything if SQLite's `data_version` says that another process has written since.
    pub(super) fn trust(&mut self, data_version: i64) {
        if self.data_version.replace(data_version) != Some(data_version) {
            self.rows.clear();
            self.next_heartbeat = None;
        }
    }

    /// Takes rows out. They are put back after the commit only, so that work which ends otherwise leaves no trace.
    pub(super) fn take(&mut self, terminals: &[TerminalId]) -> (Vec<Known>, Vec<TerminalId>) {
        let mut known = Vec::with_capacity(terminals.len());
        let mut missing = Vec::new();
        for id in terminals {
            match self.rows.remove(id) {
                Some(row) => known.push(row),
                None => missing.push(*id),
            }
        }
        (known, missing)
    }

    /// Takes the id of the next heartbeat out, likewise.
    pub(super) fn take_next_heartbeat(&mut self) -> Option<i64> {
        self.next_heartbeat.take()
    }

    /// Puts back what is stored for certain.
    pub(super) fn put(&mut self, rows: impl Iterator<Item = Known>, next_heartbeat: i64) {
        self.next_heartbeat = Some(next_heartbeat);
        self.rows.extend(rows.map(|known| (known.row.terminal, known)));
        let excess = self.rows.len().saturating_sub(CAPACITY);
        if excess > 0 {
            let victims: Vec<_> = self.rows.keys().take(excess).copied().collect();
            for id in victims {
                self.rows.remove(&id);
            }
        }
    }

    /// Forgets a row that somebody else changes.
    pub(super) fn forget(&mut self, terminal: TerminalId) {
        self.rows.remove(&terminal);
    }
}

impl fmt::Debug for PresenceCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresenceCache")
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}
