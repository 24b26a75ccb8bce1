//! The port of channels and of the outbox.

use std::fmt;

use async_trait::async_trait;

use super::{Channel, ChannelDraft, Item, Message, Outcome, SealedSecret};
use crate::{
    envelope::Envelope,
    error::StoreError,
    event::EventPosition,
    id::{AlertId, ChannelId, MessageId, Revision},
    lease::Fence,
    page::{Page, PageRequest},
    time::Timestamp,
};

/// How far the events have been turned into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The last event.
    pub position: EventPosition,
    /// The last alert that was raised.
    pub last_alert: Option<AlertId>,
}

/// What a step through the events writes in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How far it went.
    pub progress: Progress,
    /// Messages that wait, with all their items.
    pub grown: Vec<(MessageId, Vec<Item>)>,
    /// New messages.
    pub new: Vec<NewMessage>,
}

/// A message to put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// By which channel.
    pub channel: ChannelId,
    /// What it tells.
    pub items: Vec<Item>,
    /// When it is to be sent.
    pub due_at: Timestamp,
}

/// How a message ended, or did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The other side has it.
    Sent(Outcome),
    /// It waits for another try.
    Failed(Outcome),
    /// It is too old.
    GivenUp(Timestamp),
}

/// Durable home of channels and of messages that wait.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait NotificationStore: fmt::Debug + Send + Sync + 'static {
    /// Writes a channel and the envelope in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken (case `notification::names_are_unique`).
    async fn insert(
        &self,
        draft: &ChannelDraft,
        secret: Option<SealedSecret>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Channel, StoreError>;

    /// Returns `None` when there is no such channel.
    async fn find(&self, id: ChannelId) -> Result<Option<Channel>, StoreError>;

    /// Lists channels, newest first.
    async fn list(&self, page: &PageRequest) -> Result<Page<Channel>, StoreError>;

    /// Returns all channels that are used, in the order of their ids.
    async fn enabled(&self) -> Result<Vec<Channel>, StoreError>;

    /// Writes draft, secret and the envelope; how the channel fares stays as it is (case
    /// `notification::a_save_leaves_the_state_alone`).
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::Missing`], [`StoreError::Duplicate`].
    async fn save(&self, next: &Channel, seen: Revision, with: Envelope) -> Result<Revision, StoreError>;

    /// Deletes a channel with the messages that wait for it (case `notification::deleting_takes_messages_along`).
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::Missing`].
    async fn delete(&self, id: ChannelId, seen: Revision, with: Envelope) -> Result<(), StoreError>;

    /// Notes what came of a try that belongs to no message.
    ///
    /// # Errors
    /// [`StoreError::Missing`].
    async fn note(&self, id: ChannelId, outcome: &Outcome, with: Envelope) -> Result<(), StoreError>;

    /// Returns how far the events have been turned into messages; `None` before the first time.
    async fn progress(&self) -> Result<Option<Progress>, StoreError>;

    /// Returns the messages that nobody has tried to send yet, in the order of their ids.
    async fn growing(&self) -> Result<Vec<Message>, StoreError>;

    /// Writes a step: the messages and how far it went, or nothing of both.
    ///
    /// # Errors
    /// [`StoreError::Fenced`], [`StoreError::Stale`] when a message that should grow was tried meanwhile,
    /// [`StoreError::Missing`] when a channel is gone; nothing is written then (case
    /// `notification::a_step_is_all_or_nothing`).
    async fn advance(&self, step: &Step, now: Timestamp, fence: Fence) -> Result<(), StoreError>;

    /// Returns the oldest message that is due of each channel that is used and need not rest, up to `limit` of them, oldest
    /// first: one channel's many hide no other's (case `notification::due_ones_wait_for_their_channel`).
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError>;

    /// Counts a try before it is made, after which the message no longer grows and is due again at `again_at` if
    /// nothing is heard of the try; tells whether the message was still as it was read (case
    /// `notification::one_try_at_a_time`).
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn begin(&self, message: &Message, again_at: Timestamp, fence: Fence) -> Result<bool, StoreError>;

    /// Writes how a try ended, for the message and for its channel (case `notification::endings_are_noted`).
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    async fn finish(&self, message: MessageId, ending: &Ending, fence: Fence) -> Result<(), StoreError>;

    /// Deletes up to `limit` messages that were made before `before`; returns how many.
    async fn drop_old(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
