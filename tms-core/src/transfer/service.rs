//! Taking in and giving out, checked as if a person had typed it all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Fixture, Taken, TerminalEntry, UserEntry, store::Ending};
use crate::{
    audit::AuditTarget,
    ctx::Ctx,
    customer::{Customer, CustomerDraft, store::CustomerFilter},
    envelope::Envelope,
    error::{Error, FieldErrors},
    id::CustomerId,
    operator::{User, UserFilter},
    page::{Order, Page, PageRequest, PageStart},
    permission::Permission,
    stores::Stores,
    terminal::{
        Lifecycle, TerminalView,
        store::{TerminalFilter, TerminalSort},
    },
    text::SerialNumber,
};

/// Rows that are read at a time.
const PAGE: u32 = 1_000;
/// The most faults that are named.
const MOST_NAMED: usize = 100;

/// What is to happen to things that are there already and are not as the fixture says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differing {
    /// They are faults: nothing is taken in.
    Refuse,
    /// They stay as they are.
    Keep,
}

/// How a fixture is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Where it comes from, for the audit trail.
    pub origin: &'static str,
    /// What is to happen to things that are there already and differ.
    pub differing: Differing,
    /// Whether it stays.
    pub ending: Ending,
}

/// Takes in and gives out.
#[derive(Debug, Clone)]
pub struct Transfers {
    stores: Stores,
}

impl Transfers {
    pub(crate) fn new(stores: Stores) -> Self {
        Self { stores }
    }

    /// Takes in what is not there yet, all or nothing, with one entry in the audit trail.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming what is wrong by its place, such as `terminals[3].model`.
    pub async fn take_in(&self, ctx: &Ctx, fixture: Fixture, manner: Manner) -> Result<Taken, Error> {
        for permission in [
            Permission::CustomerWrite,
            Permission::TerminalWrite,
            Permission::AlertWrite,
            Permission::UserWrite,
            Permission::SettingsWrite,
        ] {
            ctx.require(permission)?;
        }
        let mut faults = Faults::default();
        let fixture = checked(fixture, &mut faults);
        faults = faults.finish()?;
        self.check_references(&fixture, &mut faults).await?;
        if manner.differing == Differing::Refuse {
            self.check_known(&fixture, &mut faults).await?;
        }
        faults.finish().map(drop)?;
        let count = json!({
            "origin": manner.origin, "customers": fixture.customers.len(), "users": fixture.users.len(),
            "terminals": fixture.terminals.len(), "alerts": fixture.alerts.len(), "logs": fixture.logs.len(),
            "settings": fixture.settings.is_some(),
        });
        let with = Envelope::audited(ctx.audit("transfer.take_in", AuditTarget::created("transfer"), count));
        let store = &self.stores.transfers;
        Ok(store.take_in(&fixture, manner.ending, ctx.now, with).await?)
    }

    /// Gives out what people entered: customers, people, terminals, settings. History is the matter of backups.
    /// Hashes of passwords only when they are asked for.
    pub async fn give_out(&self, ctx: &Ctx, with_password_hashes: bool) -> Result<Fixture, Error> {
        for permission in [
            Permission::CustomerRead,
            Permission::TerminalRead,
            Permission::UserRead,
            Permission::SettingsRead,
        ] {
            ctx.require(permission)?;
        }
        if with_password_hashes {
            ctx.require(Permission::UserWrite)?;
        }
        if ctx.scope().is_some() {
            return Err(ctx.denied(Permission::SettingsRead));
        }
        let customers = self.all_customers().await?;
        let names: BTreeMap<CustomerId, String> =
            customers.iter().map(|c| (c.id, c.draft.company_name.clone())).collect();
        let mut users = Vec::new();
        for user in self.all_users().await? {
            users.push(entry_of(user, &names, with_password_hashes));
        }
        let terminals = self.all_terminals().await?;
        Ok(Fixture {
            customers: customers.into_iter().map(|customer| customer.draft).collect(),
            users,
            terminals: terminals.into_iter().map(TerminalEntry::from).collect(),
            settings: self.stores.settings.load().await?.map(|stored| stored.settings),
            ..Fixture::default()
        })
    }

    async fn all_customers(&self) -> Result<Vec<Customer>, Error> {
        let (mut all, mut page) = (Vec::new(), PageRequest::first(PAGE));
        loop {
            let found = self
                .stores
                .customers
                .list(&CustomerFilter::default(), Order::Ascending, &page)
                .await?;
            if !gather(&mut all, &mut page, found) {
                return Ok(all);
            }
        }
    }

