//! Personal API tokens in memory.

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of},
};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{ApiTokenId, EntityRef, UserId},
    operator::{ApiToken, ApiTokenStore, NewApiToken, User, api_token::MOST_TOKENS},
    page::{Order, Page, PageRequest},
    secret::TokenHash,
    time::Timestamp,
};

#[async_trait]
impl ApiTokenStore for MemoryStore {
    async fn insert(&self, token: &NewApiToken, now: Timestamp, with: Envelope) -> Result<ApiToken, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.user(token.user)?;
        let own = state.api_tokens.values().filter(|(_, held)| held.user == token.user);
        if u64::try_from(own.count()).unwrap_or(u64::MAX) >= MOST_TOKENS {
            return Err(StoreError::Full(EntityRef::new("user", token.user)));
        }
        let id = state.next_id();
        let stored = ApiToken {
            id: ApiTokenId::new(id).expect("ids grow from one"),
            user: token.user,
            name: token.name.clone(),
            scopes: token.scopes.clone(),
            expires_at: token.expires_at,
            last_used_at: None,
            created_at: now,
        };
        state.api_tokens.insert(id, (token.hash, stored.clone()));
        state.finish(with, id);
        Ok(stored)
    }

    async fn find_by_hash(&self, hash: TokenHash) -> Result<Option<(ApiToken, User)>, StoreError> {
        let state = self.enter()?;
        let found = state.api_tokens.values().find(|(held, _)| *held == hash);
        Ok(found.and_then(|(_, token)| Some((token.clone(), state.user(token.user).ok()?))))
    }

    async fn find(&self, user: UserId, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        let state = self.enter()?;
        let found = state.api_tokens.get(&id.get()).map(|(_, token)| token);
        Ok(found.filter(|token| token.user == user).cloned())
    }

    async fn list(&self, user: UserId, page: &PageRequest) -> Result<Page<ApiToken>, StoreError> {
        let state = self.enter()?;
        let own = state.api_tokens.values().filter(|(_, token)| token.user == user);
        let rows = own.map(|(_, token)| Keyed::by_id(token.id.get(), token));
        Ok(page_of(rows.collect(), Order::Descending, page, ApiToken::clone))
    }

    async fn note_use(&self, id: ApiTokenId, now: Timestamp) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        if let Some((_, token)) = state.api_tokens.get_mut(&id.get()) {
            token.last_used_at = token.last_used_at.max(Some(now));
        }
        Ok(())
    }

    async fn delete(&self, user: UserId, id: ApiTokenId, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let found = state.api_tokens.get(&id.get());
        if found.is_none_or(|(_, token)| token.user != user) {
            return Err(StoreError::Missing(EntityRef::new("api token", id)));
        }
        state.api_tokens.remove(&id.get());
        state.finish(with, id.get());
        Ok(())
    }

    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        let held = state.api_tokens.len();
        state.api_tokens.retain(|_, (_, token)| token.expires_at >= before);
        Ok(u64::try_from(held - state.api_tokens.len()).unwrap_or(u64::MAX))
    }
}
