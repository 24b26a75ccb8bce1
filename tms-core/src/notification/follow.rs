//! From events to messages: a reconciler that follows the event stream, so that no alert is lost and none told twice by
//! a crash. How far it came commits with the messages that follow from it.

use std::collections::BTreeMap;

use super::{
    Channel, GATHER, Item, MOST_ITEMS, Message,
    store::{NewMessage, NotificationStore, Progress, Step},
};
use crate::{
    alert::{AlertState, AlertStore, Severity, store::AlertFilter},
    error::StoreError,
    event::{Event, EventKind, EventPosition, EventStore, store::EventTail},
    id::{AlertId, ChannelId, CustomerId},
    lease::Fence,
    page::{Order, PageRequest},
    time::Timestamp,
};

const STEP: u32 = 500;

/// Something about an alert that channels may be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct News {
    item: Item,
    severity: Severity,
    customer: Option<CustomerId>,
    at: Timestamp,
}

/// Follows the events.
#[derive(Debug)]
pub struct Follower<'a> {
    /// Channels and the outbox.
    pub notifications: &'a dyn NotificationStore,
    /// The events.
    pub events: &'a dyn EventStore,
    /// The alerts, for what the events no longer tell.
    pub alerts: &'a dyn AlertStore,
}

impl Follower<'_> {
    /// Turns what happened since the last time into messages; returns how many items were added to messages.
    ///
    /// # Errors
    /// What the store answered; [`StoreError::Fenced`] when another node leads.
    pub async fn tick(&self, now: Timestamp, fence: Fence) -> Result<u64, StoreError> {
        // Read before the channels: what happens behind it is told to a channel that is made meanwhile.
        let head = self.events.head().await?;
        let channels = self.notifications.enabled().await?;
        // The first time the events are read from their beginning: none is older than a day, and what happened before a
        // channel was made is not told by it.
        let told = self.notifications.progress().await?;
        let mut progress = told.unwrap_or(Progress {
            position: EventPosition::default(),
            last_alert: None,
        });
        if channels.is_empty() {
            if progress.position < head {
                progress.position = head;
                let step = gather(progress, BTreeMap::new(), Vec::new(), now);
                self.notifications.advance(&step, now, fence).await?;
            }
            return Ok(0);
        }
        let mut added = 0;
        loop {
            let (next, news, is_end) = self.read(progress).await?;
            if next == progress {
                return Ok(added);
            }
            added += self.write(next, &channels, &news, now, fence).await?;
            if is_end {
                return Ok(added);
            }
            progress = next;
        }
    }

    async fn read(&self, progress: Progress) -> Result<(Progress, Vec<News>, bool), StoreError> {
        let events = match self.events.tail(progress.position, STEP).await? {
            EventTail::Events(events) => events,
            EventTail::Resync { head } => return self.catch_up(progress, head).await,
        };
        let position = events.last().map_or(progress.position, |last| last.position);
        let news: Vec<_> = events.iter().filter_map(|stored| news(&stored.event)).collect();
        let is_end = events.len() < usize::try_from(STEP).unwrap_or(usize::MAX);
        let last_alert = begun(&news).max(progress.last_alert);
        Ok((Progress { position, last_alert }, news, is_end))
    }

    /// After a time so long that its events are gone: what was raised since and is still unresolved.
    async fn catch_up(
        &self,
        progress: Progress,
        head: EventPosition,
    ) -> Result<(Progress, Vec<News>, bool), StoreError> {
        let filter = AlertFilter {
            is_resolved: Some(false),
            ..AlertFilter::default()
        };
        let mut news = Vec::new();
        let mut page = PageRequest::first(STEP);
        loop {
            let found = self.alerts.list(&filter, Order::Ascending, &page).await?;
            let unknown = found.items.iter().filter(|alert| Some(alert.id) > progress.last_alert);
            news.extend(unknown.map(|alert| News {
                item: Item {
                    alert: alert.id,
                    is_end: false,
                },
                severity: alert.severity,
                customer: alert.customer,
                at: alert.created_at,
            }));
            let Some(next) = found.next else { break };
            page.start = crate::page::PageStart::After(next);
        }
        tracing::warn!(
            alerts = news.len(),
            "the events that notifications follow from were gone"
        );
        let last_alert = begun(&news).max(progress.last_alert);
        let position = head;
        Ok((Progress { position, last_alert }, news, false))
    }

    async fn write(
        &self,
        progress: Progress,
        channels: &[Channel],
        news: &[News],
        now: Timestamp,
        fence: Fence,
    ) -> Result<u64, StoreError> {
        let wanted = route(channels, news);
        let growing = if wanted.is_empty() {
            Vec::new()
        } else {
            self.notifications.growing().await?
        };
        let added = wanted.values().map(Vec::len).sum::<usize>();
        let step = gather(progress, wanted, growing, now);
        self.notifications.advance(&step, now, fence).await?;
        Ok(u64::try_from(added).unwrap_or(u64::MAX))
    }
}

