//! The port of personal API tokens.

use std::fmt;

use async_trait::async_trait;

use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{ApiTokenId, UserId},
    operator::{ApiToken, NewApiToken, User},
    page::{Page, PageRequest},
    secret::TokenHash,
    time::Timestamp,
};

/// Durable home of personal API tokens. One that was deleted is unknown at once, on every node.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait ApiTokenStore: fmt::Debug + Send + Sync + 'static {
    /// Writes a token and the envelope in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Full`] when the person has [`MOST_TOKENS`](crate::operator::api_token::MOST_TOKENS), also if many are
    /// made at the same time (case `api_token::nobody_has_too_many`); [`StoreError::Missing`] when the person is gone.
    async fn insert(&self, token: &NewApiToken, now: Timestamp, with: Envelope) -> Result<ApiToken, StoreError>;

    /// Returns the token of this hash, an expired one too, and its person.
    async fn find_by_hash(&self, hash: TokenHash) -> Result<Option<(ApiToken, User)>, StoreError>;

    /// Returns a token of this person; that of another is not found (case `api_token::a_token_belongs_to_one_person`).
    async fn find(&self, user: UserId, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError>;

    /// Lists the tokens of a person, newest first.
    async fn list(&self, user: UserId, page: &PageRequest) -> Result<Page<ApiToken>, StoreError>;

    /// Notes a use; an older one than is noted changes nothing (case `api_token::a_use_is_noted`).
    async fn note_use(&self, id: ApiTokenId, now: Timestamp) -> Result<(), StoreError>;

    /// Deletes a token of this person, with the envelope in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the person has no such token.
    async fn delete(&self, user: UserId, id: ApiTokenId, with: Envelope) -> Result<(), StoreError>;

    /// Deletes tokens that ended before `before`.
    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError>;
}