    async fn all_users(&self) -> Result<Vec<User>, Error> {
        let (mut all, mut page) = (Vec::new(), PageRequest::first(PAGE));
        loop {
            let found = self
                .stores
                .users
                .list(&UserFilter::default(), Order::Ascending, &page)
                .await?;
            if !gather(&mut all, &mut page, found) {
                return Ok(all);
            }
        }
    }

    async fn all_terminals(&self) -> Result<Vec<TerminalView>, Error> {
        let filter = TerminalFilter {
            with_retired: true,
            ..TerminalFilter::default()
        };
        let (mut all, mut page) = (Vec::new(), PageRequest::first(PAGE));
        loop {
            let terminals = &self.stores.terminals;
            let found = terminals
                .list(&filter, TerminalSort::SerialNumber, Order::Ascending, &page)
                .await?;
            if !gather(&mut all, &mut page, found) {
                return Ok(all);
            }
        }
    }

    /// Checks that what is referred to is there, or comes along.
    async fn check_references(&self, fixture: &Fixture, faults: &mut Faults) -> Result<(), Error> {
        let along: BTreeSet<&str> = fixture.customers.iter().map(|c| c.company_name.as_str()).collect();
        let mut missing = BTreeSet::new();
        for name in fixture.customers_named() {
            if !along.contains(name) && self.stores.customers.find_by_name(name).await?.is_none() {
                missing.insert(name);
            }
        }
        for (index, user) in fixture.users.iter().enumerate() {
            if let Some(name) = user.customer.as_deref().filter(|name| missing.contains(name)) {
                faults.add("users", index, "customer", format!("there is no customer {name:?}"));
            }
        }
        for (index, terminal) in fixture.terminals.iter().enumerate() {
            if missing.contains(terminal.customer.as_str()) {
                let message = format!("there is no customer {:?}", terminal.customer);
                faults.add("terminals", index, "customer", message);
            }
        }
        let along: BTreeSet<&SerialNumber> = fixture.terminals.iter().map(|terminal| &terminal.serial).collect();
        let needed: Vec<_> = fixture
            .serials_named()
            .into_iter()
            .filter(|serial| !along.contains(serial))
            .collect();
        let needed: Vec<SerialNumber> = needed.into_iter().cloned().collect();
        let found = self.stores.terminals.find_by_serials(&needed).await?;
        let found: BTreeSet<_> = found.into_iter().map(|terminal| terminal.draft.serial).collect();
        let is_missing = |serial: &SerialNumber| !along.contains(serial) && !found.contains(serial);
        let alerts = fixture.alerts.iter().map(|alert| &alert.serial);
        let logs = fixture.logs.iter().map(|line| &line.serial);
        for (kind, serials) in [("alerts", alerts.collect::<Vec<_>>()), ("logs", logs.collect())] {
            for (index, serial) in serials.into_iter().enumerate().filter(|(_, serial)| is_missing(serial)) {
                faults.add(kind, index, "serial_number", format!("there is no terminal {serial}"));
            }
        }
        Ok(())
    }

    /// Checks that what is there already is as the fixture says.
    async fn check_known(&self, fixture: &Fixture, faults: &mut Faults) -> Result<(), Error> {
        const DIFFERS: &str = "is there already and differs";
        let mut names = BTreeMap::new();
        for (index, draft) in fixture.customers.iter().enumerate() {
            if let Some(known) = self.stores.customers.find_by_name(&draft.company_name).await? {
                if known.draft != *draft {
                    faults.add("customers", index, "company_name", DIFFERS);
                }
                names.insert(known.id, known.draft.company_name);
            }
        }
        for (index, user) in fixture.users.iter().enumerate() {
            let Some(known) = self.stores.users.find_by_name(&user.username).await? else {
                continue;
            };
            if let Some(id) = known.profile.customer
                && let Some(customer) = self.stores.customers.find(id).await?
            {
                names.insert(id, customer.draft.company_name);
            }
            // A fixture without the hash says nothing of the password.
            let known = entry_of(known, &names, user.password_hash.is_some());
            if known != *user {
                faults.add("users", index, "username", DIFFERS);
            }
        }
        for (index, terminal) in fixture.terminals.iter().enumerate() {
            let known = self.stores.terminals.find_by_serial(&terminal.serial).await?;
            if known.is_some_and(|known| TerminalEntry::from(known) != *terminal) {
                faults.add("terminals", index, "serial_number", DIFFERS);
            }
        }
        let stored = self.stores.settings.load().await?;
        if stored
            .zip(fixture.settings.as_ref())
            .is_some_and(|(stored, next)| stored.settings != *next)
        {
            faults.all.add("settings", DIFFERS);
        }
        Ok(())
    }
}

