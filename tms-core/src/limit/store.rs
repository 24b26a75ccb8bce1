//! The port of limits that several nodes share.

use std::fmt;

use async_trait::async_trait;

use crate::{error::StoreError, named_enum, time::Timestamp};

named_enum!(
    /// What is limited.
    LimitKind {
        /// Sign-ins from one source.
        SignIn = "sign_in",
        /// Enrolments from one source.
        Enrolment = "enrolment",
        /// Calls of one person.
        Operator = "operator",
        /// Calls from one source that nobody has signed in for.
        Anonymous = "anonymous",
    }
);

/// What one node took from one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitUse {
    /// Of which limit.
    pub kind: LimitKind,
    /// Whose.
    pub key: i64,
    /// How much, as the microseconds until it has flowed back.
    pub used_micros: i64,
}

/// The home of shared limits. Nothing in it is precious: it may be lost at any time.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait LimitStore: fmt::Debug + Send + Sync + 'static {
    /// Takes from buckets, each named once, and returns in the same order when each is full again:
    /// `max(as stored, now) + used`. What several nodes take at the same time adds up (case
    /// `limit::what_nodes_take_adds_up`).
    async fn charge(&self, uses: &[LimitUse], now: Timestamp) -> Result<Vec<Timestamp>, StoreError>;

    /// Forgets the buckets that are full at `now`; returns how many (case `limit::full_buckets_are_forgotten`).
    async fn drop_full(&self, now: Timestamp) -> Result<u64, StoreError>;
}
