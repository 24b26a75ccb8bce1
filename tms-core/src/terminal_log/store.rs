//! The port of terminal logs.

use std::fmt;

use async_trait::async_trait;

use super::{LogEntry, LogLevel, StoredLog};
use crate::{
    error::StoreError,
    id::TerminalId,
    page::{Page, PageRequest},
    time::Timestamp,
};

/// Which lines to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Only this level.
    pub level: Option<LogLevel>,
    /// Only this type.
    pub kind: Option<String>,
    /// Only lines whose message contains this text (ASCII case does not matter).
    pub text: Option<String>,
}

/// Durable home of terminal logs.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait TerminalLogStore: fmt::Debug + Send + Sync + 'static {
    /// Stores the lines whose `event_id` is new for this terminal, all or none, and returns how many those were.
    ///
    /// A line sent twice, at one time or days apart, is stored once (cases `terminal_log::an_event_id_counts_once`,
    /// `terminal_log::parallel_repeats_count_once`).
    async fn append(&self, terminal: TerminalId, entries: &[LogEntry], now: Timestamp) -> Result<u64, StoreError>;

    /// Lists the lines of a terminal, the last received first.
    async fn list(
        &self,
        terminal: TerminalId,
        filter: &LogFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredLog>, StoreError>;
}
