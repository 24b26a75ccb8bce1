//! The port of one-time links with which a person sets a password.

use std::fmt;

use async_trait::async_trait;

use crate::{
    envelope::Envelope,
    error::StoreError,
    operator::{PasswordLink, User},
    secret::{Secret, TokenHash},
    time::Timestamp,
};

/// Durable home of password links.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait PasswordLinkStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps a link in the place of the one the person had, with the envelope in the same transaction (case
    /// `password_link::a_new_one_replaces_the_old`).
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the person is gone.
    async fn issue(&self, link: &PasswordLink, with: Envelope) -> Result<(), StoreError>;

    /// Returns the link of this hash, an expired one too, and its person.
    async fn find(&self, hash: TokenHash) -> Result<Option<(PasswordLink, User)>, StoreError>;

    /// Uses the link up, sets the password, ends all sessions of the person and forgets their devices, with the envelope
    /// in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the link is not there or ended before `now`; then nothing has changed (cases
    /// `password_link::one_redeems`, `password_link::an_expired_one_changes_nothing`).
    async fn redeem(
        &self,
        hash: TokenHash,
        password: &Secret<String>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError>;

    /// Deletes links that ended before `before`.
    async fn drop_ended(&self, before: Timestamp) -> Result<u64, StoreError>;
}
