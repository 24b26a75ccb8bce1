//! The port of measurements by the hour.

use std::fmt;

use async_trait::async_trait;

use super::{Hour, Rollup};
use crate::{error::StoreError, id::TerminalId, lease::Fence};

/// Durable home of measurements by the hour.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait MetricStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the first hour that is not rolled up so far; `None` while none was.
    async fn next_hour(&self) -> Result<Option<Hour>, StoreError>;

    /// Rolls one hour up from its heartbeats, in place of what was rolled up of it before, and notes that the one after it
    /// is the next. Returns how many terminals were heard in it.
    ///
    /// Doing it again leaves the same, whatever came meanwhile or broke off before (cases
    /// `metric::an_hour_is_rolled_up_once`, `metric::rolling_again_leaves_the_same`). The next hour never goes back
    /// (case `metric::the_next_hour_never_goes_back`).
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when `fence` is not the present one; nothing is noted then (case
    /// `metric::a_fenced_leader_notes_nothing`).
    async fn roll_up(&self, hour: Hour, fence: Fence) -> Result<u64, StoreError>;

    /// Returns the hours of a terminal from `from` to before `to` in which it was heard, in order: as they were rolled up,
    /// and from the next hour on from the heartbeats themselves, each hour once (case
    /// `metric::the_tail_comes_from_heartbeats`).
    async fn hours(&self, terminal: TerminalId, from: Hour, to: Hour) -> Result<Vec<(Hour, Rollup)>, StoreError>;
}
