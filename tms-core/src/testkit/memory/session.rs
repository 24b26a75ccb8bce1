//! Sessions in memory.

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of},
    state::State,
};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{EntityRef, SessionId, UserId},
    operator::{NewSession, Session, SessionStore, SessionTokens, User},
    page::{Order, Page, PageRequest},
    secret::TokenHash,
    time::Timestamp,
};

impl State {
    fn with_user(&self, session: &Session) -> Option<(Session, User)> {
        Some((session.clone(), self.user(session.user).ok()?))
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn begin(&self, session: &NewSession, now: Timestamp, with: Envelope) -> Result<SessionId, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let user = state.user(session.user)?;
        if user.profile.is_disabled || user.password_hash != session.password_hash {
            return Err(StoreError::Missing(EntityRef::new("user", session.user)));
        }
        let id = SessionId::new(state.next_id()).expect("ids grow from one");
        let stored = Session {
            id,
            user: session.user,
            tokens: session.tokens,
            previous: None,
            expires_at: session.expires_at,
            is_revoked: false,
            proven_at: now,
            address: session.address,
            user_agent: session.user_agent.clone(),
            created_at: now,
        };
        state.refresh_tokens.insert(session.tokens.refresh, id);
        state.sessions.insert(id, stored);
        state.finish(with, id.get());
        Ok(id)
    }

    async fn find(&self, user: UserId, id: SessionId) -> Result<Option<Session>, StoreError> {
        let state = self.enter()?;
        let found = state.sessions.get(&id).filter(|session| session.user == user);
        Ok(found.cloned())
    }

    async fn find_by_access(&self, access: TokenHash) -> Result<Option<(Session, User)>, StoreError> {
        let state = self.enter()?;
        let mut sessions = state.sessions.values();
        let session = sessions.find(|session| session.tokens.access == access);
        Ok(session.and_then(|session| state.with_user(session)))
    }

    async fn find_by_refresh(&self, refresh: TokenHash) -> Result<Option<(Session, User)>, StoreError> {
        let state = self.enter()?;
        let session = state.refresh_tokens.get(&refresh).and_then(|id| state.sessions.get(id));
        Ok(session.and_then(|session| state.with_user(session)))
    }

    async fn list(&self, user: UserId, now: Timestamp, page: &PageRequest) -> Result<Page<Session>, StoreError> {
        let state = self.enter()?;
        let own = state.sessions.values().filter(|s| s.user == user && s.is_live(now));
        let rows = own.map(|session| Keyed::by_id(session.id.get(), session));
        Ok(page_of(rows.collect(), Order::Descending, page, Session::clone))
    }

    async fn rotate(
        &self,
        session: SessionId,
        seen: TokenHash,
        next: &SessionTokens,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        let present = state.sessions.get_mut(&session);
        let Some(stored) = present.filter(|stored| stored.tokens.refresh == seen) else {
            return Err(StoreError::Stale(EntityRef::new("session", session)));
        };
        stored.previous = Some((seen, now));
        stored.tokens = *next;
        state.refresh_tokens.insert(next.refresh, session);
        Ok(())
    }

    async fn extend(&self, session: SessionId, access: TokenHash, until: Timestamp) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        let stored = state.sessions.get_mut(&session);
        if let Some(stored) = stored.filter(|stored| stored.tokens.access == access && !stored.is_revoked) {
            stored.tokens.access_until = stored.tokens.access_until.max(until);
        }
        Ok(())
    }

    async fn prove(&self, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        if let Some(stored) = state.sessions.get_mut(&session) {
            stored.proven_at = stored.proven_at.max(now);
        }
        Ok(())
    }

    async fn revoke(&self, session: SessionId, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let stored = state.sessions.get_mut(&session);
        if let Some(stored) = stored.filter(|stored| !stored.is_revoked) {
            stored.is_revoked = true;
            state.finish(with, session.get());
        }
        Ok(())
    }

    async fn revoke_all(
        &self,
        user: UserId,
        spared: Option<SessionId>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let ended = state.end_sessions(user, spared, Some(now));
        state.finish(with, user.get());
        Ok(ended)
    }

    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut guard = self.enter()?;
        let state = &mut *guard;
        let held = state.sessions.len();
        state.sessions.retain(|_, session| session.expires_at >= before);
        let sessions = &state.sessions;
        state.refresh_tokens.retain(|_, id| sessions.contains_key(id));
        Ok(u64::try_from(held - sessions.len()).unwrap_or(u64::MAX))
    }
}
