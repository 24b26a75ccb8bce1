//! The port of agent tokens. Enrolment and retirement write them too, each in its own act.

use std::fmt;

use async_trait::async_trait;

use super::{Credential, Revocation};
use crate::{envelope::Envelope, error::StoreError, id::TerminalId, secret::TokenHash, time::Timestamp};

/// Durable home of agent tokens.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait CredentialStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the token's credential, an ended one too; `None` when it is unknown or revoked.
    async fn find(&self, token: TokenHash) -> Result<Option<Credential>, StoreError>;

    /// Adds `next` for the terminal of `old` and lets `old` end at `old_until`, with its place in the revocation feed
    /// and the envelope, in one transaction. Any other token of the terminal is revoked (case
    /// `credential::rotation_leaves_two_tokens`).
    ///
    /// # Errors
    /// [`StoreError::Missing`] when `old` is unknown, revoked, or was rotated before.
    async fn rotate(
        &self,
        old: TokenHash,
        next: TokenHash,
        old_until: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError>;

    /// Revokes every token of a terminal, with their places in the feed and the envelope, in one transaction.
    async fn revoke_all(&self, terminal: TerminalId, with: Envelope) -> Result<u64, StoreError>;

    /// Returns up to `limit` entries of the feed behind `position`, in order. An entry that commits late never takes
    /// a place before one that was returned (case `credential::the_feed_has_no_late_entries`).
    async fn revocations_after(&self, position: i64, limit: u32) -> Result<Vec<Revocation>, StoreError>;

    /// Returns the newest place of the feed, zero when it is empty.
    async fn revocation_head(&self) -> Result<i64, StoreError>;

    /// Drops entries of the feed older than `before`, and tokens that ended before it.
    async fn drop_before(&self, before: Timestamp) -> Result<u64, StoreError>;
}
