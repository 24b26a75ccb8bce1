//! The port of terminals.

use std::fmt;

use async_trait::async_trait;

use super::{Lifecycle, Terminal, TerminalDraft, TerminalView, import::TerminalImport};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{CustomerId, Revision, TerminalId},
    named_enum,
    page::{Order, Page, PageRequest},
    presence::{Status, store::Retirement},
    text::SerialNumber,
    time::Timestamp,
};

named_enum!(
    /// What a list of terminals is sorted by; the id breaks ties.
    TerminalSort {
        /// Serial number.
        SerialNumber = "serial_number",
        /// Status by name, then serial number is not promised: the id breaks ties.
        Status = "status",
        /// The last heartbeat; by page number only, never by cursor (DECISIONS 16).
        LastHeartbeat = "last_heartbeat",
        /// The shop's name; terminals without one come first.
        StoreName = "store_name",
    }
);

/// Which terminals to list; retired ones only as [`TerminalFilter::shows_retired`] says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerminalFilter {
    /// Only of this customer; also how a scoped reader is bounded.
    pub customer: Option<CustomerId>,
    /// Only with this status.
    pub status: Option<Status>,
    /// Only of this model.
    pub model: Option<String>,
    /// Only with this reported firmware.
    pub firmware_version: Option<String>,
    /// Only of this shop.
    pub store_code: Option<String>,
    /// Only those whose search key contains this (already folded) text.
    pub search: Option<String>,
    /// Only those last heard before, or never.
    pub seen_before: Option<Timestamp>,
    /// Only with, or only without, unresolved alerts.
    pub has_alerts: Option<bool>,
    /// Only those that are so far in their life.
    pub lifecycle: Option<Lifecycle>,
    /// Retired ones too.
    pub with_retired: bool,
}

impl TerminalFilter {
    /// Tells whether retired terminals may be among those it finds.
    pub fn shows_retired(&self) -> bool {
        self.with_retired || self.lifecycle == Some(Lifecycle::Retired)
    }
}

/// How terminals that are not retired spread over the statuses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// Online.
    pub online: u64,
    /// Offline.
    pub offline: u64,
    /// In error.
    pub error: u64,
    /// In maintenance.
    pub maintenance: u64,
}

impl StatusCounts {
    /// Returns the sum.
    pub const fn total(&self) -> u64 {
        self.online + self.offline + self.error + self.maintenance
    }

    /// Returns the count of a status for writing.
    pub const fn of_mut(&mut self, status: Status) -> &mut u64 {
        match status {
            Status::Online => &mut self.online,
            Status::Offline => &mut self.offline,
            Status::Error => &mut self.error,
            Status::Maintenance => &mut self.maintenance,
        }
    }
}

/// Durable home of terminals.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait TerminalStore: fmt::Debug + Send + Sync + 'static {
    /// Returns `None` when there is no such terminal; retired ones are found.
    async fn find(&self, id: TerminalId) -> Result<Option<TerminalView>, StoreError>;

    /// Returns the terminal with this serial number.
    async fn find_by_serial(&self, serial: &SerialNumber) -> Result<Option<TerminalView>, StoreError>;

    /// Returns these terminals, in order of id and each once; unknown ones are left out, retired ones are found (case
    /// `terminal::many_are_found_in_order_of_id`).
    async fn find_many(&self, terminals: &[TerminalId]) -> Result<Vec<TerminalView>, StoreError>;

    /// Lists terminals. The cursor's value is the sorted text; [`TerminalSort::LastHeartbeat`] yields no cursor.
    ///
    /// Walking the cursors shows each terminal that matches throughout exactly once (case
    /// `terminal::cursors_walk_each_row_once`).
    async fn list(
        &self,
        filter: &TerminalFilter,
        sort: TerminalSort,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<TerminalView>, StoreError>;

    /// Writes a registered terminal with its presence row and the envelope in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the serial number is taken, [`StoreError::Missing`] when the customer is unknown,
    /// [`StoreError::Full`] when it has as many terminals as it may have, also if many are added at the same time (case
    /// `terminal::a_full_customer_takes_no_more`).
    async fn insert(&self, draft: &TerminalDraft, now: Timestamp, with: Envelope) -> Result<Terminal, StoreError>;

    /// Writes `next` with revision `seen + 1`, copies interval and customer to the presence row (whose version grows),
    /// moves the counts if the customer changed, and writes the envelope, all in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the stored revision is not `seen` (case `terminal::stale_revision_is_refused`),
    /// [`StoreError::Duplicate`] when the serial number is taken, [`StoreError::Missing`] when it or the customer is
    /// gone, [`StoreError::Full`] when it comes to a customer that is.
    async fn save(&self, next: &Terminal, seen: Revision, with: Envelope) -> Result<Revision, StoreError>;

    /// Returns the terminals with these serial numbers, retired ones too, in any order.
    async fn find_by_serials(&self, serials: &[SerialNumber]) -> Result<Vec<Terminal>, StoreError>;

    /// Registers and saves many terminals, each as [`Self::insert`] and [`Self::save`] do, and writes one envelope, all
    /// in one transaction (case `terminal::an_import_is_all_or_nothing`).
    ///
    /// # Errors
    /// As those of [`Self::insert`] and [`Self::save`] when one of them would be refused; nothing is written then.
    async fn import(&self, import: &TerminalImport, now: Timestamp, with: Envelope) -> Result<(), StoreError>;

    /// Retires a terminal: lifecycle, presence row, the interval of status that ends, all its agent tokens (with their
    /// revocations), its count and the envelope in one transaction (case `terminal::retiring_revokes_and_uncounts`).
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the revision is not `seen` or the presence version is not the one seen.
    async fn retire(
        &self,
        id: TerminalId,
        seen: Revision,
        retirement: &Retirement,
        with: Envelope,
    ) -> Result<(), StoreError>;

    /// Returns the counts by status; exact as of a moment at most 2 s ago (case `terminal::counts_follow_status`).
    async fn count_by_status(&self, customer: Option<CustomerId>) -> Result<StatusCounts, StoreError>;
}
