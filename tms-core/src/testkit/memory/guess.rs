//! Guesses and known devices in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    error::StoreError,
    id::UserId,
    operator::{
        GuessStore,
        guess::{GuessWindow, KnownDevice, MOST_DEVICES},
    },
    secret::TokenHash,
    time::Timestamp,
};

#[async_trait]
impl GuessStore for MemoryStore {
    async fn count(&self, guesser: TokenHash, now: Timestamp) -> Result<GuessWindow, StoreError> {
        let mut state = self.enter()?;
        let window = GuessWindow::with_one_more(state.guesses.get(&guesser).copied(), now);
        state.guesses.insert(guesser, window);
        Ok(window)
    }

    async fn forgive(&self, guesser: TokenHash) -> Result<(), StoreError> {
        self.enter()?.guesses.remove(&guesser);
        Ok(())
    }

    async fn remember_device(&self, device: TokenHash, user: UserId, now: Timestamp) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.user(user)?;
        state.devices.insert(device, KnownDevice { user, seen_at: now });
        let own = state.devices.iter().filter(|(_, known)| known.user == user);
        let mut own: Vec<_> = own.map(|(hash, known)| (known.seen_at, *hash)).collect();
        own.sort_unstable();
        let spare = own
            .len()
            .saturating_sub(usize::try_from(MOST_DEVICES).unwrap_or(usize::MAX));
        for (_, hash) in own.into_iter().take(spare) {
            state.devices.remove(&hash);
        }
        Ok(())
    }

    async fn find_device(&self, device: TokenHash) -> Result<Option<KnownDevice>, StoreError> {
        Ok(self.enter()?.devices.get(&device).copied())
    }

    async fn drop_old(&self, windows: Timestamp, devices: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        let held = state.guesses.len() + state.devices.len();
        state.guesses.retain(|_, window| window.begun >= windows);
        state.devices.retain(|_, device| device.seen_at >= devices);
        Ok(u64::try_from(held - state.guesses.len() - state.devices.len()).unwrap_or(u64::MAX))
    }
}
