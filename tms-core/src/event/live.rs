//! Live events: one task a node follows the stored stream, and any number of readers read from the ring that it fills.
//!
//! No reader has a buffer of its own that grows: it holds a place, and what it has not read yet is in the ring or in the
//! store. Never here: a transport, or what a reader may see.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, Semaphore, watch};

use super::{
    EventPosition, EventStore, StoredEvent,
    reader::{EventKinds, EventReader, Identify},
    store::EventTail,
};
use crate::{
    ctx::{Ctx, OperatorIdentity},
    error::{Error, StoreError},
    id::UserId,
    permission::Permission,
    time::Clock,
};

/// How many events are read from the store at a time.
pub(super) const PAGE: u32 = 256;
/// How many readers read what they missed from the store at a time.
const CATCHING_UP: usize = 4;
/// How long the task rests after the store failed.
const REST: Duration = Duration::from_secs(1);

/// How live events behave on one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveSettings {
    /// How many streams a person may have open.
    pub per_person: usize,
    /// How many streams there may be in all.
    pub total: usize,
    /// How many events are kept in memory; who falls further behind is told to read the state again.
    pub kept: usize,
    /// How often the store is asked for more while somebody reads.
    pub every: Duration,
    /// How often it is checked who a reader is.
    pub check_every: Duration,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            per_person: 10,
            total: 1_000,
            kept: 4_096,
            every: Duration::from_millis(200),
            check_every: Duration::from_millis(500),
        }
    }
}

/// The live events of one node; cheap to clone.
#[derive(Debug, Clone)]
pub struct LiveEvents(pub(super) Arc<Hub>);

/// What readers share.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: LiveSettings,
    pub(super) catching_up: Semaphore,
    ring: Mutex<Ring>,
    /// Says that the store has more now.
    nudged: Notify,
    /// Counts what readers should look at again.
    news: watch::Sender<u64>,
    seats: watch::Sender<usize>,
    by_person: Mutex<HashMap<UserId, usize>>,
    is_driven: AtomicBool,
}

/// The newest events, without a gap.
#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<Arc<StoredEvent>>,
    /// Everything behind this place and up to `head` is in `events`.
    floor: EventPosition,
    head: EventPosition,
    is_followed: bool,
}

/// What a reader finds in the ring.
pub(super) enum Found {
    /// These follow its place.
    Events(Vec<Arc<StoredEvent>>),
    /// Nothing has come since.
    Nothing,
    /// The ring is not filled yet.
    NotYet,
    /// Its place is before this one, up to which the ring has nothing any more.
    Gap(EventPosition),
    /// Nobody follows the stream on this node any longer.
    Closed,
}

impl LiveEvents {
    pub(crate) fn new(store: Arc<dyn EventStore>, clock: Arc<dyn Clock>, settings: LiveSettings) -> Self {
        Self(Arc::new(Hub {
            store,
            clock,
            settings,
            catching_up: Semaphore::new(CATCHING_UP),
            ring: Mutex::default(),
            nudged: Notify::new(),
            news: watch::Sender::new(0),
            seats: watch::Sender::new(0),
            by_person: Mutex::default(),
            is_driven: AtomicBool::new(false),
        }))
    }

    /// Begins to read: what comes from now on, or what came after `after`.
    ///
    /// `identify` is asked again and again who reads; see [`EventReader`].
    ///
    /// # Errors
    /// [`Error::TooMany`] when the person or all persons together have too many streams, [`Error::Unavailable`] when the
    /// background work of this node does not run, and what [`Ctx::require`] refuses.
    pub async fn open(
        &self,
        ctx: &Ctx,
        identify: Box<dyn Identify>,
        after: Option<EventPosition>,
        kinds: EventKinds,
    ) -> Result<EventReader, Error> {
        ctx.require(Permission::EventRead)?;
        let crate::Actor::Operator(person) = &ctx.actor else {
            return Err(Error::InvalidToken);
        };
        if !self.0.is_driven.load(Ordering::Acquire) {
            return Err(Error::unavailable("live events are not followed here"));
        }
        let seat = self.0.take_seat(person)?;
        let start = match after {
            Some(after) => after,
            None => self.0.store.head().await?,
        };
        Ok(EventReader::new(
            seat,
            self.0.news.subscribe(),
            ctx.clone(),
            identify,
            start,
            kinds,
        ))
    }

    /// Returns how many streams are open.
    pub fn readers(&self) -> usize {
        *self.0.seats.borrow()
    }

