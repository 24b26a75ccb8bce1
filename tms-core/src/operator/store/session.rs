//! The port of sessions.

use std::fmt;

use async_trait::async_trait;

use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{SessionId, UserId},
    operator::{NewSession, Session, SessionTokens, User},
    page::{Page, PageRequest},
    secret::TokenHash,
    time::Timestamp,
};

/// Durable home of sessions.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Begins a session, proven at `now`, with the envelope in the same transaction. A change of the password or of the
    /// person that commits later finds the session and ends it.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the person is gone, disabled, or has another password hash than the session was given
    /// (case `session::a_changed_password_begins_none`).
    async fn begin(&self, session: &NewSession, now: Timestamp, with: Envelope) -> Result<SessionId, StoreError>;

    /// Returns the session with this access token and its person, a dead session too.
    async fn find_by_access(&self, access: TokenHash) -> Result<Option<(Session, User)>, StoreError>;

    /// Returns the session that has or had this refresh token (any since it began) and its person.
    async fn find_by_refresh(&self, refresh: TokenHash) -> Result<Option<(Session, User)>, StoreError>;

    /// Returns a session of this person, a dead one too; that of another is not found (case
    /// `session::a_session_belongs_to_one_person`).
    async fn find(&self, user: UserId, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// Lists the sessions of a person that go on at `now`, newest first.
    async fn list(&self, user: UserId, now: Timestamp, page: &PageRequest) -> Result<Page<Session>, StoreError>;

    /// Replaces the tokens of a session if `seen` is its present refresh token; the seen one becomes the previous.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is not (case `session::one_rotation_wins`).
    async fn rotate(
        &self,
        session: SessionId,
        seen: TokenHash,
        next: &SessionTokens,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Lets the access token of a session be good until `until`, if it is its present one and the session was not ended;
    /// never shortens it (case `session::a_session_in_use_goes_on`).
    async fn extend(&self, session: SessionId, access: TokenHash, until: Timestamp) -> Result<(), StoreError>;

    /// Notes that the person has proven at `now` who they are (case `session::a_proof_is_noted`).
    async fn prove(&self, session: SessionId, now: Timestamp) -> Result<(), StoreError>;

    /// Ends a session, with the envelope in the same transaction; again changes nothing.
    async fn revoke(&self, session: SessionId, with: Envelope) -> Result<(), StoreError>;

    /// Ends all sessions of a person but `spared`, with the envelope in the same transaction, and returns how many went
    /// on at `now` (case `session::all_others_end_at_once`).
    async fn revoke_all(
        &self,
        user: UserId,
        spared: Option<SessionId>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<u64, StoreError>;

    /// Deletes sessions that ran out before `before`.
    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError>;
}