fn begun(news: &[News]) -> Option<AlertId> {
    let begun = news.iter().filter(|news| !news.item.is_end);
    begun.map(|news| news.item.alert).max()
}

/// Reads what an event says about an alert that was raised or has ended.
fn news(event: &Event) -> Option<News> {
    let text = |name: &str| event.data.get(name)?.as_str();
    let is_end = match event.kind {
        EventKind::NewAlert => false,
        EventKind::AlertUpdate if text("status") == Some(AlertState::Resolved.as_str()) => true,
        _ => return None,
    };
    Some(News {
        item: Item {
            alert: AlertId::new(event.data.get("alert_id")?.as_i64()?).ok()?,
            is_end,
        },
        severity: text("severity")?.parse().ok()?,
        customer: event.customer,
        at: event.at,
    })
}

/// Says which channel is told what.
fn route(channels: &[Channel], news: &[News]) -> BTreeMap<ChannelId, Vec<Item>> {
    let mut wanted: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for channel in channels {
        let routing = &channel.draft.routing;
        let told = news.iter().filter(|news| {
            news.at >= channel.created_at
                && (routing.tells_end || !news.item.is_end)
                && routing.wants(news.severity, news.customer, news.at)
        });
        let items: Vec<_> = told.map(|news| news.item).collect();
        if !items.is_empty() {
            wanted.insert(channel.id, items);
        }
    }
    wanted
}

/// Puts items into messages: into one that waits already, if there is room, and into new ones.
fn gather(progress: Progress, wanted: BTreeMap<ChannelId, Vec<Item>>, growing: Vec<Message>, now: Timestamp) -> Step {
    let mut step = Step {
        progress,
        grown: Vec::new(),
        new: Vec::new(),
    };
    let mut open: BTreeMap<_, _> = growing.into_iter().map(|message| (message.channel, message)).collect();
    for (channel, mut items) in wanted {
        if let Some(mut message) = open.remove(&channel) {
            let room = MOST_ITEMS.saturating_sub(message.items.len()).min(items.len());
            if room > 0 {
                message.items.extend(items.drain(..room));
                step.grown.push((message.id, message.items));
            }
        }
        let new = items.chunks(MOST_ITEMS).map(|items| NewMessage {
            channel,
            items: items.to_vec(),
            due_at: now.plus(GATHER),
        });
        step.new.extend(new);
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::MessageId, testkit::build::NOW};

    fn items(range: std::ops::Range<i64>) -> Vec<Item> {
        let item = |n| Item {
            alert: AlertId::new(n).unwrap(),
            is_end: false,
        };
        range.map(item).collect()
    }

    #[test]
    fn many_alerts_become_few_messages() {
        let channel = ChannelId::new(1).unwrap();
        let progress = Progress {
            position: EventPosition::default(),
            last_alert: None,
        };
        let message = Message {
            id: MessageId::new(7).unwrap(),
            channel,
            items: items(1..11),
            attempts: 0,
            due_at: NOW,
            created_at: NOW,
        };
        let wanted = BTreeMap::from([(channel, items(11..1_211))]);
        let step = gather(progress, wanted, vec![message], NOW);
        assert_eq!(step.grown, [(MessageId::new(7).unwrap(), items(1..501))]);
        assert_eq!(step.new.len(), 2);
        assert_eq!(
            (step.new[0].items.clone(), step.new[1].items.len()),
            (items(501..1_001), 210)
        );
    }
}
