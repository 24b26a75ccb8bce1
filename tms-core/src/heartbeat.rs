//! Heartbeats: the periodic report of an agent, from the validated message to the rows that a batch writes.

pub mod ingest;
mod latency;
pub mod metrics;
pub mod plan;
pub mod service;
pub mod store;

use crate::{
    id::TerminalId,
    presence::{BootId, Counters, Device, Reported},
    time::Timestamp,
};

pub use ingest::HeartbeatIngest;
pub use metrics::Metrics;
pub use service::Heartbeats;
pub use store::HeartbeatStore;

/// A heartbeat whose every field was checked; what waits in the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Heartbeat {
    /// Whose; comes from the token.
    pub terminal: TerminalId,
    /// When it came, by the server's clock.
    pub received_at: Timestamp,
    /// The agent's own clock.
    pub agent_time: Timestamp,
    /// The boot and its counter; without both, arrival order counts.
    pub sequence: Option<Sequence>,
    /// The reader.
    pub device: Device,
    /// Measurements.
    pub metrics: Metrics,
    /// What the agent says of itself; a field that is `None` leaves the stored one.
    pub reported: Reported,
    /// What the agent counted.
    pub counters: Counters,
}

/// The place of a heartbeat among those of its agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The start of the agent.
    pub boot: BootId,
    /// Counts from zero within the boot.
    pub seq: i64,
}

/// What the agent is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Stored.
    Recorded(Next),
    /// An older or repeated one: acknowledged, nothing changed.
    Repeated(Next),
    /// The terminal is gone.
    Unknown,
}

/// When to come again and what to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Seconds until the next heartbeat.
    pub next_s: u32,
    /// The configuration that the terminal should have.
    pub config_version: i64,
}

/// A stored heartbeat as history keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeartbeatRecord {
    /// When it came.
    pub received_at: Timestamp,
    /// The agent's own clock.
    pub agent_time: Timestamp,
    /// Its counter, if the agent counts.
    pub seq: Option<i64>,
    /// The reader.
    pub device: Device,
    /// Measurements.
    pub metrics: Metrics,
    /// How many cards were read since the start of the day.
    pub transaction_count: Option<i64>,
}
