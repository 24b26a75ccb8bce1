//! The port of upkeep.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::{error::StoreError, settings::Retention, time::Timestamp};

/// How the stored schema relates to this release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// Migrations are missing: wait.
    Older,
    /// Exactly this release's.
    Current,
    /// A newer release has migrated already: go on.
    Newer,
}

/// What the role with which the store signs in to its database may do to the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AuditGrants {
    /// Read it and add to it; or there are no roles to speak of.
    #[default]
    Right,
    /// It can't add to it, so that every change is refused; in words with the way out.
    TooFew(String),
    /// It may change or delete what is written; in words with the way out.
    TooMany(String),
}

/// Whether a store can be trusted with acknowledged work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The schema.
    pub schema: SchemaState,
    /// Settings of the database that would lose acknowledged work, in words with the way out; empty when it is safe.
    pub hazards: Vec<String>,
    /// What the store's own rights on the audit trail are.
    pub audit: AuditGrants,
    /// Tables on which the role of the store lacks rights, so that what needs them fails; empty when it has them all.
    pub closed: Vec<String>,
    /// What the store is, such as `PostgreSQL 15.4`.
    pub version: String,
}

/// What upkeep dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Whole partitions, or days of rows where there are none.
    pub partitions: u64,
    /// Single rows.
    pub rows: u64,
}

/// Housekeeping of a store.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait UpkeepStore: fmt::Debug + Send + Sync + 'static {
    /// Makes the partitions of history for the days around `now` (yesterday to three days ahead); again does nothing.
    /// A store without partitions does nothing.
    async fn ensure_partitions(&self, now: Timestamp) -> Result<(), StoreError>;

    /// Drops metrics, raw and by the hour, status changes, logs and old outages that `keep` no longer asks for, whole days of
    /// receipt at a time (case `upkeep::retention_drops_whole_days`).
    async fn drop_history(&self, keep: &Retention, now: Timestamp) -> Result<Dropped, StoreError>;

    /// Folds the changes of counts into the counts; the sums stay the same.
    async fn compact_counts(&self) -> Result<(), StoreError>;

    /// Counts the terminals anew and mends the counts; returns whether they were wrong.
    async fn recount(&self) -> Result<bool, StoreError>;

    /// Returns by how much the clock of the store's own machine differs from `now`; zero where it is this machine.
    async fn clock_skew(&self, now: Timestamp) -> Result<Duration, StoreError>;

    /// Looks whether the store answers and can be trusted.
    async fn health(&self) -> Result<Health, StoreError>;
}
