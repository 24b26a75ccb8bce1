//! Remembered answers in memory.

use async_trait::async_trait;

use super::{MemoryStore, state::State};
use crate::{
    error::StoreError,
    idempotency::{IdempotencyRecord, IdempotencyStore, Remembered},
    time::Timestamp,
};

impl State {
    pub(super) fn recall(&self, caller: &str, text: &str, now: Timestamp) -> Option<&Remembered> {
        let known = self.remembered.get(&(caller.to_owned(), text.to_owned()));
        known.filter(|(until, _)| now < *until).map(|(_, known)| known)
    }

    pub(super) fn remember(&mut self, record: IdempotencyRecord, created: Option<i64>) {
        let known = Remembered {
            request: record.key.request,
            created,
            answer: record.answer,
        };
        let key = (record.key.caller, record.key.text);
        self.remembered.insert(key, (record.until, known));
    }
}

#[async_trait]
impl IdempotencyStore for MemoryStore {
    async fn find(&self, caller: &str, text: &str, now: Timestamp) -> Result<Option<Remembered>, StoreError> {
        Ok(self.enter()?.recall(caller, text, now).cloned())
    }

    async fn drop_forgotten(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        let old = state.remembered.iter().filter(|(_, (until, _))| *until <= now);
        let keys: Vec<_> = old
            .map(|(key, _)| key.clone())
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect();
        for key in &keys {
            state.remembered.remove(key);
        }
        Ok(u64::try_from(keys.len()).unwrap_or(u64::MAX))
    }
}
