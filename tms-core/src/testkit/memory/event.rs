//! The event stream in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    error::StoreError,
    event::{EventPosition, EventStore, store::EventTail},
    time::Timestamp,
};

#[async_trait]
impl EventStore for MemoryStore {
    async fn tail(&self, after: EventPosition, limit: u32) -> Result<EventTail, StoreError> {
        let state = self.enter()?;
        if after < state.last_dropped_event {
            return Ok(EventTail::Resync { head: state.last_event });
        }
        let behind = state.events.partition_point(|stored| stored.position <= after);
        let events = state
            .events
            .iter()
            .skip(behind)
            .take(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(EventTail::Events(events.cloned().collect()))
    }

    async fn head(&self) -> Result<EventPosition, StoreError> {
        Ok(self.enter()?.last_event)
    }

    async fn drop_before(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut guard = self.enter()?;
        let state = &mut *guard;
        let held = state.events.len();
        let last_dropped = &mut state.last_dropped_event;
        state.events.retain(|stored| {
            let is_kept = stored.event.at >= before;
            if !is_kept {
                *last_dropped = stored.position.max(*last_dropped);
            }
            is_kept
        });
        Ok(u64::try_from(held - state.events.len()).unwrap_or(u64::MAX))
    }
}
