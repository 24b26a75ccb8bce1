//! What is wrong with a fixture, by place: fields, what stands twice, what leads nowhere, what is there and differs.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ChannelEntry, Fixture, MaintenanceEntry, TerminalEntry,
    give_out::{all_channels, all_customers, all_maintenances, names, user_entry},
};
use crate::{
    customer::CustomerDraft,
    error::{Error, FieldErrors},
    id::CustomerId,
    settings::Settings,
    stores::Stores,
    text::SerialNumber,
};

/// The most faults that are named.
const MOST_NAMED: usize = 100;
const TWICE: &str = "stands twice";
const DIFFERS: &str = "is there already and differs";

/// What is wrong, by place.
#[derive(Debug, Default)]
pub(super) struct Faults {
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

    /// Keeps what was checked, or notes what is wrong with it.
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

    /// Keeps those of a kind that are right by themselves; what stands twice, by its `key`, is wrong in this field.
    fn keep_each<T>(
        &mut self,
        (kind, field): (&str, &str),
        all: Vec<T>,
        check: impl Fn(T) -> Result<T, Error>,
        key: impl Fn(&T) -> String,
    ) -> Vec<T> {
        let (mut kept, mut keys) = (Vec::with_capacity(all.len()), BTreeSet::new());
        for (index, one) in all.into_iter().enumerate() {
            let Some(one) = self.keep(kind, index, check(one)) else {
                continue;
            };
            if !keys.insert(key(&one)) {
                self.add(kind, index, field, TWICE);
            }
            kept.push(one);
        }
        kept
    }

    /// Ends a round of checks: the next one needs what this one looked at to be right.
    pub(super) fn finish(mut self) -> Result<Self, Error> {
        if self.unnamed > 0 {
            self.all.add("more", format!("{} further faults", self.unnamed));
        }
        self.all.finish().map(|()| Self::default())
    }
}

/// Checks every field, and that nothing stands twice.
pub(super) fn checked(fixture: Fixture, faults: &mut Faults) -> Fixture {
    let customers = ("customers", "company_name");
    let customers = faults.keep_each(customers, fixture.customers, CustomerDraft::checked, |draft| {
        draft.company_name.clone()
    });
    let users = ("users", "username");
    let users = faults.keep_each(users, fixture.users, super::UserEntry::checked, |user| {
        user.username.clone()
    });
    let terminals = ("terminals", "serial_number");
    let terminals = faults.keep_each(terminals, fixture.terminals, TerminalEntry::checked, |terminal| {
        terminal.draft.serial.to_string()
    });
    let times = ("maintenances", "from");
    let maintenances = faults.keep_each(times, fixture.maintenances, MaintenanceEntry::checked, |time| {
        format!("{} {}", time.serial, time.from)
    });
    let channels = ("channels", "name");
    let channels = faults.keep_each(channels, fixture.channels, ChannelEntry::checked, |channel| {
        channel.draft.name.clone()
    });
    if let Some(Err(Error::Invalid(fields))) = fixture.settings.as_ref().map(Settings::validate) {
        for (field, messages) in fields.iter() {
            faults.all.add(format!("settings.{field}"), messages.join(", "));
        }
    }
    Fixture {
        customers,
        users,
        terminals,
        maintenances,
        channels,
        ..fixture
    }
}

/// Checks that what is referred to is there, or comes along.
pub(super) async fn check_references(stores: &Stores, fixture: &Fixture, faults: &mut Faults) -> Result<(), Error> {
    check_customers(stores, fixture, faults).await?;
    check_terminals(stores, fixture, faults).await
}

async fn check_customers(stores: &Stores, fixture: &Fixture, faults: &mut Faults) -> Result<(), Error> {
    let along: BTreeSet<&str> = fixture.customers.iter().map(|c| c.company_name.as_str()).collect();
    let mut missing = BTreeSet::new();
    for name in fixture.customers_named() {
        if !along.contains(name) && stores.customers.find_by_name(name).await?.is_none() {
            missing.insert(name);
        }
    }
    let users = fixture.users.iter().map(|user| user.customer.iter().collect());
    let terminals = fixture.terminals.iter().map(|terminal| vec![&terminal.draft.customer]);
    let channels = fixture
        .channels
        .iter()
        .map(|channel| channel.customers.iter().collect());
    for (kind, field, named) in [
        ("users", "customer", users.collect::<Vec<Vec<&String>>>()),
        ("terminals", "customer", terminals.collect()),
        ("channels", "customers", channels.collect()),
    ] {
        for (index, names) in named.into_iter().enumerate() {
            for name in names.into_iter().filter(|name| missing.contains(name.as_str())) {
                faults.add(kind, index, field, format!("there is no customer {name:?}"));
            }
        }
    }
    Ok(())
}

