//! The port of maintenance times.

use std::fmt;

use async_trait::async_trait;

use super::{Maintenance, NewMaintenance};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{CustomerId, MaintenanceId, TerminalId},
    page::{Page, PageRequest},
    time::Timestamp,
};

/// Durable home of maintenance times.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait MaintenanceStore: fmt::Debug + Send + Sync + 'static {
    /// Writes a planned time and the envelope in one transaction.
    async fn insert(
        &self,
        plan: &NewMaintenance,
        created_by: &str,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Maintenance, StoreError>;

    /// Returns `None` when there is no such time.
    async fn find(&self, id: MaintenanceId) -> Result<Option<Maintenance>, StoreError>;

    /// Lists times by id, newest first, of one customer or terminal if given.
    async fn list(
        &self,
        customer: Option<CustomerId>,
        terminal: Option<TerminalId>,
        page: &PageRequest,
    ) -> Result<Page<Maintenance>, StoreError>;

    /// Ends a time at `at` unless it ends sooner; again changes nothing.
    async fn end(&self, id: MaintenanceId, at: Timestamp, with: Envelope) -> Result<(), StoreError>;

    /// Returns up to `limit` active terminals whose presence row says otherwise than the times at `now` do (a time
    /// holds in `[from, until)`), with what it should say (case `maintenance::out_of_step_finds_begin_and_end`); of one
    /// terminal only if given (case `maintenance::out_of_step_is_asked_of_one`).
    async fn out_of_step(
        &self,
        now: Timestamp,
        only: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(TerminalId, bool)>, StoreError>;
}
