//! From messages to the world: a reconciler that sends what is due, tries again what fails, and shows what fails.

use std::{collections::BTreeSet, time::Duration};

use futures::{
    StreamExt,
    future::{BoxFuture, join_all},
    stream::FuturesUnordered,
};

use super::{
    Channel, Destination, GIVEN_UP_AFTER, Letter, Message, Notifier, Outcome, PACE, SendError, Target, back_off,
    letter, seal::ChannelSeal, store::Ending,
};
use crate::{error::StoreError, id::ChannelId, lease::Fence, secret::Secret, stores::Stores, time::Clock};

const STEP: u32 = 100;
/// When a message is tried again of whose try nothing is known, as the node went away.
const UNHEARD_OF: Duration = Duration::from_secs(120);

/// Sends what is due.
#[derive(Debug)]
pub struct Deliverer<'a> {
    pub(crate) stores: &'a Stores,
    pub(crate) notifier: &'a dyn Notifier,
    pub(crate) seal: &'a ChannelSeal,
    pub(crate) clock: &'a dyn Clock,
}

/// Messages that are being sent, one by each channel at most. A channel that takes long keeps no other one waiting.
pub(crate) struct UnderWay<'a> {
    deliverer: &'a Deliverer<'a>,
    sending: FuturesUnordered<BoxFuture<'a, (ChannelId, Result<bool, StoreError>)>>,
    channels: BTreeSet<ChannelId>,
}

impl UnderWay<'_> {
    /// Begins to send what is due by channels that send nothing now.
    pub(crate) async fn begin(&mut self, fence: Fence) -> Result<(), StoreError> {
        let deliverer = self.deliverer;
        for message in deliverer.due(&self.channels).await? {
            let channel = message.channel;
            self.channels.insert(channel);
            let sent = async move { (channel, deliverer.deliver(message, fence).await) };
            self.sending.push(Box::pin(sent));
        }
        Ok(())
    }

    /// Waits for one to end and tells whether it was sent; `None` when none is under way.
    pub(crate) async fn next(&mut self) -> Option<Result<bool, StoreError>> {
        let (channel, sent) = self.sending.next().await?;
        self.channels.remove(&channel);
        Some(sent)
    }
}

impl Deliverer<'_> {
    /// Begins with nothing under way.
    pub(crate) fn nothing_under_way(&self) -> UnderWay<'_> {
        UnderWay {
            deliverer: self,
            sending: FuturesUnordered::new(),
            channels: BTreeSet::new(),
        }
    }

    /// Sends at most one message by each channel and waits for all. Returns how many were sent.
    ///
    /// # Errors
    /// What the store answered; [`StoreError::Fenced`] when another node leads.
    pub async fn tick(&self, fence: Fence) -> Result<u64, StoreError> {
        let due = self.due(&BTreeSet::new()).await?;
        let sent = join_all(due.into_iter().map(|message| self.deliver(message, fence))).await;
        sent.into_iter().try_fold(0, |sent, one| Ok(sent + u64::from(one?)))
    }

    /// Returns the first message that is due by each channel, but not by the `busy` ones.
    async fn due(&self, busy: &BTreeSet<ChannelId>) -> Result<Vec<Message>, StoreError> {
        let mut due = self.stores.notifications.due(self.clock.now(), STEP).await?;
        due.retain(|message| !busy.contains(&message.channel));
        Ok(due)
    }

    async fn deliver(&self, message: Message, fence: Fence) -> Result<bool, StoreError> {
        let store = &self.stores.notifications;
        let Some(channel) = store.find(message.channel).await? else {
            return Ok(false);
        };
        let now = self.clock.now();
        if !store.begin(&message, now.plus(UNHEARD_OF), fence).await? {
            return Ok(false);
        }
        let too_old = now.since(message.created_at) > GIVEN_UP_AFTER;
        let letter = if too_old {
            tracing::error!(channel = %channel.draft.name, alerts = message.items.len(), "a notification is given up");
            None
        } else {
            letter::compose(self.stores, &channel, &message, now).await?
        };
        let Some(letter) = letter else {
            store.finish(message.id, &Ending::GivenUp(now), fence).await?;
            return Ok(false);
        };
        let sent = send(self.notifier, self.seal, &channel, &letter).await;
        let outcome = outcome(&channel, &sent, self.clock);
        let is_sent = outcome.error.is_none();
        if let Some(error) = &outcome.error {
            tracing::warn!(channel = %channel.draft.name, error, "a notification could not be sent");
        }
        let ending = if is_sent {
            Ending::Sent(outcome)
        } else {
            Ending::Failed(outcome)
        };
        store.finish(message.id, &ending, fence).await?;
        Ok(is_sent)
    }
}

/// Sends one letter by a channel.
pub(super) async fn send(
    notifier: &dyn Notifier,
    seal: &ChannelSeal,
    channel: &Channel,
    letter: &Letter,
) -> Result<(), SendError> {
    notifier.send(&destination(seal, channel)?, letter).await
}

/// Says what came of a try and when the channel may be used next.
pub(super) fn outcome(channel: &Channel, sent: &Result<(), SendError>, clock: &dyn Clock) -> Outcome {
    let at = clock.now();
    match sent {
        Ok(()) => Outcome {
            at,
            error: None,
            resume_at: at.plus(PACE),
        },
        Err(error) => Outcome {
            at,
            // What another server says may be long.
            error: Some(error.0.chars().filter(|c| !c.is_control()).take(500).collect()),
            resume_at: at.plus(back_off(channel.state.failures.saturating_add(1))),
        },
    }
}

fn destination(seal: &ChannelSeal, channel: &Channel) -> Result<Destination, SendError> {
    let target = &channel.draft.target;
    let lost = || SendError("its secret can't be decrypted; give it again".to_owned());
    let open = |sealed| seal.open(sealed, target).ok_or_else(lost);
    let secret: Option<Secret<String>> = channel.secret.as_ref().map(open).transpose()?;
    match (target, secret) {
        (Target::Mail(target), password) => Ok(Destination::Mail {
            target: target.clone(),
            password,
        }),
        (Target::WebHook { url }, Some(key)) => Ok(Destination::WebHook { url: url.clone(), key }),
        (Target::Slack { .. }, Some(url)) => Ok(Destination::Slack { url }),
        (Target::Sns { topic_arn }, _) => Ok(Destination::Sns {
            topic_arn: topic_arn.clone(),
        }),
        (_, None) => Err(lost()),
    }
}
