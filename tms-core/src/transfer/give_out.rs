//! Reading everything that people entered, to be given out.

use std::collections::BTreeMap;

use super::{ChannelEntry, Fixture, MaintenanceEntry, TerminalEntry, UserEntry};
use crate::{
    customer::{Customer, store::CustomerFilter},
    error::{Error, StoreError},
    id::{CustomerId, TerminalId},
    maintenance::Maintenance,
    notification::Channel,
    operator::{User, UserFilter},
    page::{Order, Page, PageRequest, PageStart},
    stores::Stores,
    terminal::{
        Lifecycle, TerminalView,
        store::{TerminalFilter, TerminalSort},
    },
    text::SerialNumber,
    time::Timestamp,
};

/// Rows that are read at a time.
const PAGE: u32 = 1_000;

/// Reads all of it, each kind in an order of its own, so that two of them can be compared.
pub(super) async fn everything(stores: &Stores, now: Timestamp, with_password_hashes: bool) -> Result<Fixture, Error> {
    let customers = all_customers(stores).await?;
    let names = names(&customers);
    let users = all_users(stores).await?;
    let terminals = all_terminals(stores).await?;
    let serials: BTreeMap<TerminalId, SerialNumber> = terminals
        .iter()
        .filter(|view| view.terminal.lifecycle != Lifecycle::Retired)
        .map(|view| (view.terminal.id, view.terminal.draft.serial.clone()))
        .collect();
    let is_over = |time: &Maintenance| time.plan.until.is_some_and(|until| until <= now);
    let times = all_maintenances(stores, None).await?;
    // A retired terminal needs none.
    let entry = |time: &Maintenance| Some(MaintenanceEntry::of(time, serials.get(&time.plan.terminal)?));
    let mut maintenances: Vec<_> = times.iter().filter(|time| !is_over(time)).filter_map(entry).collect();
    maintenances.sort_by(|a, b| (&a.serial, a.from).cmp(&(&b.serial, b.from)));
    let channels = all_channels(stores).await?.into_iter();
    let mut channels: Vec<_> = channels
        .filter_map(|channel| ChannelEntry::of(channel.draft, &names))
        .collect();
    channels.sort_by(|a, b| a.draft.name.cmp(&b.draft.name));
    Ok(Fixture {
        users: users
            .into_iter()
            .map(|user| user_entry(user, &names, with_password_hashes))
            .collect(),
        customers: customers.into_iter().map(|customer| customer.draft).collect(),
        terminals: terminals.into_iter().map(TerminalEntry::from).collect(),
        maintenances,
        channels,
        settings: stores.settings.load().await?.map(|stored| stored.settings),
        ..Fixture::default()
    })
}

/// Walks a list to its end.
async fn all<T, F>(page_of: impl Fn(PageRequest) -> F) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<Page<T>, StoreError>>,
{
    let (mut all, mut page) = (Vec::new(), PageRequest::first(PAGE));
    loop {
        let found = page_of(page.clone()).await?;
        all.extend(found.items);
        match found.next {
            Some(cursor) => page.start = PageStart::After(cursor),
            None => return Ok(all),
        }
    }
}

/// Reads every customer.
pub(super) async fn all_customers(stores: &Stores) -> Result<Vec<Customer>, Error> {
    let (customers, filter) = (&stores.customers, &CustomerFilter::default());
    all(move |page| async move { customers.list(filter, Order::Ascending, &page).await }).await
}

async fn all_users(stores: &Stores) -> Result<Vec<User>, Error> {
    let (users, filter) = (&stores.users, &UserFilter::default());
    all(move |page| async move { users.list(filter, Order::Ascending, &page).await }).await
}

async fn all_terminals(stores: &Stores) -> Result<Vec<TerminalView>, Error> {
    let filter = &TerminalFilter {
        with_retired: true,
        ..TerminalFilter::default()
    };
    let (terminals, sort) = (&stores.terminals, TerminalSort::SerialNumber);
    all(move |page| async move { terminals.list(filter, sort, Order::Ascending, &page).await }).await
}

/// Reads every maintenance time, of one terminal if it is named.
pub(super) async fn all_maintenances(stores: &Stores, terminal: Option<TerminalId>) -> Result<Vec<Maintenance>, Error> {
    let times = &stores.maintenance;
    all(move |page| async move { times.list(None, terminal, &page).await }).await
}

/// Reads every channel.
pub(super) async fn all_channels(stores: &Stores) -> Result<Vec<Channel>, Error> {
    let channels = &stores.notifications;
    all(move |page| async move { channels.list(&page).await }).await
}

/// Returns what the customers are called.
pub(super) fn names(customers: &[Customer]) -> BTreeMap<CustomerId, String> {
    let name = |customer: &Customer| (customer.id, customer.draft.company_name.clone());
    customers.iter().map(name).collect()
}

/// Makes the entry of a person.
pub(super) fn user_entry(user: User, names: &BTreeMap<CustomerId, String>, with_hash: bool) -> UserEntry {
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
        Self {
            draft: view.terminal.draft.owned_by(view.company_name),
            is_retired: view.terminal.lifecycle == Lifecycle::Retired,
            mac_address: view.terminal.host.mac_address,
            firmware_version: view.presence.reported.firmware_version,
        }
    }
}
