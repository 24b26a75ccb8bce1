//! Upkeep in memory: retention by whole days; there are no partitions to make and no counts to mend.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    error::StoreError,
    settings::Retention,
    time::Timestamp,
    upkeep::{
        Health, SchemaState, UpkeepStore,
        store::{AuditGrants, Dropped},
    },
};

/// Drops the rows of days that are wholly older than `keep_days` and notes how much that was.
fn drop_days<T>(
    rows: &mut Vec<T>,
    at: impl Fn(&T) -> Timestamp,
    keep_days: u32,
    now: Timestamp,
    dropped: &mut Dropped,
) {
    let mut days = BTreeSet::new();
    let held = rows.len();
    rows.retain(|row| {
        let is_kept = at(row).day() + i64::from(keep_days) >= now.day();
        if !is_kept {
            days.insert(at(row).day());
        }
        is_kept
    });
    dropped.partitions += u64::try_from(days.len()).unwrap_or(u64::MAX);
    dropped.rows += u64::try_from(held - rows.len()).unwrap_or(u64::MAX);
}

#[async_trait]
impl UpkeepStore for MemoryStore {
    async fn ensure_partitions(&self, now: Timestamp) -> Result<(), StoreError> {
        self.enter()?.saw(now);
        Ok(())
    }

    async fn drop_history(&self, keep: &Retention, now: Timestamp) -> Result<Dropped, StoreError> {
        let mut guard = self.enter()?;
        let state = &mut *guard;
        let mut dropped = Dropped::default();
        for rows in state.history.values_mut() {
            drop_days(rows, |row| row.received_at, keep.metrics_days, now, &mut dropped);
        }
        let changes_from = now.day() - i64::from(keep.status_changes_days);
        state.quarters.retain(|at, _| at.day() >= changes_from);
        let hours_from = now.day() - i64::from(keep.metrics_hourly_days);
        let held = state.rolled.len();
        state.rolled.retain(|(_, hour), _| hour.begin().day() >= hours_from);
        dropped.rows += u64::try_from(held - state.rolled.len()).unwrap_or(u64::MAX);
        for rows in state.changes.values_mut() {
            drop_days(rows, |row| row.at, keep.status_changes_days, now, &mut dropped);
        }
        for rows in state.logs.values_mut() {
            drop_days(rows, |row| row.received_at, keep.logs_days, now, &mut dropped);
        }
        let changes_days = keep.status_changes_days;
        drop_days(&mut state.outages, |outage| outage.to, changes_days, now, &mut dropped);
        Ok(dropped)
    }

    async fn compact_counts(&self) -> Result<(), StoreError> {
        self.enter().map(drop)
    }

    async fn recount(&self) -> Result<bool, StoreError> {
        self.enter().map(|_| false)
    }

    async fn clock_skew(&self, _now: Timestamp) -> Result<Duration, StoreError> {
        self.enter().map(|_| Duration::ZERO)
    }

    async fn health(&self) -> Result<Health, StoreError> {
        self.enter().map(|_| Health {
            schema: SchemaState::Current,
            hazards: Vec::new(),
            audit: AuditGrants::Right,
            closed: Vec::new(),
            version: "memory".to_owned(),
        })
    }
}
