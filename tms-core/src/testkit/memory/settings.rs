//! The settings in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{EntityRef, Revision},
    settings::{Settings, SettingsStore, StoredSettings},
};

#[async_trait]
impl SettingsStore for MemoryStore {
    async fn load(&self) -> Result<Option<StoredSettings>, StoreError> {
        Ok(self.enter()?.settings.clone())
    }

    async fn save(&self, next: &Settings, seen: Option<Revision>, with: Envelope) -> Result<Revision, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        if state.settings.as_ref().map(|stored| stored.revision) != seen {
            return Err(StoreError::Stale(EntityRef::new("settings", "")));
        }
        let revision = seen.map_or(Revision::FIRST, Revision::next);
        state.settings = Some(StoredSettings {
            settings: next.clone(),
            revision,
        });
        state.finish(with, 1);
        Ok(revision)
    }
}
