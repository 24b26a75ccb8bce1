//! Upkeep of the other stores, and of our logs with them: a decorator that passes everything on and adds one thing.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tms_core::{
    StoreError,
    settings::Retention,
    time::Timestamp,
    upkeep::{Health, UpkeepStore, store::Dropped},
};

use crate::JsonLinesLogs;

/// The upkeep of another store, which drops old lines of ours too.
#[derive(Debug)]
pub(crate) struct WithLogs {
    logs: Arc<JsonLinesLogs>,
    inner: Arc<dyn UpkeepStore>,
}

impl WithLogs {
    pub(crate) fn new(logs: Arc<JsonLinesLogs>, inner: Arc<dyn UpkeepStore>) -> Self {
        Self { logs, inner }
    }
}

#[async_trait]
impl UpkeepStore for WithLogs {
    async fn ensure_partitions(&self, now: Timestamp) -> Result<(), StoreError> {
        self.inner.ensure_partitions(now).await
    }

    async fn drop_history(&self, keep: &Retention, now: Timestamp) -> Result<Dropped, StoreError> {
        let mut dropped = self.inner.drop_history(keep, now).await?;
        // Whole days of receipt: the first day that is kept begins at midnight, UTC.
        let day = now.day() - i64::from(keep.logs_days);
        dropped.rows += self.logs.drop_before(Timestamp::from_secs(day * 86_400))?;
        Ok(dropped)
    }

    async fn compact_counts(&self) -> Result<(), StoreError> {
        self.inner.compact_counts().await
    }

    async fn recount(&self) -> Result<bool, StoreError> {
        self.inner.recount().await
    }

    async fn clock_skew(&self, now: Timestamp) -> Result<Duration, StoreError> {
        self.inner.clock_skew(now).await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        self.inner.health().await
    }
}
