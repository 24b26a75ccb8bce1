//! The port of guesses and of the devices that have a budget of their own. Shared by all nodes.

use std::fmt;

use async_trait::async_trait;

use crate::{
    error::StoreError,
    id::UserId,
    operator::guess::{GuessWindow, KnownDevice},
    secret::TokenHash,
    time::Timestamp,
};

/// Home of guesses and known devices.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait GuessStore: fmt::Debug + Send + Sync + 'static {
    /// Counts a guess before it is judged and returns the window with it, by [`GuessWindow::with_one_more`]; parallel
    /// ones are counted one by one (case `guess::parallel_guesses_are_all_counted`).
    async fn count(&self, guesser: TokenHash, now: Timestamp) -> Result<GuessWindow, StoreError>;

    /// Forgets the guesses of somebody who was right.
    async fn forgive(&self, guesser: TokenHash) -> Result<(), StoreError>;

    /// Remembers that somebody signed in from a device at `now`; of more than
    /// [`MOST_DEVICES`](crate::operator::guess::MOST_DEVICES) the one used longest ago is forgotten (case
    /// `guess::a_person_has_few_devices`). A device that was another person's becomes theirs.
    async fn remember_device(&self, device: TokenHash, user: UserId, now: Timestamp) -> Result<(), StoreError>;

    /// Returns whose device it is.
    async fn find_device(&self, device: TokenHash) -> Result<Option<KnownDevice>, StoreError>;

    /// Deletes windows that began before `windows` and devices not seen since `devices`.
    async fn drop_old(&self, windows: Timestamp, devices: Timestamp) -> Result<u64, StoreError>;
}
