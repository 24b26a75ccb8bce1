//! Second factors in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{EntityRef, UserId},
    operator::{SecondFactor, SecondFactorStore, seal::SealedSeed, totp::Step},
    secret::TokenHash,
    time::Timestamp,
};

#[async_trait]
impl SecondFactorStore for MemoryStore {
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, StoreError> {
        let state = self.enter()?;
        let left = state.recovery.iter().filter(|(owner, _)| *owner == user).count();
        Ok(state.factors.get(&user).map(|factor| SecondFactor {
            recovery_left: u32::try_from(left).unwrap_or(u32::MAX),
            ..factor.clone()
        }))
    }

    async fn propose(&self, user: UserId, seed: &SealedSeed) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        if state.user(user)?.has_second_factor {
            return Err(StoreError::Duplicate(EntityRef::new("second factor", user)));
        }
        let factor = SecondFactor {
            user,
            seed: seed.clone(),
            confirmed_at: None,
            last_step: 0,
            recovery_left: 0,
        };
        state.factors.insert(user, factor);
        Ok(())
    }

    async fn confirm(
        &self,
        seen: &SecondFactor,
        step: Step,
        recovery: &[TokenHash],
        now: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let present = state.factors.get_mut(&seen.user);
        let waits = |factor: &&mut SecondFactor| factor.confirmed_at.is_none() && factor.seed == seen.seed;
        let Some(factor) = present.filter(waits) else {
            return Err(StoreError::Stale(EntityRef::new("second factor", seen.user)));
        };
        factor.confirmed_at = Some(now);
        factor.last_step = step;
        state.recovery.extend(recovery.iter().map(|code| (seen.user, *code)));
        state.finish(with, seen.user.get());
        Ok(())
    }

    async fn use_step(&self, user: UserId, step: Step) -> Result<bool, StoreError> {
        let mut state = self.enter()?;
        let factor = state.factors.get_mut(&user);
        let Some(factor) = factor.filter(|factor| factor.confirmed_at.is_some() && factor.last_step < step) else {
            return Ok(false);
        };
        factor.last_step = step;
        Ok(true)
    }

    async fn use_recovery(&self, user: UserId, code: TokenHash, with: Envelope) -> Result<bool, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let was_there = state.recovery.remove(&(user, code));
        if was_there {
            state.finish(with, user.get());
        }
        Ok(was_there)
    }

    async fn reseal(&self, user: UserId, seen: &SealedSeed, next: &SealedSeed) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        let factor = state.factors.get_mut(&user);
        if let Some(factor) = factor.filter(|factor| factor.seed == *seen) {
            factor.seed = next.clone();
        }
        Ok(())
    }

    async fn remove(&self, user: UserId, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        if state.factors.remove(&user).is_some() {
            state.recovery.retain(|(owner, _)| *owner != user);
            state.finish(with, user.get());
        }
        Ok(())
    }
}