async fn check_terminals(stores: &Stores, fixture: &Fixture, faults: &mut Faults) -> Result<(), Error> {
    let along: BTreeSet<&SerialNumber> = fixture.terminals.iter().map(|entry| &entry.draft.serial).collect();
    let needed = fixture
        .serials_named()
        .into_iter()
        .filter(|serial| !along.contains(serial));
    let needed: Vec<SerialNumber> = needed.cloned().collect();
    let found = stores.terminals.find_by_serials(&needed).await?;
    let found: BTreeSet<_> = found.into_iter().map(|terminal| terminal.draft.serial).collect();
    let is_missing = |serial: &SerialNumber| !along.contains(serial) && !found.contains(serial);
    let times = fixture.maintenances.iter().map(|time| &time.serial);
    let alerts = fixture.alerts.iter().map(|alert| &alert.serial);
    let logs = fixture.logs.iter().map(|line| &line.serial);
    for (kind, serials) in [
        ("maintenances", times.collect::<Vec<_>>()),
        ("alerts", alerts.collect()),
        ("logs", logs.collect()),
    ] {
        for (index, serial) in serials.into_iter().enumerate().filter(|(_, serial)| is_missing(serial)) {
            faults.add(kind, index, "serial_number", format!("there is no terminal {serial}"));
        }
    }
    Ok(())
}

/// Checks that what is there already is as the fixture says.
pub(super) async fn check_known(stores: &Stores, fixture: &Fixture, faults: &mut Faults) -> Result<(), Error> {
    let mut names = BTreeMap::new();
    for (index, draft) in fixture.customers.iter().enumerate() {
        if let Some(known) = stores.customers.find_by_name(&draft.company_name).await? {
            if known.draft != *draft {
                faults.add("customers", index, "company_name", DIFFERS);
            }
            names.insert(known.id, known.draft.company_name);
        }
    }
    check_known_people(stores, fixture, names, faults).await?;
    for (index, terminal) in fixture.terminals.iter().enumerate() {
        let known = stores.terminals.find_by_serial(&terminal.draft.serial).await?;
        if known.is_some_and(|known| TerminalEntry::from(known) != *terminal) {
            faults.add("terminals", index, "serial_number", DIFFERS);
        }
    }
    check_known_times(stores, fixture, faults).await?;
    check_known_channels(stores, fixture, faults).await?;
    let saved = stores.settings.load().await?;
    if saved
        .zip(fixture.settings.as_ref())
        .is_some_and(|(saved, next)| saved.settings != *next)
    {
        faults.all.add("settings", DIFFERS);
    }
    Ok(())
}

async fn check_known_people(
    stores: &Stores,
    fixture: &Fixture,
    mut names: BTreeMap<CustomerId, String>,
    faults: &mut Faults,
) -> Result<(), Error> {
    for (index, user) in fixture.users.iter().enumerate() {
        let Some(known) = stores.users.find_by_name(&user.username).await? else {
            continue;
        };
        if let Some(id) = known.profile.customer
            && let Some(customer) = stores.customers.find(id).await?
        {
            names.insert(id, customer.draft.company_name);
        }
        // A fixture without the hash says nothing of the password.
        let known = user_entry(known, &names, user.password_hash.is_some());
        if known != *user {
            faults.add("users", index, "username", DIFFERS);
        }
    }
    Ok(())
}

async fn check_known_times(stores: &Stores, fixture: &Fixture, faults: &mut Faults) -> Result<(), Error> {
    for (index, time) in fixture.maintenances.iter().enumerate() {
        let Some(terminal) = stores.terminals.find_by_serial(&time.serial).await? else {
            continue;
        };
        let known = all_maintenances(stores, Some(terminal.terminal.id)).await?;
        let known = known.iter().find(|known| known.plan.from == time.from);
        if known.is_some_and(|known| MaintenanceEntry::of(known, &time.serial) != *time) {
            faults.add("maintenances", index, "from", DIFFERS);
        }
    }
    Ok(())
}

/// Neither the secret nor whether it is in use makes a difference: a fixture says nothing of them.
async fn check_known_channels(stores: &Stores, fixture: &Fixture, faults: &mut Faults) -> Result<(), Error> {
    if fixture.channels.is_empty() {
        return Ok(());
    }
    let names = names(&all_customers(stores).await?);
    let known = all_channels(stores).await?;
    for (index, channel) in fixture.channels.iter().enumerate() {
        let known = known.iter().find(|known| known.draft.name == channel.draft.name);
        if let Some(known) = known
            && ChannelEntry::of(known.draft.clone(), &names).as_ref() != Some(channel)
        {
            faults.add("channels", index, "name", DIFFERS);
        }
    }
    Ok(())
}
