//! The port of alerts.

use std::fmt;

use async_trait::async_trait;

use super::{Alert, AlertPlan, AlertState, Cause, NewAlert, Severity};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{AlertId, CustomerId, Revision, TerminalId},
    lease::Fence,
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

/// Which alerts to list; newest first unless asked otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Only these.
    pub ids: Option<Vec<AlertId>>,
    /// Only of this customer; also how a scoped reader is bounded.
    pub customer: Option<CustomerId>,
    /// Only of this terminal.
    pub terminal: Option<TerminalId>,
    /// Only resolved, or only unresolved.
    pub is_resolved: Option<bool>,
    /// Only this severity.
    pub severity: Option<Severity>,
    /// Only this cause.
    pub cause: Option<Cause>,
    /// Raised at or after.
    pub from: Option<Timestamp>,
    /// Raised before.
    pub to: Option<Timestamp>,
}

/// How many alerts were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlertsApplied {
    /// Raised.
    pub raised: u64,
    /// Resolved.
    pub resolved: u64,
}

/// Durable home of alerts.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait AlertStore: fmt::Debug + Send + Sync + 'static {
    /// Carries out the plans in one transaction: raises, resolves (`auto`), sets `alerted` of the presence row to
    /// `seen_raised` (which also grows its version), and writes an event for each alert.
    ///
    /// Never opens a second alert of one terminal and cause: raising it again counts as an occurrence of the open one
    /// (case `alert::one_open_alert_per_terminal_and_cause`). Carrying out the same plan twice changes nothing more
    /// (case `alert::applying_twice_changes_nothing_more`). A store that would have to wait for somebody else who changes
    /// one of the alerts may leave everything as it was.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when `fence` is not the present one; nothing is written then.
    async fn apply(&self, plans: &[AlertPlan], fence: Fence) -> Result<AlertsApplied, StoreError>;

    /// Raises an alert about the server itself, unless one of its cause is open; returns whether it was raised.
    async fn raise_server_alert(&self, alert: &NewAlert, fence: Fence) -> Result<bool, StoreError>;

    /// Resolves (`auto`) the open alert about the server of this cause, if there is one.
    async fn resolve_server_alert(&self, cause: Cause, at: Timestamp, fence: Fence) -> Result<bool, StoreError>;

    /// Returns `None` when there is no such alert.
    async fn find(&self, id: AlertId) -> Result<Option<Alert>, StoreError>;

    /// Lists alerts by id, which is the order of raising.
    async fn list(&self, filter: &AlertFilter, order: Order, page: &PageRequest) -> Result<Page<Alert>, StoreError>;

    /// Writes state, acknowledgement and resolution of `next` and the envelope in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the stored revision is not `seen` (case `alert::stale_revision_is_refused`).
    async fn save(&self, next: &Alert, seen: Revision, with: Envelope) -> Result<Revision, StoreError>;

    /// Writes many alerts as [`Self::save`] writes one, and one envelope, in one transaction. The revision of each of
    /// `next` is the one seen.
    ///
    /// # Errors
    /// [`StoreError::Stale`] or [`StoreError::Missing`] if one of them is no longer as it was seen; nothing is written
    /// then (case `alert::many_are_saved_together_or_not_at_all`).
    async fn save_many(&self, next: &[Alert], with: Envelope) -> Result<(), StoreError>;

    /// Counts unresolved alerts by severity.
    async fn count_open(&self, customer: Option<CustomerId>) -> Result<Vec<(Severity, u64)>, StoreError>;

    /// Counts the unresolved alerts of each of these terminals; those without any are left out.
    async fn count_open_of(&self, terminals: &[TerminalId]) -> Result<Vec<(TerminalId, u64)>, StoreError>;

    /// Deletes up to `limit` alerts that were resolved before `before`; returns how many.
    async fn drop_resolved(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

impl AlertState {
    /// Tells whether the alert still counts as a problem.
    pub const fn is_unresolved(self) -> bool {
        !matches!(self, Self::Resolved)
    }
}
