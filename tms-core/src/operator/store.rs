//! The port of people and their sessions.

use std::{fmt, net::IpAddr};

use async_trait::async_trait;

use super::{NewUser, Session, SessionTokens, User};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{SessionId, UserId},
    secret::TokenHash,
    time::Timestamp,
};

/// A session to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSession {
    /// Whose.
    pub user: UserId,
    /// Its tokens.
    pub tokens: SessionTokens,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// From where.
    pub address: Option<IpAddr>,
}

/// Durable home of people and their sessions.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait OperatorStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the person with this (lower-case) name.
    async fn find_by_name(&self, username: &str) -> Result<Option<User>, StoreError>;

    /// Writes a person and the envelope in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken (case `operator::names_are_unique`).
    async fn insert(&self, user: &NewUser, now: Timestamp, with: Envelope) -> Result<User, StoreError>;

    /// Tells whether there is anybody.
    async fn has_users(&self) -> Result<bool, StoreError>;

    /// Begins a session, with the envelope in the same transaction.
    async fn begin_session(
        &self,
        session: &NewSession,
        now: Timestamp,
        with: Envelope,
    ) -> Result<SessionId, StoreError>;

    /// Returns the session with this access token and its person, a dead session too.
    async fn find_by_access(&self, access: TokenHash) -> Result<Option<(Session, User)>, StoreError>;

    /// Returns the session that has or had this refresh token (any since it began) and its person.
    async fn find_by_refresh(&self, refresh: TokenHash) -> Result<Option<(Session, User)>, StoreError>;

    /// Replaces the tokens of a session if `seen` is its present refresh token; the seen one becomes the previous.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is not (case `operator::one_rotation_wins`).
    async fn rotate_session(
        &self,
        session: SessionId,
        seen: TokenHash,
        next: &SessionTokens,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Ends a session, with the envelope in the same transaction; again changes nothing.
    async fn revoke_session(&self, session: SessionId, with: Envelope) -> Result<(), StoreError>;

    /// Deletes sessions that ended before `before`.
    async fn drop_sessions(&self, before: Timestamp) -> Result<u64, StoreError>;
}
