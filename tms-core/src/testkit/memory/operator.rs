//! People and sessions in memory.

use async_trait::async_trait;

use super::{MemoryStore, state::State};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{EntityRef, Revision, SessionId, UserId},
    operator::{NewUser, OperatorStore, Session, SessionTokens, User, store::NewSession},
    secret::TokenHash,
    time::Timestamp,
};

impl State {
    fn with_user(&self, session: &Session) -> Option<(Session, User)> {
        let user = self.users.get(&session.user.get())?;
        Some((session.clone(), user.clone()))
    }
}

#[async_trait]
impl OperatorStore for MemoryStore {
    async fn find_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        let state = self.enter()?;
        Ok(state.users.values().find(|user| user.username == username).cloned())
    }

    async fn insert(&self, user: &NewUser, now: Timestamp, with: Envelope) -> Result<User, StoreError> {
        let mut state = self.enter()?;
        state.check_fence(with.fence)?;
        if state.users.values().any(|other| other.username == user.username) {
            return Err(StoreError::Duplicate(EntityRef::new("user", &user.username)));
        }
        let id = state.next_id();
        let stored = User {
            id: UserId::new(id).expect("ids grow from one"),
            username: user.username.clone(),
            full_name: user.full_name.clone(),
            email: user.email.clone(),
            role: user.role,
            customer: user.customer,
            password_hash: user.password_hash.clone(),
            is_disabled: false,
            created_at: now,
            revision: Revision::FIRST,
        };
        state.users.insert(id, stored.clone());
        state.finish(with, id);
        Ok(stored)
    }

    async fn has_users(&self) -> Result<bool, StoreError> {
        Ok(!self.enter()?.users.is_empty())
    }

    async fn begin_session(
        &self,
        session: &NewSession,
        now: Timestamp,
        with: Envelope,
    ) -> Result<SessionId, StoreError> {
        let mut state = self.enter()?;
        state.check_fence(with.fence)?;
        if !state.users.contains_key(&session.user.get()) {
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
            address: session.address,
            created_at: now,
        };
        state.refresh_tokens.insert(session.tokens.refresh, id);
        state.sessions.insert(id, stored);
        state.finish(with, id.get());
        Ok(id)
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

    async fn rotate_session(
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

    async fn revoke_session(&self, session: SessionId, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check_fence(with.fence)?;
        let missing = || StoreError::Missing(EntityRef::new("session", session));
        let stored = state.sessions.get_mut(&session).ok_or_else(missing)?;
        stored.is_revoked = true;
        state.finish(with, session.get());
        Ok(())
    }

    async fn drop_sessions(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut guard = self.enter()?;
        let state = &mut *guard;
        let held = state.sessions.len();
        state.sessions.retain(|_, session| session.expires_at >= before);
        let sessions = &state.sessions;
        state.refresh_tokens.retain(|_, id| sessions.contains_key(id));
        Ok(u64::try_from(held - sessions.len()).unwrap_or(u64::MAX))
    }
}
