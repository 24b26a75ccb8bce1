//! Measurements by the hour in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    error::StoreError,
    id::TerminalId,
    lease::Fence,
    metric::{Hour, MetricStore, Rollup},
};

#[async_trait]
impl MetricStore for MemoryStore {
    async fn next_hour(&self) -> Result<Option<Hour>, StoreError> {
        Ok(self.enter()?.next_hour)
    }

    async fn roll_up(&self, hour: Hour, fence: Fence) -> Result<u64, StoreError> {
        let mut guard = self.enter()?;
        guard.check_fence(Some(fence))?;
        let state = &mut *guard;
        state.rolled.retain(|(_, rolled), _| *rolled != hour);
        for (terminal, records) in &state.history {
            for record in records.iter().filter(|record| Hour::of(record.received_at) == hour) {
                let rollup = state.rolled.entry((*terminal, hour)).or_default();
                rollup.merge(&Rollup::from(&record.metrics));
            }
        }
        state.next_hour = state.next_hour.max(Some(hour.next()));
        let rows = state.rolled.keys().filter(|(_, rolled)| *rolled == hour).count();
        Ok(u64::try_from(rows).unwrap_or(u64::MAX))
    }

    async fn hours(&self, terminal: TerminalId, from: Hour, to: Hour) -> Result<Vec<(Hour, Rollup)>, StoreError> {
        let state = self.enter()?;
        let mut hours: BTreeMap<Hour, Rollup> = state
            .rolled
            .range((terminal, from)..(terminal, to))
            .map(|((_, hour), rollup)| (*hour, *rollup))
            .filter(|(hour, _)| Some(*hour) < state.next_hour)
            .collect();
        for record in state.history.get(&terminal).into_iter().flatten() {
            let hour = Hour::of(record.received_at);
            if (from..to).contains(&hour) && state.next_hour.is_none_or(|next| hour >= next) {
                hours.entry(hour).or_default().merge(&Rollup::from(&record.metrics));
            }
        }
        Ok(hours.into_iter().collect())
    }
}
