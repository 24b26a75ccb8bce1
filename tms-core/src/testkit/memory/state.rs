//! What the memory store keeps, and what several ports need of it. Every check stands before the first change.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{audit::Trail, notification::Kept};
use crate::{
    alert::{Alert, Cause},
    credential::Revocation,
    customer::Customer,
    enrolment::EnrolmentCode,
    envelope::Envelope,
    error::StoreError,
    event::{Event, EventPosition, StoredEvent},
    heartbeat::HeartbeatRecord,
    id::{CustomerId, EntityRef, SessionId, TerminalId, UserId},
    idempotency::Remembered,
    lease::Fence,
    limit::store::LimitKind,
    maintenance::Maintenance,
    metric::{Hour, Rollup},
    notification::{Channel, store::Progress},
    operator::{
        ApiToken, PasswordLink, SecondFactor, Session, User,
        guess::{GuessWindow, KnownDevice},
    },
    presence::{Outage, Presence, StatusChange},
    report::Times,
    secret::TokenHash,
    settings::StoredSettings,
    terminal::{Lifecycle, Terminal, TerminalView, store::StatusCounts},
    terminal_log::StoredLog,
    text::SerialNumber,
    time::Timestamp,
};

/// A token as kept; its customer and serial number are those of the terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) terminal: TerminalId,
    pub(super) valid_until: Option<Timestamp>,
}

/// A lease as kept.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) holder: Option<String>,
    pub(super) token: i64,
    pub(super) until: Timestamp,
}

#[derive(Debug, Default, Clone)]
pub(super) struct State {
    pub(super) customers: BTreeMap<i64, Customer>,
    pub(super) terminals: BTreeMap<TerminalId, Terminal>,
    pub(super) serials: HashMap<SerialNumber, TerminalId>,
    pub(super) presence: BTreeMap<TerminalId, Presence>,
    pub(super) codes: BTreeMap<i64, (TokenHash, EnrolmentCode)>,
    pub(super) tokens: BTreeMap<TokenHash, Token>,
    pub(super) revocations: Vec<(Timestamp, Revocation)>,
    pub(super) last_revocation: i64,
    pub(super) history: BTreeMap<TerminalId, Vec<HeartbeatRecord>>,
    pub(super) changes: BTreeMap<TerminalId, Vec<StatusChange>>,
    /// By terminal and hour.
    pub(super) rolled: BTreeMap<(TerminalId, Hour), Rollup>,
    pub(super) next_hour: Option<Hour>,
    pub(super) quarters: BTreeMap<Timestamp, Times>,
    pub(super) next_quarters: Option<Hour>,
    pub(super) outages: Vec<Outage>,
    pub(super) last_stamp: Option<Timestamp>,
    pub(super) alerts: BTreeMap<i64, Alert>,
    /// The unresolved alert of each terminal (`None`: the server) and cause.
    pub(super) open: BTreeMap<(Option<TerminalId>, Cause), i64>,
    pub(super) logs: BTreeMap<TerminalId, Vec<StoredLog>>,
    pub(super) log_ids: HashSet<(TerminalId, String)>,
    pub(super) times: BTreeMap<i64, Maintenance>,
    pub(super) channels: BTreeMap<i64, Channel>,
    pub(super) outbox: BTreeMap<i64, Kept>,
    pub(super) told: Option<Progress>,
    pub(super) users: BTreeMap<i64, User>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) refresh_tokens: HashMap<TokenHash, SessionId>,
    pub(super) api_tokens: BTreeMap<i64, (TokenHash, ApiToken)>,
    pub(super) factors: BTreeMap<UserId, SecondFactor>,
    pub(super) recovery: HashSet<(UserId, TokenHash)>,
    pub(super) links: HashMap<TokenHash, PasswordLink>,
    pub(super) guesses: HashMap<TokenHash, GuessWindow>,
    pub(super) devices: HashMap<TokenHash, KnownDevice>,
    pub(super) settings: Option<StoredSettings>,
    pub(super) events: Vec<StoredEvent>,
    pub(super) last_event: EventPosition,
    pub(super) last_dropped_event: EventPosition,
    pub(super) leases: HashMap<&'static str, Held>,
    pub(super) trail: Trail,
    pub(super) limits: BTreeMap<(LimitKind, i64), Timestamp>,
    /// By caller and key.
    pub(super) remembered: BTreeMap<(String, String), (Timestamp, Remembered)>,
    /// The newest time that any call brought; stands in for a clock where a port has no time.
    pub(super) now: Option<Timestamp>,
    last_id: i64,
}

impl State {
    /// Assigns an id. One counter for everything, so that a mixed-up id is noticed.
    pub(super) fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn saw(&mut self, now: Timestamp) {
        self.now = self.now.max(Some(now));
    }