/// Adds a page to what was read; returns whether there is another.
fn gather<T>(all: &mut Vec<T>, page: &mut PageRequest, found: Page<T>) -> bool {
    all.extend(found.items);
    match found.next {
        Some(cursor) => {
            page.start = PageStart::After(cursor);
            true
        }
        None => false,
    }
}

fn entry_of(user: User, names: &BTreeMap<CustomerId, String>, with_hash: bool) -> UserEntry {
    let mut profile = user.profile;
    let customer = profile.customer.take();
    UserEntry {
        username: user.username,
        profile,
        customer: customer.and_then(|id| names.get(&id).cloned()),
        password_hash: user.password_hash.filter(|hash| with_hash && !hash.expose().is_empty()),
    }
}

impl From<TerminalView> for TerminalEntry {
    fn from(view: TerminalView) -> Self {
        let draft = view.terminal.draft;
        Self {
            serial: draft.serial,
            customer: view.company_name,
            model: draft.model,
            store_name: draft.store_name,
            store_code: draft.store_code,
            installation_address: draft.installation_address,
            heartbeat_interval_s: draft.heartbeat_interval_s,
            auto_update_enabled: draft.auto_update_enabled,
            installed_date: draft.installed_date,
            warranty_end_date: draft.warranty_end_date,
            is_retired: view.terminal.lifecycle == Lifecycle::Retired,
            mac_address: view.terminal.host.mac_address,
            firmware_version: view.presence.reported.firmware_version,
        }
    }
}

/// What is wrong, by place.
#[derive(Debug, Default)]
struct Faults {
    all: FieldErrors,
    unnamed: usize,
}

impl Faults {
    fn add(&mut self, kind: &str, index: usize, field: &str, message: impl Into<String>) {
        if self.all.len() < MOST_NAMED {
            self.all.add(format!("{kind}[{index}].{field}"), message);
        } else {
            self.unnamed += 1;
        }
    }

    /// Keeps what was checked, or what was there before with a note of what is wrong with it.
    fn keep<T>(&mut self, kind: &str, index: usize, checked: Result<T, Error>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(Error::Invalid(fields)) => {
                for (field, messages) in fields.iter() {
                    for message in messages {
                        self.add(kind, index, field, message);
                    }
                }
                None
            }
            Err(error) => {
                self.add(kind, index, "", error.to_string());
                None
            }
        }
    }

    /// Ends a round of checks: the next one needs what this one looked at to be right.
    fn finish(mut self) -> Result<Self, Error> {
        if self.unnamed > 0 {
            self.all.add("more", format!("{} further faults", self.unnamed));
        }
        self.all.finish().map(|()| Self::default())
    }
}

/// Checks every field, and that nothing stands twice.
fn checked(fixture: Fixture, faults: &mut Faults) -> Fixture {
    let mut names = BTreeSet::new();
    let mut once = |kind: &str, index: usize, field: &str, key: &str, faults: &mut Faults| {
        if !names.insert(format!("{kind} {key}")) {
            faults.add(kind, index, field, "stands twice");
        }
    };
    let mut next = Fixture {
        alerts: fixture.alerts,
        logs: fixture.logs,
        ..Fixture::default()
    };
    for (index, draft) in fixture.customers.into_iter().enumerate() {
        if let Some(draft) = faults.keep("customers", index, CustomerDraft::checked(draft)) {
            once("customers", index, "company_name", &draft.company_name, faults);
            next.customers.push(draft);
        }
    }
    for (index, user) in fixture.users.into_iter().enumerate() {
        if let Some(user) = faults.keep("users", index, user.checked()) {
            once("users", index, "username", &user.username, faults);
            next.users.push(user);
        }
    }
    for (index, terminal) in fixture.terminals.into_iter().enumerate() {
        if let Some(terminal) = faults.keep("terminals", index, terminal.checked()) {
            once("terminals", index, "serial_number", terminal.serial.as_str(), faults);
            next.terminals.push(terminal);
        }
    }
    if let Some(settings) = fixture.settings {
        if let Err(Error::Invalid(fields)) = settings.validate() {
            for (field, messages) in fields.iter() {
                faults.all.add(format!("settings.{field}"), messages.join(", "));
            }
        }
        next.settings = Some(settings);
    }
    next
}
