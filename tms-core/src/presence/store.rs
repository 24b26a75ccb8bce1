//! The port of presence: what the sweep reads and writes, and the status history.

use std::fmt;

use async_trait::async_trait;

use super::{Outage, Presence, Status, StatusChange};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::TerminalId,
    lease::Fence,
    page::{Page, PageRequest},
    time::Timestamp,
};

/// A row that a plan changed, with the version it was read at.
#[derive(Debug, Clone, PartialEq)]
pub struct PresenceWrite {
    /// What to write; `row.version` is already the next.
    pub row: Presence,
    /// The version that must still be stored.
    pub seen: i64,
    /// Whether more changed than what every heartbeat changes: see [`PresenceWrite::is_light`].
    pub is_full: bool,
}

impl PresenceWrite {
    /// Tells whether only `version`, `last_seen`, `next_s`, `deadline`, `seq`, `agent_time`, `metrics` and `counters`
    /// changed, so that a store may leave the other columns alone.
    pub const fn is_light(&self) -> bool {
        !self.is_full
    }
}

/// A terminal's presence as it is from its retirement on, and the interval of status that this closes.
#[derive(Debug, Clone, PartialEq)]
pub struct Retirement {
    /// The row.
    pub write: PresenceWrite,
    /// The interval.
    pub change: StatusChange,
}

impl Retirement {
    /// Retires the terminal of a row as it is stored.
    pub fn of(mut row: Presence, now: Timestamp) -> Self {
        let seen = row.version;
        let change = row.retire(now);
        row.version += 1;
        let write = PresenceWrite {
            row,
            seen,
            is_full: true,
        };
        Self { write, change }
    }
}

/// What a sweep changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SweepPlan {
    /// The rows.
    pub writes: Vec<PresenceWrite>,
    /// The status changes among them.
    pub changes: Vec<StatusChange>,
}

/// A status that a terminal had for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusInterval {
    /// The status.
    pub status: Status,
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub to: Timestamp,
    /// What came next.
    pub next: Status,
}

/// What a sweep found.
#[derive(Debug, Clone, PartialEq)]
pub struct DueRows {
    /// The rows on which time alone may have an effect, in order of id.
    pub rows: Vec<Presence>,
    /// How many terminals are connected (heard, not lost, active), those among the rows included.
    pub connected: u64,
    /// How many rows are due for loss in all, beyond `limit` too.
    pub due_for_loss: u64,
}

/// Durable home of presence.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait PresenceStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the rows of these terminals, in order of id; unknown ones are left out.
    async fn find_many(&self, terminals: &[TerminalId]) -> Result<Vec<Presence>, StoreError>;

    /// Notes that this node could write at `now`. If the last note of any node is older than
    /// [`super::outage::LONGEST_GAP`], records the gap as an outage in the same transaction and returns it (cases
    /// `presence::a_gap_between_stamps_is_an_outage`, `presence::stamps_of_two_nodes_close_the_gap`).
    ///
    /// A note never goes back: an earlier `now` changes nothing.
    async fn stamp_alive(&self, now: Timestamp) -> Result<Option<Outage>, StoreError>;

    /// Returns the outages that ended after `since`, oldest first.
    async fn outages(&self, since: Timestamp) -> Result<Vec<Outage>, StoreError>;

    /// Returns up to `limit` active rows, in order of id, on which time alone may have an effect: those not lost
    /// whose deadline, moved by `outages` as [`super::outage::moved_deadline`] does, is before `now` (case
    /// `presence::due_rows_respect_outages`), and those not lost that [`Presence::awaits_threshold`] (case
    /// `presence::breaches_in_maintenance_are_not_due`). Where there are more than `limit`, losses go before thresholds
    /// (case `presence::losses_go_before_thresholds`).
    async fn due(&self, now: Timestamp, outages: &[Outage], limit: u32) -> Result<DueRows, StoreError>;

    /// Writes the rows whose stored version is still the one seen, and of those only, the status changes (as history,
    /// as `status` of the terminal, as counts and as events), all in one transaction. Returns how many were written.
    ///
    /// A row that a heartbeat has changed meanwhile is left alone (case `presence::sweep_never_overwrites_a_heartbeat`).
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when `fence` is not the present one; nothing is written then.
    async fn apply_sweep(&self, plan: &SweepPlan, fence: Fence) -> Result<u64, StoreError>;

    /// Returns up to `limit` rows whose `raised` and `alerted` differ, in order of id.
    async fn unsettled(&self, limit: u32) -> Result<Vec<Presence>, StoreError>;

    /// Returns up to `limit` active rows behind `after`, in order of id, of which the rules of alerts may say otherwise
    /// than before: those with a raised cause or a crossed threshold, lost, or with a reader absent or in error (case
    /// `presence::rows_that_rules_judge_are_found`).
    async fn judged_by_rules(&self, after: Option<TerminalId>, limit: u32) -> Result<Vec<Presence>, StoreError>;

    /// Writes one row that an operator's act changed (maintenance, retirement), its status change and the envelope in
    /// one transaction.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the stored version is not `write.seen`.
    async fn save(&self, write: &PresenceWrite, change: Option<StatusChange>, with: Envelope)
    -> Result<(), StoreError>;

    /// Returns the closed intervals of status of a terminal, newest first.
    async fn status_history(
        &self,
        terminal: TerminalId,
        page: &PageRequest,
    ) -> Result<Page<StatusInterval>, StoreError>;
}
