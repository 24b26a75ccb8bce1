//! Logs that agents send. Not the program's own log.

pub mod service;
pub mod store;

use crate::{id::LogId, named_enum, time::Timestamp};

pub use service::TerminalLogs;
pub use store::TerminalLogStore;

named_enum!(
    /// How serious a line is.
    LogLevel {
        /// For developers.
        Debug = "DEBUG",
        /// The normal course.
        Info = "INFO",
        /// Worth a look.
        Warning = "WARNING",
        /// Something failed.
        Error = "ERROR",
        /// Nothing works any more.
        Critical = "CRITICAL",
    }
);

/// A checked line.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// Names the line within its terminal, so that it counts once: 1 to 64 printable ASCII characters.
    pub event_id: String,
    /// When, by the agent's clock.
    pub timestamp: Timestamp,
    /// How serious.
    pub level: LogLevel,
    /// What about, 1 to 50 characters.
    pub kind: String,
    /// What happened, at most 4,000 characters.
    pub message: String,
    /// Facts; `null` when there are none.
    pub details: serde_json::Value,
}

/// A line as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredLog {
    /// Its id.
    pub id: LogId,
    /// The line.
    pub entry: LogEntry,
    /// When it came.
    pub received_at: Timestamp,
}
