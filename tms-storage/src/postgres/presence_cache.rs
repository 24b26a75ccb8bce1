//! Remembers presence rows as they were last written or read, so that a heartbeat need not read its row again.
//!
//! What is remembered may be out of date: a writer compares the version when it writes, and reads again when it does
//! not match. Another node that writes the same terminals makes that the rule, so the memory is then left alone for a
//! while.

use std::sync::atomic::{AtomicU32, Ordering};

use quick_cache::sync::Cache;
use tms_core::{id::TerminalId, presence::Presence};

use super::presence_bytes;

/// The longest time, in batches, for which the memory is left alone.
const LONGEST_REST: u32 = 1_024;

/// A bounded memory of presence rows, packed into bytes.
#[derive(Debug)]
pub(super) struct PresenceCache {
    rows: Option<Cache<i64, Box<[u8]>>>,
    /// For how many batches the memory is left alone.
    rest: AtomicU32,
    /// For how many it will be the next time.
    next_rest: AtomicU32,
}

impl PresenceCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            rows: (capacity > 0).then(|| Cache::new(capacity)),
            rest: AtomicU32::new(0),
            next_rest: AtomicU32::new(1),
        }
    }

    /// Returns the known rows of these terminals, and the terminals whose row is not known.
    pub(super) fn recall(&self, terminals: &[i64]) -> (Vec<Presence>, Vec<i64>) {
        let Some(rows) = &self.rows else {
            return (Vec::new(), terminals.to_vec());
        };
        let is_resting = self
            .rest
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |rest| rest.checked_sub(1))
            .is_ok();
        if is_resting {
            return (Vec::new(), terminals.to_vec());
        }
        let mut known = Vec::with_capacity(terminals.len());
        let mut unknown = Vec::new();
        for terminal in terminals {
            match rows
                .get(terminal)
                .and_then(|bytes| presence_bytes::unpack(*terminal, &bytes))
            {
                Some(row) => known.push(row),
                None => unknown.push(*terminal),
            }
        }
        (known, unknown)
    }

    /// Remembers rows as they are stored now.
    pub(super) fn remember<'a>(&self, written: impl Iterator<Item = &'a Presence>) {
        if let Some(rows) = &self.rows {
            for row in written {
                rows.insert(row.terminal.get(), presence_bytes::pack(row));
            }
        }
    }

    /// Notes that what was remembered did, or did not, match what is stored.
    pub(super) fn matched(&self, is_match: bool) {
        if is_match {
            self.next_rest.store(1, Ordering::Relaxed);
        } else {
            let rest = self.next_rest.load(Ordering::Relaxed);
            self.rest.store(rest, Ordering::Relaxed);
            self.next_rest.store((rest * 4).min(LONGEST_REST), Ordering::Relaxed);
        }
    }

    /// Forgets rows that somebody else on this node has written.
    pub(super) fn forget(&self, terminals: impl Iterator<Item = TerminalId>) {
        if let Some(rows) = &self.rows {
            for terminal in terminals {
                rows.remove(&terminal.get());
            }
        }
    }

    /// Forgets everything: the database may be another one now, in which the same version means another row.
    pub(super) fn clear(&self) {
        if let Some(rows) = &self.rows {
            rows.clear();
        }
    }
}
