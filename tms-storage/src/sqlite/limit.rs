//! Shared limits: one process serves a SQLite file, so they need not be in it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tms_core::{
    StoreError,
    limit::store::{LimitKind, LimitStore, LimitUse},
    time::Timestamp,
};

use super::SqliteStore;

/// When each bucket is full again.
pub(super) type Buckets = Mutex<HashMap<(LimitKind, i64), Timestamp>>;

#[async_trait]
impl LimitStore for SqliteStore {
    async fn charge(&self, uses: &[LimitUse], now: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
        let mut buckets = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let charged = uses.iter().map(|taken| {
            let full_at = buckets.entry((taken.kind, taken.key)).or_insert(now);
            *full_at = (*full_at)
                .max(now)
                .plus(Duration::from_micros(taken.used_micros.unsigned_abs()));
            *full_at
        });
        Ok(charged.collect())
    }

    async fn drop_full(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut buckets = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let before = buckets.len();
        buckets.retain(|_, full_at| *full_at > now);
        Ok(u64::try_from(before - buckets.len()).unwrap_or(u64::MAX))
    }
}
