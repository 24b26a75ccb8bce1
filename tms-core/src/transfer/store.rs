//! The port of transfers.

use std::fmt;

use async_trait::async_trait;

use super::{Fixture, Taken};
use crate::{envelope::Envelope, error::StoreError, time::Timestamp};

/// What becomes of a transfer when all of it has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It stays.
    Keep,
    /// It is taken back: a trial that meets every rule of the store and leaves nothing.
    TakeBack,
}

/// Takes in what another installation gave out.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait TransferStore: fmt::Debug + Send + Sync + 'static {
    /// Writes everything of `fixture` that is not there yet, and the envelope, in one transaction, and counts what it
    /// wrote (case `transfer::everything_reads_back`). What is there, by what it is known by, stays as it is, an open
    /// alert of the same terminal and cause included (case `transfer::a_second_time_writes_nothing`); settings are
    /// written only while nobody has saved any, and channels have neither a secret nor a use before somebody gives them
    /// both. With [`Ending::TakeBack`] nothing stays (case
    /// `transfer::a_trial_leaves_nothing`).
    ///
    /// New terminals have a fresh presence row and are counted, retired ones are not.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when a customer or terminal that is named is neither there nor in the fixture; nothing is written
    /// then (case `transfer::a_transfer_is_all_or_nothing`).
    async fn take_in(
        &self,
        fixture: &Fixture,
        ending: Ending,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Taken, StoreError>;
}