    /// Says that events were committed, here or on another node: the store is asked at once instead of a moment later.
    ///
    /// A hint without a content: many at a time are one, and one that is lost costs [`LiveSettings::every`].
    pub fn nudge(&self) {
        self.0.nudged.notify_one();
    }

    /// Follows the stream for ever, while somebody reads.
    pub(crate) async fn run(&self) {
        let _driven = Driven::begin(&self.0);
        let mut seats = self.0.seats.subscribe();
        loop {
            if seats.wait_for(|seats| *seats > 0).await.is_err() {
                return;
            }
            match self.0.follow().await {
                Ok(true) => {}
                Ok(false) => tokio::select! {
                    () = tokio::time::sleep(self.0.settings.every) => {}
                    () = self.0.nudged.notified() => {}
                },
                Err(error) => {
                    tracing::warn!(error = %error, "following events failed");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}

impl Hub {
    /// Reads what follows into the ring; tells whether there is probably more.
    async fn follow(&self) -> Result<bool, StoreError> {
        let from = Some(self.ring()).filter(|ring| ring.is_followed).map(|ring| ring.head);
        let Some(from) = from else {
            let head = self.store.head().await?;
            self.ring().restart(head);
            self.tell();
            return Ok(true);
        };
        match self.store.tail(from, PAGE).await? {
            EventTail::Events(events) if events.is_empty() => Ok(false),
            EventTail::Events(events) => {
                let is_full = events.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
                self.ring().push(events, self.settings.kept);
                self.tell();
                Ok(is_full)
            }
            EventTail::Resync { head } => {
                self.ring().restart(head);
                self.tell();
                Ok(true)
            }
        }
    }

    /// Returns what the ring has behind a place.
    pub(super) fn look(&self, after: EventPosition) -> Found {
        if !self.is_driven.load(Ordering::Acquire) {
            return Found::Closed;
        }
        let ring = self.ring();
        if !ring.is_followed {
            return Found::NotYet;
        }
        if after < ring.floor {
            return Found::Gap(ring.floor);
        }
        let behind = ring.events.partition_point(|stored| stored.position <= after);
        let most = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let events: Vec<_> = ring.events.iter().skip(behind).take(most).cloned().collect();
        if events.is_empty() {
            Found::Nothing
        } else {
            Found::Events(events)
        }
    }

    /// Returns the newest place that the ring knows.
    pub(super) fn head(&self) -> EventPosition {
        self.ring().head
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.news.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn take_seat(self: &Arc<Self>, person: &OperatorIdentity) -> Result<Seat, Error> {
        let too_many = Error::TooMany {
            retry_after: Duration::from_secs(5),
        };
        let mut by_person = self.by_person.lock().unwrap_or_else(PoisonError::into_inner);
        let own = by_person.entry(person.user).or_default();
        if *own >= self.settings.per_person || *self.seats.borrow() >= self.settings.total {
            return Err(too_many);
        }
        *own += 1;
        self.seats.send_modify(|seats| *seats += 1);
        Ok(Seat {
            hub: Arc::clone(self),
            user: person.user,
        })
    }
}

impl Ring {
    fn restart(&mut self, at: EventPosition) {
        *self = Self {
            events: VecDeque::new(),
            floor: at,
            head: at,
            is_followed: true,
        };
    }

    fn push(&mut self, events: Vec<StoredEvent>, kept: usize) {
        for event in events {
            self.head = event.position;
            self.events.push_back(Arc::new(event));
        }
        while self.events.len() > kept {
            if let Some(gone) = self.events.pop_front() {
                self.floor = gone.position;
            }
        }
    }
}

/// One of the streams that there may be; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) hub: Arc<Hub>,
    user: UserId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut by_person = self.hub.by_person.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = by_person.get_mut(&self.user) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                by_person.remove(&self.user);
            }
        }
        self.hub.seats.send_modify(|seats| *seats = seats.saturating_sub(1));
        if *self.hub.seats.borrow() == 0 {
            // Nobody follows from here on, so what the ring has will soon be old.
            *self.hub.ring() = Ring::default();
        }
    }
}

/// Says that the stream is followed until it is dropped.
struct Driven<'h>(&'h Hub);

impl<'h> Driven<'h> {
    fn begin(hub: &'h Hub) -> Self {
        hub.is_driven.store(true, Ordering::Release);
        Self(hub)
    }
}

impl Drop for Driven<'_> {
    fn drop(&mut self) {
        self.0.is_driven.store(false, Ordering::Release);
        *self.0.ring() = Ring::default();
        self.0.tell();
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
