//! Terminals in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of, sortable},
    state::State,
};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{CustomerId, EntityRef, Revision, TerminalId},
    page::{Order, Page, PageRequest},
    presence::{Presence, store::Retirement},
    terminal::{
        Host, Lifecycle, Terminal, TerminalDraft, TerminalStore, TerminalView,
        import::TerminalImport,
        store::{StatusCounts, TerminalFilter, TerminalSort},
    },
    text::SerialNumber,
    time::Timestamp,
};

impl State {
    /// Adds a terminal with a new presence row.
    pub(super) fn add_terminal(
        &mut self,
        draft: &TerminalDraft,
        lifecycle: Lifecycle,
        host: Host,
        now: Timestamp,
    ) -> Terminal {
        let id = TerminalId::new(self.next_id()).expect("ids grow from one");
        let row = Presence::new(id, draft.customer, draft.heartbeat_interval_s, now);
        let terminal = Terminal {
            id,
            draft: draft.clone(),
            lifecycle,
            host,
            created_at: now,
            updated_at: now,
            revision: Revision::FIRST,
        };
        self.serials.insert(draft.serial.clone(), id);
        self.presence.insert(id, row);
        self.terminals.insert(id, terminal.clone());
        terminal
    }

    /// Refuses what would give customers more terminals than they may have; `gains` may name one several times.
    fn check_room(&self, gains: impl IntoIterator<Item = (CustomerId, i64)>) -> Result<(), StoreError> {
        let mut sums: BTreeMap<CustomerId, i64> = BTreeMap::new();
        for (customer, by) in gains {
            *sums.entry(customer).or_default() += by;
        }
        for (id, more) in sums {
            let more = u64::try_from(more).unwrap_or(0);
            if more > 0 && self.customer(id)?.is_full_with(self.counts(Some(id)).total(), more) {
                return Err(StoreError::Full(EntityRef::new("customer", id)));
            }
        }
        Ok(())
    }

    /// Returns what a save takes from one customer and gives to another.
    fn move_of(&self, next: &Terminal) -> [(CustomerId, i64); 2] {
        let by = i64::from(next.lifecycle != Lifecycle::Retired);
        let before = self
            .terminals
            .get(&next.id)
            .map_or(next.draft.customer, |before| before.draft.customer);
        [(before, -by), (next.draft.customer, by)]
    }

    fn check_serial(&self, serial: &SerialNumber, own: Option<TerminalId>) -> Result<(), StoreError> {
        match self.serials.get(serial) {
            Some(id) if Some(*id) != own => Err(StoreError::Duplicate(EntityRef::new("terminal", serial))),
            _ => Ok(()),
        }
    }

    fn check_save(&self, next: &Terminal, seen: Revision) -> Result<(), StoreError> {
        self.check_revision(next.id, seen)?;
        self.customer(next.draft.customer)?;
        self.check_serial(&next.draft.serial, Some(next.id))
    }

    fn put_terminal(&mut self, next: &Terminal, revision: Revision) {
        let saved = Terminal {
            revision,
            ..next.clone()
        };
        if let Some(row) = self.presence.get_mut(&next.id) {
            row.interval_s = next.draft.heartbeat_interval_s;
            row.customer = next.draft.customer;
            row.version += 1;
        }
        if let Some(before) = self.terminals.insert(next.id, saved) {
            self.serials.remove(&before.draft.serial);
            if before.draft.customer != next.draft.customer {
                self.follow(next.id, next.draft.customer);
            }
        }
        self.serials.insert(next.draft.serial.clone(), next.id);
    }

    fn check_revision(&self, id: TerminalId, seen: Revision) -> Result<(), StoreError> {
        if self.terminal(id)?.revision == seen {
            Ok(())
        } else {
            Err(StoreError::Stale(EntityRef::new("terminal", id)))
        }
    }

    fn matches(&self, terminal: &Terminal, row: &Presence, filter: &TerminalFilter) -> bool {
        let draft = &terminal.draft;
        let is = |wanted: &Option<String>, have: Option<&String>| wanted.is_none() || wanted.as_ref() == have;
        let is_heard = |limit: Timestamp| row.last_seen.is_some_and(|seen| seen >= limit);
        (filter.shows_retired() || terminal.lifecycle != Lifecycle::Retired)
            && filter.lifecycle.is_none_or(|lifecycle| terminal.lifecycle == lifecycle)
            && filter.customer.is_none_or(|customer| draft.customer == customer)
            && filter.status.is_none_or(|status| row.status == status)
            && is(&filter.model, Some(&draft.model))
            && is(&filter.firmware_version, row.reported.firmware_version.as_ref())
            && is(&filter.store_code, draft.store_code.as_ref())
            && !filter.seen_before.is_some_and(is_heard)
            && filter
                .has_alerts
                .is_none_or(|has| (self.open_alerts(terminal.id) > 0) == has)
            && filter
                .search
                .as_ref()
                .is_none_or(|needle| draft.search_key().contains(needle))
    }
}

