//! Shared limits in memory.

use std::time::Duration;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    error::StoreError,
    limit::store::{LimitStore, LimitUse},
    time::Timestamp,
};

#[async_trait]
impl LimitStore for MemoryStore {
    async fn charge(&self, uses: &[LimitUse], now: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
        let mut state = self.enter()?;
        let charged = uses.iter().map(|taken| {
            let full_at = state.limits.entry((taken.kind, taken.key)).or_insert(now);
            *full_at = (*full_at)
                .max(now)
                .plus(Duration::from_micros(taken.used_micros.unsigned_abs()));
            *full_at
        });
        Ok(charged.collect())
    }

    async fn drop_full(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        let before = state.limits.len();
        state.limits.retain(|_, full_at| *full_at > now);
        Ok(u64::try_from(before - state.limits.len()).unwrap_or(u64::MAX))
    }
}
