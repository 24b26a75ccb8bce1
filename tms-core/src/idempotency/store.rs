//! The port of idempotency keys. Records are written by the envelope of the change that they belong to.

use std::fmt;

use async_trait::async_trait;

use super::Remembered;
use crate::{error::StoreError, time::Timestamp};

/// Durable home of remembered answers.
///
/// Every mutation whose envelope carries a record checks it first: a key that is in use or was used answers
/// [`StoreError::Repeated`] and changes nothing, however many come at once (cases
/// `idempotency::twenty_at_once_have_one_effect`, `idempotency::a_used_key_changes_nothing`). The record commits with
/// the change or not at all (case `idempotency::a_refused_change_leaves_the_key_free`).
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait IdempotencyStore: fmt::Debug + Send + Sync + 'static {
    /// Returns what is remembered of a caller's key; `None` for one that is free or was forgotten before `now` (case
    /// `idempotency::a_forgotten_key_is_free`).
    async fn find(&self, caller: &str, text: &str, now: Timestamp) -> Result<Option<Remembered>, StoreError>;

    /// Deletes up to `limit` records that are forgotten at `now`; returns how many.
    async fn drop_forgotten(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
