//! One reader of live events: its place, what it wants, what it may see, and whether it still may.

use std::{collections::BTreeSet, collections::VecDeque, fmt, sync::Arc};

use async_trait::async_trait;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    EventKind, EventPosition, StoredEvent,
    live::{Found, PAGE, Seat},
    store::EventTail,
};
use crate::{
    ctx::{Actor, Ctx, OperatorIdentity},
    error::Error,
    permission::Permission,
};

/// Which kinds of events a reader wants; none named means all.
pub type EventKinds = BTreeSet<EventKind>;

/// Says who reads, as of now.
#[async_trait]
pub trait Identify: fmt::Debug + Send + Sync + 'static {
    /// Reads from the store who it is.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when what was shown is worth nothing any more.
    async fn identify(&self) -> Result<OperatorIdentity, Error>;
}

/// What a reader is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Something happened.
    Event(Arc<StoredEvent>),
    /// Something between is gone: read the present state. What follows comes after this place.
    Resync(EventPosition),
    /// The stream is over.
    Over(EndReason),
}

/// Why a stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The sign-in ended, or the person was disabled.
    SignedOut,
    /// The person may not read events any more.
    Denied,
    /// The reader was too slow: what it missed is in the state, which it must read again.
    TooSlow,
    /// This node is going away.
    Closing,
}

impl EndReason {
    /// Returns the name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Denied => "denied",
            Self::TooSlow => "too_slow",
            Self::Closing => "closing",
        }
    }
}

impl EventKind {
    /// Returns what a reader of this kind must be allowed to do.
    pub const fn permission(self) -> Permission {
        match self {
            Self::TerminalStatusChange | Self::CommandUpdate | Self::DeploymentUpdate => Permission::TerminalRead,
            Self::NewAlert | Self::AlertUpdate => Permission::AlertRead,
        }
    }
}

/// A stream of events for one person.
///
/// Who it is is asked again at the interval of the settings, and always before anything is told that comes later than
/// that; so a sign-out, a lower role or another customer acts on what is told next. While nobody can say who it is,
/// nothing is told.
#[derive(Debug)]
pub struct EventReader {
    seat: Seat,
    news: watch::Receiver<u64>,
    ctx: Ctx,
    identify: Box<dyn Identify>,
    check_at: Instant,
    kinds: EventKinds,
    /// The place up to which events were taken into `pending`.
    taken: EventPosition,
    /// The place up to which events were told or passed over.
    place: EventPosition,
    pending: VecDeque<Arc<StoredEvent>>,
    /// Whether it has met the ring once; from then on it has to keep up.
    is_live: bool,
    /// Whether it must look into the store whether its place is one at all.
    is_unproven: bool,
    over: Option<EndReason>,
}

impl EventReader {
    pub(super) fn new(
        seat: Seat,
        news: watch::Receiver<u64>,
        ctx: Ctx,
        identify: Box<dyn Identify>,
        start: EventPosition,
        kinds: EventKinds,
    ) -> Self {
        let check_at = Instant::now() + seat.hub.settings.check_every;
        Self {
            seat,
            news,
            ctx,
            identify,
            check_at,
            kinds,
            taken: start,
            place: start,
            pending: VecDeque::new(),
            is_live: false,
            is_unproven: true,
            over: None,
        }
    }

    /// Returns the place from which another stream would go on.
    pub const fn place(&self) -> EventPosition {
        self.place
    }

    /// Wants other kinds from now on.
    pub fn want(&mut self, kinds: EventKinds) {
        self.kinds = kinds;
    }

    /// Returns what comes next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Told {
        loop {
            if let Some(reason) = self.over {
                return Told::Over(reason);
            }
            if Instant::now() >= self.check_at {
                self.check().await;
                continue;
            }
            if let Some(event) = self.take_ready() {
                return Told::Event(event);
            }
            if self.is_unproven {
                if let Some(told) = self.catch_up(None).await {
                    return told;
                }
                continue;
            }
            self.news.mark_unchanged();
            match self.seat.hub.look(self.taken) {
                Found::Events(events) => self.take(events),
                Found::Closed => self.over = Some(EndReason::Closing),
                Found::Gap(_) if self.is_live => {
                    self.over = Some(EndReason::TooSlow);
                    return Told::Resync(self.seat.hub.head());
                }
                Found::Gap(floor) => {
                    if let Some(told) = self.catch_up(Some(floor)).await {
                        return told;
                    }
                }
                found @ (Found::Nothing | Found::NotYet) => {
                    self.is_live |= matches!(found, Found::Nothing);
                    let _ = timeout_at(self.check_at, self.news.changed()).await;
                }
            }
        }
    }

    /// Returns an event that can be told without waiting.
    pub fn next_ready(&mut self) -> Option<Arc<StoredEvent>> {
        if self.over.is_some() || Instant::now() >= self.check_at {
            return None;
        }
        self.take_ready()
    }

    fn take_ready(&mut self) -> Option<Arc<StoredEvent>> {
        while let Some(event) = self.pending.pop_front() {
            self.place = event.position;
            if self.may_see(&event) {
                return Some(event);
            }
        }
        None
    }

    fn may_see(&self, stored: &StoredEvent) -> bool {
        let event = &stored.event;
        let is_wanted = self.kinds.is_empty() || self.kinds.contains(&event.kind);
        let is_own = match (self.ctx.scope(), event.customer) {
            (None, _) => true,
            (Some(own), Some(customer)) => own == customer,
            (Some(_), None) => false,
        };
        is_wanted && is_own && self.ctx.allow(event.kind.permission()).is_ok()
    }

    fn take(&mut self, events: Vec<Arc<StoredEvent>>) {
        self.is_live = true;
        if let Some(last) = events.last() {
            self.taken = last.position;
        }
        self.pending.extend(events);
    }

    /// Asks who reads.
    async fn check(&mut self) {
        let every = self.seat.hub.settings.check_every;
        let outcome = self.identify.identify().await;
        self.ctx.now = self.seat.hub.clock.now();
        match outcome {
            Ok(person) => {
                self.ctx.actor = Actor::Operator(person);
                self.check_at = Instant::now() + every;
                match self.ctx.allow(Permission::EventRead) {
                    Ok(()) => {}
                    Err(_) => self.over = Some(EndReason::Denied),
                }
            }
            Err(Error::InvalidToken) => self.over = Some(EndReason::SignedOut),
            // Nobody knows who it is: nothing is told until somebody does.
            Err(_) => sleep_until(Instant::now() + every).await,
        }
    }

    /// Reads a page of what was missed from the store; `floor` is where the ring begins.
    async fn catch_up(&mut self, floor: Option<EventPosition>) -> Option<Told> {
        let hub = Arc::clone(&self.seat.hub);
        let page = match hub.catching_up.acquire().await {
            Ok(_permit) => hub.store.tail(self.taken, PAGE).await,
            Err(_) => return None,
        };
        match page {
            Ok(EventTail::Events(events)) => {
                self.is_unproven = false;
                match events.last() {
                    Some(last) => self.taken = last.position,
                    // All that came before the floor was there to be read when the ring was filled from it.
                    None => self.taken = self.taken.max(floor.unwrap_or_default()),
                }
                self.pending.extend(events.into_iter().map(Arc::new));
                None
            }
            Ok(EventTail::Resync { head }) => {
                self.is_unproven = false;
                (self.taken, self.place) = (head, head);
                Some(Told::Resync(head))
            }
            Err(error) => {
                tracing::warn!(error = %error, "reading missed events failed");
                sleep_until(self.check_at).await;
                None
            }
        }
    }
}
