//! Transfers in memory.

use async_trait::async_trait;

use super::{MemoryStore, state::State};
use crate::{
    alert::Alert,
    customer::{Customer, CustomerDraft},
    envelope::Envelope,
    error::StoreError,
    id::{AlertId, ChannelId, CustomerId, EntityRef, LogId, MaintenanceId, Revision, UserId},
    maintenance::{Maintenance, NewMaintenance},
    notification::{Channel, ChannelState},
    operator::{Profile, User},
    settings::StoredSettings,
    terminal::Host,
    terminal_log::StoredLog,
    text::SerialNumber,
    time::Timestamp,
    transfer::{
        AlertEntry, ChannelEntry, Fixture, LogLine, MaintenanceEntry, Taken, TerminalEntry, TransferStore, UserEntry,
        store::Ending,
    },
};

impl State {
    fn customer_named(&self, name: &str) -> Option<CustomerId> {
        let mut all = self.customers.values();
        all.find(|customer| customer.draft.company_name == name)
            .map(|customer| customer.id)
    }

    fn take_customer(&mut self, draft: &CustomerDraft, now: Timestamp) -> bool {
        if self.customer_named(&draft.company_name).is_some() {
            return false;
        }
        let id = CustomerId::new(self.next_id()).expect("ids grow from one");
        let customer = Customer {
            id,
            draft: draft.clone(),
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        self.customers.insert(id.get(), customer);
        true
    }

    fn take_user(&mut self, user: &UserEntry, now: Timestamp) -> bool {
        if self.users.values().any(|known| known.username == user.username) {
            return false;
        }
        let id = UserId::new(self.next_id()).expect("ids grow from one");
        let stored = User {
            id,
            username: user.username.clone(),
            profile: Profile {
                customer: user.customer.as_deref().and_then(|name| self.customer_named(name)),
                ..user.profile.clone()
            },
            password_hash: user.password_hash.clone(),
            has_second_factor: false,
            created_at: now,
            revision: Revision::FIRST,
        };
        self.users.insert(id.get(), stored);
        true
    }

    fn take_terminal(&mut self, entry: &TerminalEntry, now: Timestamp) -> bool {
        let Some(customer) = self
            .customer_named(&entry.draft.customer)
            .filter(|_| !self.serials.contains_key(&entry.draft.serial))
        else {
            return false;
        };
        let host = Host {
            mac_address: entry.mac_address.clone(),
            ..Host::default()
        };
        let draft = entry.draft.clone().owned_by(customer);
        let made = self.add_terminal(&draft, entry.lifecycle(), host, now);
        if let Some(row) = self.presence.get_mut(&made.id) {
            row.is_active = !entry.is_retired;
            row.reported.firmware_version.clone_from(&entry.firmware_version);
        }
        true
    }

    fn take_maintenance(&mut self, entry: &MaintenanceEntry, now: Timestamp) -> bool {
        let Some(terminal) = self.serials.get(&entry.serial).copied() else {
            return false;
        };
        let is_same = |time: &Maintenance| time.plan.terminal == terminal && time.plan.from == entry.from;
        if self.times.values().any(is_same) {
            return false;
        }
        let id = self.next_id();
        let time = Maintenance {
            id: MaintenanceId::new(id).expect("ids grow from one"),
            plan: NewMaintenance {
                terminal,
                from: entry.from,
                until: entry.until,
                reason: entry.reason.clone(),
            },
            created_by: entry.created_by.clone(),
            created_at: now,
        };
        self.times.insert(id, time);
        true
    }

    fn take_channel(&mut self, entry: &ChannelEntry, now: Timestamp) -> bool {
        let mut known = self.channels.values();
        if known.any(|channel| channel.draft.name == entry.draft.name) {
            return false;
        }
        let customers = entry.customers.iter().filter_map(|name| self.customer_named(name));
        let draft = entry.told_of(customers.collect());
        let id = self.next_id();
        let channel = Channel {
            id: ChannelId::new(id).expect("ids grow from one"),
            draft,
            secret: None,
            state: ChannelState::default(),
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        self.channels.insert(id, channel);
        true
    }

    fn take_alert(&mut self, entry: &AlertEntry) -> bool {
        let Some(terminal) = self.serials.get(&entry.serial).copied() else {
            return false;
        };
        let is_same = |alert: &Alert| {
            alert.terminal == Some(terminal) && alert.cause == entry.cause && alert.created_at == entry.created_at
        };
        let is_open = entry.resolved.is_none();
        let place = (Some(terminal), entry.cause);
        if self.alerts.values().any(is_same) || (is_open && self.open.contains_key(&place)) {
            return false;
        }
        let id = AlertId::new(self.next_id()).expect("ids grow from one");
        let alert = Alert {
            id,
            terminal: Some(terminal),
            customer: self.terminals.get(&terminal).map(|terminal| terminal.draft.customer),
            cause: entry.cause,
            severity: entry.severity,
            state: entry.state(),
            details: entry.details.clone(),
            occurrences: 1,
            created_at: entry.created_at,
            acknowledged: entry.acknowledged.clone(),
            resolved: entry.resolved.clone(),
            revision: Revision::FIRST,
        };
        if is_open {
            self.open.insert(place, id.get());
        }
        self.alerts.insert(id.get(), alert);
        true
    }

    fn take_line(&mut self, line: &LogLine, now: Timestamp) -> bool {
        let Some(terminal) = self.serials.get(&line.serial).copied() else {
            return false;
        };
        if !self.log_ids.insert((terminal, line.entry.event_id.clone())) {
            return false;
        }
        let log = StoredLog {
            id: LogId::new(self.next_id()).expect("ids grow from one"),
            entry: line.entry.clone(),
            received_at: now,
        };
        self.logs.entry(terminal).or_default().push(log);
        true
    }

    /// Checks that everything that is referred to is there or comes along: changes never fail.
    fn check_references(&self, fixture: &Fixture) -> Result<(), StoreError> {
        let comes = |name: &str| fixture.customers.iter().any(|draft| draft.company_name == name);
        for name in fixture.customers_named() {
            if !comes(name) && self.customer_named(name).is_none() {
                return Err(StoreError::Missing(EntityRef::new("customer", name)));
            }
        }
        let comes = |serial: &SerialNumber| fixture.terminals.iter().any(|entry| entry.draft.serial == *serial);
        for serial in fixture.serials_named() {
            if !comes(serial) && !self.serials.contains_key(serial) {
                return Err(StoreError::Missing(EntityRef::new("terminal", serial)));
            }
        }
        Ok(())
    }

    fn take_all(&mut self, fixture: &Fixture, now: Timestamp) -> Taken {
        let mut taken = Taken::default();
        for draft in &fixture.customers {
            taken.customers += u64::from(self.take_customer(draft, now));
        }
        for user in &fixture.users {
            taken.users += u64::from(self.take_user(user, now));
        }
        for entry in &fixture.terminals {
            taken.terminals += u64::from(self.take_terminal(entry, now));
        }
        for time in &fixture.maintenances {
            taken.maintenances += u64::from(self.take_maintenance(time, now));
        }
        for channel in &fixture.channels {
            taken.channels += u64::from(self.take_channel(channel, now));
        }
        for alert in &fixture.alerts {
            taken.alerts += u64::from(self.take_alert(alert));
        }
        for line in &fixture.logs {
            taken.logs += u64::from(self.take_line(line, now));
        }
        if let Some(settings) = fixture.settings.clone().filter(|_| self.settings.is_none()) {
            let revision = Revision::FIRST;
            self.settings = Some(StoredSettings { settings, revision });
            taken.settings = true;
        }
        taken
    }
}

#[async_trait]
impl TransferStore for MemoryStore {
    async fn take_in(
        &self,
        fixture: &Fixture,
        ending: Ending,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Taken, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.check_references(fixture)?;
        if ending == Ending::TakeBack {
            return Ok(state.clone().take_all(fixture, now));
        }
        let taken = state.take_all(fixture, now);
        state.finish(with, None);
        Ok(taken)
    }
}
