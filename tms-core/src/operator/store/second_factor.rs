//! The port of second factors.

use std::fmt;

use async_trait::async_trait;

use crate::{
    envelope::Envelope,
    error::StoreError,
    id::UserId,
    operator::{SecondFactor, seal::SealedSeed, totp::Step},
    secret::TokenHash,
    time::Timestamp,
};

/// Durable home of second factors. What is used up is used up in the same statement that says that it was good: of two
/// who show one code at a time, one gets in.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait SecondFactorStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the second factor of a person, an unconfirmed one too.
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, StoreError>;

    /// Keeps a seed until it is confirmed, in the place of another unconfirmed one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when there is a confirmed one (case `second_factor::a_confirmed_one_is_not_replaced`),
    /// [`StoreError::Missing`] when the person is gone.
    async fn propose(&self, user: UserId, seed: &SealedSeed) -> Result<(), StoreError>;

    /// Confirms the unconfirmed seed `seen`, uses the step up and keeps the hashes of recovery codes, with the envelope
    /// in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is no longer there or confirmed already (case `second_factor::one_confirms`).
    async fn confirm(
        &self,
        seen: &SecondFactor,
        step: Step,
        recovery: &[TokenHash],
        now: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError>;

    /// Uses up a step and all before it; false when it was used up before (case `second_factor::each_step_counts_once`).
    async fn use_step(&self, user: UserId, step: Step) -> Result<bool, StoreError>;

    /// Uses up a recovery code, with the envelope in the same transaction; false, without the envelope, when the person
    /// has none of this hash any more (case `second_factor::each_recovery_code_counts_once`).
    async fn use_recovery(&self, user: UserId, code: TokenHash, with: Envelope) -> Result<bool, StoreError>;

    /// Replaces the sealed form `seen` of a seed by another of the same seed; when another writer was first nothing
    /// changes.
    async fn reseal(&self, user: UserId, seen: &SealedSeed, next: &SealedSeed) -> Result<(), StoreError>;

    /// Removes the second factor with its recovery codes, with the envelope in the same transaction; when there is none,
    /// nothing is written (case `second_factor::a_removed_one_is_gone`).
    async fn remove(&self, user: UserId, with: Envelope) -> Result<(), StoreError>;
}
