//! The port of the event stream. Writing has no method: events arrive in envelopes and with batches.

use std::fmt;

use async_trait::async_trait;

use super::{EventPosition, StoredEvent};
use crate::{error::StoreError, time::Timestamp};

/// What a reader gets.
#[derive(Debug, Clone, PartialEq)]
pub enum EventTail {
    /// The next events, possibly none, in order of position.
    Events(Vec<StoredEvent>),
    /// The place asked for is older than what is kept: read the present state, then follow from `head`.
    Resync {
        /// The newest place that is safe to follow from.
        head: EventPosition,
    },
}

/// Durable home of events.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait EventStore: fmt::Debug + Send + Sync + 'static {
    /// Returns up to `limit` events behind `after`.
    ///
    /// Never skips one: an event is returned only when no transaction that is still running could put one before it
    /// (case `event::tail_returns_each_event_once_in_order`). Answers `Resync` when `after` is older than the events
    /// already dropped (case `event::dropped_events_ask_for_resync`).
    async fn tail(&self, after: EventPosition, limit: u32) -> Result<EventTail, StoreError>;

    /// Returns the newest place that `tail` would have returned; the default when there is none.
    async fn head(&self) -> Result<EventPosition, StoreError>;

    /// Drops events older than `before` and returns how many (case `event::dropped_events_ask_for_resync`).
    async fn drop_before(&self, before: Timestamp) -> Result<u64, StoreError>;
}
