//! The port of people.

use std::fmt;

use async_trait::async_trait;

use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{Revision, SessionId, UserId},
    operator::{NewUser, Profile, User},
    page::{Order, Page, PageRequest},
    permission::Role,
    secret::Secret,
    time::Timestamp,
};

/// Which people to list, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Only those with this role.
    pub role: Option<Role>,
    /// Only those who may not sign in, or only the others.
    pub is_disabled: Option<bool>,
    /// Only those whose search key contains this (already folded) text.
    pub search: Option<String>,
}

/// Durable home of people.
///
/// Somebody who [governs](Profile::governs) stays: a change or a deletion after which nobody did is refused, of parallel
/// ones too (cases `user::the_last_administrator_stays`, `user::parallel_demotions_leave_one_administrator`).
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait UserStore: fmt::Debug + Send + Sync + 'static {
    /// Returns `None` when there is no such person.
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// Returns the person with this (lower-case) name.
    async fn find_by_name(&self, username: &str) -> Result<Option<User>, StoreError>;

    /// Tells whether there is anybody.
    async fn has_users(&self) -> Result<bool, StoreError>;

    /// Lists people by name (bytewise). The cursor's value is the name.
    async fn list(&self, filter: &UserFilter, order: Order, page: &PageRequest) -> Result<Page<User>, StoreError>;

    /// Writes a person, their link and the envelope in one transaction (case `user::a_link_comes_with_the_person`).
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken (case `user::names_are_unique`), [`StoreError::Missing`] when
    /// there is no such customer.
    async fn insert(&self, user: &NewUser, now: Timestamp, with: Envelope) -> Result<User, StoreError>;

    /// Writes what others may change of a person, with revision `seen + 1`, and the envelope in one transaction. Who is
    /// disabled by it loses every session, API token, link and known device in the same transaction (case
    /// `user::disabling_ends_all_that_was_given_out`); password and second factor stay.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the stored revision is not `seen` (case `user::stale_revision_is_refused`),
    /// [`StoreError::LastAdministrator`], [`StoreError::Missing`] when the person or the customer is gone.
    async fn save(&self, id: UserId, next: &Profile, seen: Revision, with: Envelope) -> Result<User, StoreError>;

    /// Sets the password and ends all sessions of the person but `spared`, and the link, in one transaction (case
    /// `user::a_new_password_ends_other_sessions`). The revision stays: nobody else changes a password.
    async fn set_password(
        &self,
        id: UserId,
        hash: &Secret<String>,
        spared: Option<SessionId>,
        with: Envelope,
    ) -> Result<(), StoreError>;

    /// Replaces the hash `seen` of a password by another one of the same password; when another writer was first
    /// nothing changes (case `user::a_rehash_never_undoes_a_new_password`).
    async fn rehash(&self, id: UserId, seen: &Secret<String>, next: &Secret<String>) -> Result<(), StoreError>;

    /// Deletes a person with all that was given out to them.
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::LastAdministrator`], [`StoreError::Missing`].
    async fn delete(&self, id: UserId, seen: Revision, with: Envelope) -> Result<(), StoreError>;
}
