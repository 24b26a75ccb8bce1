//! Password links in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::EntityRef,
    operator::{PasswordLink, PasswordLinkStore, User},
    secret::{Secret, TokenHash},
    time::Timestamp,
};

#[async_trait]
impl PasswordLinkStore for MemoryStore {
    async fn issue(&self, link: &PasswordLink, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.user(link.user)?;
        state.links.retain(|_, other| other.user != link.user);
        state.links.insert(link.hash, *link);
        state.finish(with, link.user.get());
        Ok(())
    }

    async fn find(&self, hash: TokenHash) -> Result<Option<(PasswordLink, User)>, StoreError> {
        let state = self.enter()?;
        let link = state.links.get(&hash);
        Ok(link.and_then(|link| Some((*link, state.user(link.user).ok()?))))
    }

    async fn redeem(
        &self,
        hash: TokenHash,
        password: &Secret<String>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let link = state.links.get(&hash).filter(|link| now < link.expires_at).copied();
        let link = link.ok_or_else(|| StoreError::Missing(EntityRef::new("password link", "")))?;
        if let Some(user) = state.users.get_mut(&link.user.get()) {
            user.password_hash = Some(password.clone());
        }
        state.links.remove(&hash);
        state.end_sessions(link.user, None, None);
        state.devices.retain(|_, device| device.user != link.user);
        state.finish(with, link.user.get());
        Ok(())
    }

    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        let held = state.links.len();
        state.links.retain(|_, link| link.expires_at >= before);
        Ok(u64::try_from(held - state.links.len()).unwrap_or(u64::MAX))
    }
}