    pub(super) fn check_fence(&self, fence: Option<Fence>) -> Result<(), StoreError> {
        match fence {
            Some(fence) if self.leases.get(fence.lease).map(|held| held.token) != Some(fence.token) => {
                Err(StoreError::Fenced)
            }
            _ => Ok(()),
        }
    }

    /// Checks that there is a reason for a change, the fence, and that the idempotency key is free.
    pub(super) fn check(&self, with: &Envelope) -> Result<(), StoreError> {
        with.check()?;
        self.check_fence(with.fence)?;
        match &with.idempotency {
            Some(record) if self.recall(&record.key.caller, &record.key.text, record.at).is_some() => {
                Err(StoreError::Repeated)
            }
            _ => Ok(()),
        }
    }

    /// Writes audit entries, events and the idempotency record of a change that made or changed the thing `id`.
    pub(super) fn finish(&mut self, with: Envelope, id: impl Into<Option<i64>>) {
        let id = id.into().filter(|id| *id > 0);
        for entry in with.audit {
            self.saw(entry.at);
            self.trail.add(&entry, id);
        }
        for event in with.events {
            self.tell(event);
        }
        if let Some(record) = with.idempotency {
            self.remember(*record, id);
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.last_event.row += 1;
        self.events.push(StoredEvent {
            position: self.last_event,
            event,
        });
    }

    /// Notes a status change: history and event. Status and counts follow from the presence row.
    pub(super) fn note_change(&mut self, change: StatusChange) {
        self.changes.entry(change.terminal).or_default().push(change);
        if let Some(event) = change.event() {
            self.tell(event);
        }
    }

    pub(super) fn customer(&self, id: CustomerId) -> Result<&Customer, StoreError> {
        let missing = || StoreError::Missing(EntityRef::new("customer", id));
        self.customers.get(&id.get()).ok_or_else(missing)
    }

    pub(super) fn terminal(&self, id: TerminalId) -> Result<&Terminal, StoreError> {
        let missing = || StoreError::Missing(EntityRef::new("terminal", id));
        self.terminals.get(&id).ok_or_else(missing)
    }

    /// Returns the row of a terminal, which every terminal has.
    pub(super) fn row(&self, id: TerminalId) -> Result<&Presence, StoreError> {
        let missing = || StoreError::Missing(EntityRef::new("terminal", id));
        self.presence.get(&id).ok_or_else(missing)
    }

    pub(super) fn open_alerts(&self, terminal: TerminalId) -> u64 {
        let (first, last) = (Cause::Offline, Cause::Security);
        let of_it = self.open.range((Some(terminal), first)..=(Some(terminal), last));
        u64::try_from(of_it.count()).unwrap_or(u64::MAX)
    }

    pub(super) fn view(&self, terminal: &Terminal) -> Option<TerminalView> {
        let customer = self.customers.get(&terminal.draft.customer.get())?;
        Some(TerminalView {
            terminal: terminal.clone(),
            presence: self.presence.get(&terminal.id)?.clone(),
            company_name: customer.draft.company_name.clone(),
            active_alerts: self.open_alerts(terminal.id),
        })
    }

    pub(super) fn counts(&self, customer: Option<CustomerId>) -> StatusCounts {
        let mut counts = StatusCounts::default();
        for terminal in self.terminals.values() {
            let is_counted = terminal.lifecycle != Lifecycle::Retired
                && customer.is_none_or(|customer| terminal.draft.customer == customer);
            if let Some(row) = self.presence.get(&terminal.id).filter(|_| is_counted) {
                *counts.of_mut(row.status) += 1;
            }
        }
        counts
    }

    /// Revokes every token of a terminal but `spared` and returns how many those were.
    pub(super) fn revoke_tokens(&mut self, terminal: TerminalId, spared: Option<TokenHash>) -> u64 {
        let is_hit = |(hash, token): &(&TokenHash, &Token)| token.terminal == terminal && Some(**hash) != spared;
        let hit: Vec<_> = self.tokens.iter().filter(is_hit).map(|(hash, _)| *hash).collect();
        for hash in &hit {
            self.tokens.remove(hash);
            self.tell_caches(*hash);
        }
        u64::try_from(hit.len()).unwrap_or(u64::MAX)
    }

    /// Puts a token into the revocation feed.
    pub(super) fn tell_caches(&mut self, token: TokenHash) {
        self.last_revocation += 1;
        let entry = Revocation {
            position: self.last_revocation,
            token,
        };
        self.revocations.push((self.now.unwrap_or(Timestamp::EPOCH), entry));
    }
}
