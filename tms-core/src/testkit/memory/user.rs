//! People in memory.

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of},
    state::State,
};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{EntityRef, Revision, SessionId, UserId},
    operator::{NewUser, PasswordLink, Profile, User, UserFilter, UserStore},
    page::{Order, Page, PageRequest},
    secret::Secret,
    time::Timestamp,
};

impl State {
    /// Returns a person as the port shows them.
    pub(super) fn user(&self, id: UserId) -> Result<User, StoreError> {
        let missing = || StoreError::Missing(EntityRef::new("user", id));
        let stored = self.users.get(&id.get()).ok_or_else(missing)?;
        let factor = self.factors.get(&id);
        Ok(User {
            has_second_factor: factor.is_some_and(|factor| factor.confirmed_at.is_some()),
            ..stored.clone()
        })
    }

    fn check_user(&self, id: UserId, seen: Revision) -> Result<User, StoreError> {
        let user = self.user(id)?;
        if user.revision == seen {
            Ok(user)
        } else {
            Err(StoreError::Stale(EntityRef::new("user", id)))
        }
    }

    /// Refuses that nobody governs any more once `user` has become `next`.
    fn check_government(&self, user: &User, next: Option<&Profile>) -> Result<(), StoreError> {
        if !user.profile.governs() || next.is_some_and(Profile::governs) {
            return Ok(());
        }
        let mut others = self.users.values().filter(|other| other.id != user.id);
        if others.any(|other| other.profile.governs()) {
            Ok(())
        } else {
            Err(StoreError::LastAdministrator)
        }
    }

    pub(super) fn end_sessions(&mut self, user: UserId, spared: Option<SessionId>, now: Option<Timestamp>) -> u64 {
        let hit = self.sessions.values_mut().filter(|session| {
            let goes_on = now.is_none_or(|now| session.is_live(now)) && !session.is_revoked;
            session.user == user && Some(session.id) != spared && goes_on
        });
        let ended = hit.map(|session| session.is_revoked = true).count();
        u64::try_from(ended).unwrap_or(u64::MAX)
    }

    /// Takes back everything that was given out to a person.
    fn disown(&mut self, user: UserId) {
        self.end_sessions(user, None, None);
        self.api_tokens.retain(|_, (_, token)| token.user != user);
        self.links.retain(|_, link| link.user != user);
        self.devices.retain(|_, device| device.user != user);
    }

    fn check_customer_of(&self, profile: &Profile) -> Result<(), StoreError> {
        profile.customer.map_or(Ok(()), |id| self.customer(id).map(drop))
    }
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.enter()?.user(id).ok())
    }

    async fn find_by_name(&self, username: &str) -> Result<Option<User>, StoreError> {
        let state = self.enter()?;
        let found = state.users.values().find(|user| user.username == username);
        found.map(|user| state.user(user.id)).transpose()
    }

    async fn has_users(&self) -> Result<bool, StoreError> {
        Ok(!self.enter()?.users.is_empty())
    }

    async fn list(&self, filter: &UserFilter, order: Order, page: &PageRequest) -> Result<Page<User>, StoreError> {
        let state = self.enter()?;
        let matching = state.users.values().filter(|user| {
            let key = User::search_key(&user.username, &user.profile);
            filter.role.is_none_or(|role| user.profile.role == role)
                && filter.is_disabled.is_none_or(|is| user.profile.is_disabled == is)
                && filter.search.as_ref().is_none_or(|needle| key.contains(needle))
        });
        let rows = matching.map(|user| Keyed {
            value: user.username.clone(),
            id: user.id.get(),
            row: user.id,
        });
        let shown = |id| state.user(id).expect("a listed person is there");
        Ok(page_of(rows.collect(), order, page, shown))
    }

    async fn insert(&self, user: &NewUser, now: Timestamp, with: Envelope) -> Result<User, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.check_customer_of(&user.profile)?;
        if state.users.values().any(|other| other.username == user.username) {
            return Err(StoreError::Duplicate(EntityRef::new("user", &user.username)));
        }
        let id = state.next_id();
        let stored = User {
            id: UserId::new(id).expect("ids grow from one"),
            username: user.username.clone(),
            profile: user.profile.clone(),
            password_hash: user.password_hash.clone(),
            has_second_factor: false,
            created_at: now,
            revision: Revision::FIRST,
        };
        state.users.insert(id, stored.clone());
        if let Some((hash, expires_at)) = user.link {
            let user = stored.id;
            let link = PasswordLink { user, hash, expires_at };
            state.links.insert(hash, link);
        }
        state.finish(with, id);
        Ok(stored)
    }

    async fn save(&self, id: UserId, next: &Profile, seen: Revision, with: Envelope) -> Result<User, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let user = state.check_user(id, seen)?;
        state.check_customer_of(next)?;
        state.check_government(&user, Some(next))?;
        let saved = User {
            profile: next.clone(),
            revision: seen.next(),
            ..user
        };
        state.users.insert(id.get(), saved.clone());
        if next.is_disabled {
            state.disown(id);
        }
        state.finish(with, id.get());
        Ok(saved)
    }

    async fn set_password(
        &self,
        id: UserId,
        hash: &Secret<String>,
        spared: Option<SessionId>,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let user = state.user(id)?;
        let saved = User {
            password_hash: Some(hash.clone()),
            ..user
        };
        state.users.insert(id.get(), saved);
        state.end_sessions(id, spared, None);
        state.links.retain(|_, link| link.user != id);
        state.finish(with, id.get());
        Ok(())
    }

    async fn rehash(&self, id: UserId, seen: &Secret<String>, next: &Secret<String>) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        let user = state.users.get_mut(&id.get());
        if let Some(user) = user.filter(|user| user.password_hash.as_ref() == Some(seen)) {
            user.password_hash = Some(next.clone());
        }
        Ok(())
    }

    async fn delete(&self, id: UserId, seen: Revision, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let user = state.check_user(id, seen)?;
        state.check_government(&user, None)?;
        state.disown(id);
        state.factors.remove(&id);
        state.recovery.retain(|(user, _)| *user != id);
        let state = &mut *state;
        state.sessions.retain(|_, session| session.user != id);
        let sessions = &state.sessions;
        state.refresh_tokens.retain(|_, session| sessions.contains_key(session));
        state.users.remove(&id.get());
        state.finish(with, id.get());
        Ok(())
    }
}
