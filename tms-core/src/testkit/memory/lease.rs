//! Leases in memory.

use std::time::Duration;

use async_trait::async_trait;

use super::{MemoryStore, state::Held};
use crate::{
    error::StoreError,
    lease::{Fence, LeaseStore},
    time::Timestamp,
};

#[async_trait]
impl LeaseStore for MemoryStore {
    async fn acquire(
        &self,
        lease: &'static str,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        let mut state = self.enter()?;
        state.saw(now);
        let held = state.leases.entry(lease).or_insert_with(|| Held {
            holder: None,
            token: 0,
            until: Timestamp::EPOCH,
        });
        if held.holder.as_deref() != Some(holder) {
            if held.holder.is_some() && now < held.until {
                return Ok(None);
            }
            held.holder = Some(holder.to_owned());
            held.token += 1;
        }
        held.until = now.plus(ttl);
        let token = held.token;
        Ok(Some(Fence { lease, token }))
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        let held = state.leases.get_mut(fence.lease);
        if let Some(held) = held.filter(|held| held.token == fence.token) {
            held.holder = None;
        }
        Ok(())
    }
}
