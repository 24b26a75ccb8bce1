//! The port of heartbeats: one batch in, history out.

use std::fmt;

use async_trait::async_trait;

use super::{Answer, Heartbeat, HeartbeatRecord, plan::BatchRules};
use crate::{
    error::StoreError,
    id::TerminalId,
    page::{Page, PageRequest},
    time::Timestamp,
};

/// Durable home of heartbeats.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait HeartbeatStore: fmt::Debug + Send + Sync + 'static {
    /// Stores a batch and returns one answer per heartbeat, in the same order.
    ///
    /// The store loads the rows of the terminals, calls [`super::plan::plan`], and writes all of its plan in one
    /// transaction: presence rows (one per terminal), history, status changes (as history, as the terminal's `status`,
    /// as counts, as events) and the terminal's reported `firmware_version`. It returns after the commit is durable.
    /// Two batches with the same terminal at one time leave what one after the other would have left (cases
    /// `heartbeat::batch_folds_presence_and_keeps_history`, `heartbeat::older_sequence_changes_nothing`, `heartbeat::uncounted_leaves_the_boot_alone`,
    /// `heartbeat::parallel_batches_lose_nothing`, `heartbeat::operators_settings_survive`).
    ///
    /// # Errors
    /// [`StoreError::Rejected`] when the store will never take this batch: the caller may halve it and try again.
    async fn record_batch(&self, beats: &[Heartbeat], rules: &BatchRules) -> Result<Vec<Answer>, StoreError>;

    /// Returns the stored heartbeats of a terminal received in `[from, to)`, newest first.
    async fn history(
        &self,
        terminal: TerminalId,
        from: Timestamp,
        to: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<HeartbeatRecord>, StoreError>;
}
