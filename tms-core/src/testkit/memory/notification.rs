//! Channels and the outbox in memory.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of},
    state::State,
};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{ChannelId, EntityRef, MessageId, Revision},
    lease::Fence,
    notification::{
        Channel, ChannelDraft, ChannelState, Message, NotificationStore, Outcome, SealedSecret,
        store::{Ending, Progress, Step},
    },
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

/// A message and whether it still waits.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    message: Message,
    is_pending: bool,
}

fn missing(id: ChannelId) -> StoreError {
    StoreError::Missing(EntityRef::new("notification channel", id))
}

impl State {
    fn shown(&self, channel: &Channel) -> Channel {
        let mut shown = channel.clone();
        let waiting = self.outbox.values().filter(|kept| kept.is_pending);
        shown.state.queued = waiting.filter(|kept| kept.message.channel == channel.id).count() as u64;
        shown
    }

    fn check_name(&self, name: &str, own: Option<ChannelId>) -> Result<(), StoreError> {
        let mut others = self.channels.values().filter(|channel| Some(channel.id) != own);
        if others.any(|channel| channel.draft.name == name) {
            return Err(StoreError::Duplicate(EntityRef::new("notification channel", name)));
        }
        Ok(())
    }

    fn check_channel(&self, id: ChannelId, seen: Revision) -> Result<(), StoreError> {
        match self.channels.get(&id.get()) {
            None => Err(missing(id)),
            Some(channel) if channel.revision != seen => {
                Err(StoreError::Stale(EntityRef::new("notification channel", id)))
            }
            Some(_) => Ok(()),
        }
    }

    fn note_outcome(&mut self, id: ChannelId, outcome: &Outcome) -> Result<(), StoreError> {
        let state = &mut self.channels.get_mut(&id.get()).ok_or_else(|| missing(id))?.state;
        state.last_error.clone_from(&outcome.error);
        state.resume_at = Some(outcome.resume_at);
        if outcome.error.is_some() {
            state.failures += 1;
            state.last_failed_at = Some(outcome.at);
        } else {
            state.failures = 0;
            state.last_sent_at = Some(outcome.at);
        }
        Ok(())
    }

    fn is_growing(&self, id: MessageId) -> bool {
        let kept = self.outbox.get(&id.get());
        kept.is_some_and(|kept| kept.is_pending && kept.message.attempts == 0)
    }
}