fn sort_value(terminal: &Terminal, row: &Presence, sort: TerminalSort) -> String {
    match sort {
        TerminalSort::SerialNumber => terminal.draft.serial.to_string(),
        TerminalSort::Status => row.status.to_string(),
        TerminalSort::StoreName => terminal.draft.store_name.clone().unwrap_or_default(),
        TerminalSort::LastHeartbeat => row
            .last_seen
            .map_or_else(String::new, |seen| sortable(seen.as_micros())),
    }
}

#[async_trait]
impl TerminalStore for MemoryStore {
    async fn find(&self, id: TerminalId) -> Result<Option<TerminalView>, StoreError> {
        let state = self.enter()?;
        Ok(state.terminals.get(&id).and_then(|terminal| state.view(terminal)))
    }

    async fn find_by_serial(&self, serial: &SerialNumber) -> Result<Option<TerminalView>, StoreError> {
        let state = self.enter()?;
        let terminal = state.serials.get(serial).and_then(|id| state.terminals.get(id));
        Ok(terminal.and_then(|terminal| state.view(terminal)))
    }

    async fn find_many(&self, terminals: &[TerminalId]) -> Result<Vec<TerminalView>, StoreError> {
        let state = self.enter()?;
        let ids: BTreeSet<_> = terminals.iter().collect();
        let known = ids.into_iter().filter_map(|id| state.terminals.get(id));
        Ok(known.filter_map(|terminal| state.view(terminal)).collect())
    }

    async fn list(
        &self,
        filter: &TerminalFilter,
        sort: TerminalSort,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<TerminalView>, StoreError> {
        let state = self.enter()?;
        let pairs = state
            .terminals
            .values()
            .filter_map(|terminal| Some((terminal, state.presence.get(&terminal.id)?)));
        let matching = pairs.filter(|(terminal, row)| state.matches(terminal, row, filter));
        let rows = matching.map(|(terminal, row)| Keyed {
            value: sort_value(terminal, row, sort),
            id: terminal.id.get(),
            row: terminal,
        });
        let view = |terminal: &Terminal| state.view(terminal).expect("every terminal has a row and a customer");
        let mut page = page_of(rows.collect(), order, page, view);
        if sort == TerminalSort::LastHeartbeat {
            page.next = None;
        }
        Ok(page)
    }

    async fn insert(&self, draft: &TerminalDraft, now: Timestamp, with: Envelope) -> Result<Terminal, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.customer(draft.customer)?;
        state.check_serial(&draft.serial, None)?;
        state.check_room([(draft.customer, 1)])?;
        let terminal = state.add_terminal(draft, Lifecycle::Registered, Host::default(), now);
        state.finish(with, terminal.id.get());
        Ok(terminal)
    }

    async fn save(&self, next: &Terminal, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.check_save(next, seen)?;
        state.check_room(state.move_of(next))?;
        state.put_terminal(next, seen.next());
        state.finish(with, next.id.get());
        Ok(seen.next())
    }

    async fn find_by_serials(&self, serials: &[SerialNumber]) -> Result<Vec<Terminal>, StoreError> {
        let state = self.enter()?;
        let ids = serials.iter().filter_map(|serial| state.serials.get(serial));
        Ok(ids.filter_map(|id| state.terminals.get(id).cloned()).collect())
    }

    async fn import(&self, import: &TerminalImport, now: Timestamp, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        for next in &import.update {
            state.check_save(next, next.revision)?;
        }
        for draft in &import.create {
            state.customer(draft.customer)?;
            state.check_serial(&draft.serial, None)?;
        }
        let moves = import.update.iter().flat_map(|next| state.move_of(next));
        state.check_room(moves.chain(import.create.iter().map(|draft| (draft.customer, 1))))?;
        for next in &import.update {
            state.put_terminal(next, next.revision.next());
        }
        for draft in &import.create {
            state.add_terminal(draft, Lifecycle::Registered, Host::default(), now);
        }
        state.finish(with, None);
        Ok(())
    }

    async fn retire(
        &self,
        id: TerminalId,
        seen: Revision,
        retirement: &Retirement,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.check_revision(id, seen)?;
        state.check_version(&retirement.write)?;
        let Retirement { write, change } = retirement;
        state.saw(change.at);
        if let Some(terminal) = state.terminals.get_mut(&id) {
            terminal.lifecycle = Lifecycle::Retired;
            terminal.updated_at = change.at;
            terminal.revision = seen.next();
        }
        state.presence.insert(id, write.row.clone());
        state.note_change(*change);
        state.revoke_tokens(id, None);
        state.finish(with, id.get());
        Ok(())
    }

    async fn count_by_status(&self, customer: Option<CustomerId>) -> Result<StatusCounts, StoreError> {
        Ok(self.enter()?.counts(customer))
    }
}
