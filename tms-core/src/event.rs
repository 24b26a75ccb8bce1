//! The event stream: what changed, in commit order, for consoles and embedders (DECISIONS 7).
//!
//! Events are rows written with the change. Nobody decides anything from them: reconcilers read state.

pub mod live;
pub mod reader;
pub mod store;

use std::{fmt, str::FromStr};

use crate::{id::CustomerId, named_enum, text::InvalidText, time::Timestamp};

pub use live::{LiveEvents, LiveSettings};
pub use reader::{EndReason, EventKinds, EventReader, Identify, Told};
pub use store::EventStore;

named_enum!(
    /// What kind of change an event tells of.
    EventKind {
        /// The status of a terminal changed.
        TerminalStatusChange = "terminal_status_change",
        /// An alert was raised.
        NewAlert = "new_alert",
        /// An alert was acknowledged or resolved.
        AlertUpdate = "alert_update",
        /// A command changed its state.
        CommandUpdate = "command_update",
        /// A deployment or one of its waves changed its state.
        DeploymentUpdate = "deployment_update",
    }
);

/// A change to tell of.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What kind.
    pub kind: EventKind,
    /// Whose, so that a scoped reader can be kept from others.
    pub customer: Option<CustomerId>,
    /// When.
    pub at: Timestamp,
    /// The facts.
    pub data: serde_json::Value,
}

/// A place in the stream: the transaction, then the row within it.
///
/// Ordered so that a transaction that commits late is never behind a place already read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventPosition {
    /// The writing transaction; zero where the store has a single writer.
    pub transaction: i64,
    /// The row.
    pub row: i64,
}

impl fmt::Display for EventPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.transaction, self.row)
    }
}

impl FromStr for EventPosition {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| part.parse::<i64>().ok().filter(|n| *n >= 0);
        let parts = text.split_once('-').and_then(|(t, r)| Some((number(t)?, number(r)?)));
        let (transaction, row) = parts.ok_or_else(|| InvalidText("must be an event position".to_owned()))?;
        Ok(Self { transaction, row })
    }
}

/// An event that was read back.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its place.
    pub position: EventPosition,
    /// What it tells.
    pub event: Event,
}