#[async_trait]
impl NotificationStore for MemoryStore {
    async fn insert(
        &self,
        draft: &ChannelDraft,
        secret: Option<SealedSecret>,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Channel, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.check_name(&draft.name, None)?;
        let id = state.next_id();
        let channel = Channel {
            id: ChannelId::new(id).expect("ids grow from one"),
            draft: draft.clone(),
            secret,
            state: ChannelState::default(),
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        state.channels.insert(id, channel.clone());
        state.finish(with, id);
        Ok(channel)
    }

    async fn find(&self, id: ChannelId) -> Result<Option<Channel>, StoreError> {
        let state = self.enter()?;
        Ok(state.channels.get(&id.get()).map(|channel| state.shown(channel)))
    }

    async fn list(&self, page: &PageRequest) -> Result<Page<Channel>, StoreError> {
        let state = self.enter()?;
        let rows = state.channels.values().map(|row| Keyed::by_id(row.id.get(), row));
        Ok(page_of(rows.collect(), Order::Descending, page, |row: &Channel| {
            state.shown(row)
        }))
    }

    async fn enabled(&self) -> Result<Vec<Channel>, StoreError> {
        let state = self.enter()?;
        let enabled = state.channels.values().filter(|channel| channel.draft.is_enabled);
        Ok(enabled.map(|channel| state.shown(channel)).collect())
    }

    async fn save(&self, next: &Channel, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.check_channel(next.id, seen)?;
        state.check_name(&next.draft.name, Some(next.id))?;
        if let Some(channel) = state.channels.get_mut(&next.id.get()) {
            channel.draft = next.draft.clone();
            channel.secret.clone_from(&next.secret);
            channel.updated_at = next.updated_at;
            channel.revision = seen.next();
        }
        state.finish(with, next.id.get());
        Ok(seen.next())
    }

    async fn delete(&self, id: ChannelId, seen: Revision, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.check_channel(id, seen)?;
        state.channels.remove(&id.get());
        state.outbox.retain(|_, kept| kept.message.channel != id);
        state.finish(with, id.get());
        Ok(())
    }

    async fn note(&self, id: ChannelId, outcome: &Outcome, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.note_outcome(id, outcome)?;
        state.finish(with, id.get());
        Ok(())
    }

    async fn progress(&self) -> Result<Option<Progress>, StoreError> {
        Ok(self.enter()?.told)
    }

    async fn growing(&self) -> Result<Vec<Message>, StoreError> {
        let state = self.enter()?;
        let growing = state.outbox.values().filter(|kept| state.is_growing(kept.message.id));
        Ok(growing.map(|kept| kept.message.clone()).collect())
    }

    async fn advance(&self, step: &Step, now: Timestamp, fence: Fence) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check_fence(Some(fence))?;
        for (id, _) in &step.grown {
            if !state.is_growing(*id) {
                return Err(StoreError::Stale(EntityRef::new("notification", id)));
            }
        }
        let gone = step
            .new
            .iter()
            .find(|new| !state.channels.contains_key(&new.channel.get()));
        if let Some(new) = gone {
            return Err(missing(new.channel));
        }
        for (id, items) in &step.grown {
            if let Some(kept) = state.outbox.get_mut(&id.get()) {
                kept.message.items.clone_from(items);
            }
        }
        for new in &step.new {
            let id = state.next_id();
            let message = Message {
                id: MessageId::new(id).expect("ids grow from one"),
                channel: new.channel,
                items: new.items.clone(),
                attempts: 0,
                due_at: new.due_at,
                created_at: now,
            };
            let is_pending = true;
            state.outbox.insert(id, Kept { message, is_pending });
        }
        state.told = Some(step.progress);
        Ok(())
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError> {
        let state = self.enter()?;
        let ready = |channel: &Channel| {
            channel.draft.is_enabled && channel.state.resume_at.is_none_or(|resume_at| resume_at <= now)
        };
        let due = state.outbox.values().filter(|kept| {
            let channel = state.channels.get(&kept.message.channel.get());
            kept.is_pending && kept.message.due_at <= now && channel.is_some_and(ready)
        });
        let mut channels = BTreeSet::new();
        let due = due
            .filter(|kept| channels.insert(kept.message.channel))
            .map(|kept| kept.message.clone());
        Ok(due.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }

    async fn begin(&self, message: &Message, again_at: Timestamp, fence: Fence) -> Result<bool, StoreError> {
        let mut state = self.enter()?;
        state.check_fence(Some(fence))?;
        let stored = state.outbox.get_mut(&message.id.get());
        let Some(kept) = stored.filter(|kept| kept.is_pending && kept.message == *message) else {
            return Ok(false);
        };
        kept.message.attempts += 1;
        kept.message.due_at = again_at;
        Ok(true)
    }

    async fn finish(&self, message: MessageId, ending: &Ending, fence: Fence) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check_fence(Some(fence))?;
        let Some(kept) = state.outbox.get_mut(&message.get()) else {
            return Ok(());
        };
        let channel = kept.message.channel;
        let outcome = match ending {
            Ending::Sent(outcome) => {
                kept.is_pending = false;
                outcome
            }
            Ending::Failed(outcome) => {
                kept.message.due_at = outcome.resume_at;
                outcome
            }
            Ending::GivenUp(_) => {
                kept.is_pending = false;
                return Ok(());
            }
        };
        state.note_outcome(channel, outcome)
    }

    async fn drop_old(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        let old = state.outbox.values().filter(|kept| kept.message.created_at < before);
        let ids: Vec<_> = old.map(|kept| kept.message.id).take(limit as usize).collect();
        for id in &ids {
            state.outbox.remove(&id.get());
        }
        Ok(ids.len() as u64)
    }
}
