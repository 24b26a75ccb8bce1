//! Maintenance times in memory.

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of},
    state::State,
};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{CustomerId, EntityRef, MaintenanceId, TerminalId},
    maintenance::{Maintenance, MaintenanceStore, NewMaintenance},
    page::{Order, Page, PageRequest},
    presence::Presence,
    time::Timestamp,
};

impl State {
    fn should_maintain(&self, terminal: TerminalId, now: Timestamp) -> bool {
        self.times.values().any(|time| {
            let plan = &time.plan;
            plan.terminal == terminal && plan.from <= now && plan.until.is_none_or(|until| now < until)
        })
    }

    fn is_of(&self, terminal: TerminalId, customer: CustomerId) -> bool {
        let terminal = self.terminals.get(&terminal);
        terminal.is_some_and(|terminal| terminal.draft.customer == customer)
    }
}

#[async_trait]
impl MaintenanceStore for MemoryStore {
    async fn insert(
        &self,
        plan: &NewMaintenance,
        created_by: &str,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Maintenance, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.terminal(plan.terminal)?;
        let id = state.next_id();
        let time = Maintenance {
            id: MaintenanceId::new(id).expect("ids grow from one"),
            plan: plan.clone(),
            created_by: created_by.to_owned(),
            created_at: now,
        };
        state.times.insert(id, time.clone());
        state.finish(with, id);
        Ok(time)
    }

    async fn find(&self, id: MaintenanceId) -> Result<Option<Maintenance>, StoreError> {
        Ok(self.enter()?.times.get(&id.get()).cloned())
    }

    async fn list(
        &self,
        customer: Option<CustomerId>,
        terminal: Option<TerminalId>,
        page: &PageRequest,
    ) -> Result<Page<Maintenance>, StoreError> {
        let state = self.enter()?;
        let matching = state.times.values().filter(|time| {
            terminal.is_none_or(|terminal| time.plan.terminal == terminal)
                && customer.is_none_or(|customer| state.is_of(time.plan.terminal, customer))
        });
        let rows = matching.map(|time| Keyed::by_id(time.id.get(), time));
        Ok(page_of(rows.collect(), Order::Descending, page, Maintenance::clone))
    }

    async fn end(&self, id: MaintenanceId, at: Timestamp, with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let missing = || StoreError::Missing(EntityRef::new("maintenance", id));
        let time = state.times.get_mut(&id.get()).ok_or_else(missing)?;
        time.plan.until = Some(time.plan.until.map_or(at, |until| until.min(at)));
        state.finish(with, id.get());
        Ok(())
    }

    async fn out_of_step(
        &self,
        now: Timestamp,
        only: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(TerminalId, bool)>, StoreError> {
        let state = self.enter()?;
        let is_asked = |row: &&Presence| row.is_active && only.is_none_or(|only| only == row.terminal);
        let active = state.presence.values().filter(is_asked);
        let wrong = active.filter_map(|row| {
            let should = state.should_maintain(row.terminal, now);
            (should != row.in_maintenance).then_some((row.terminal, should))
        });
        Ok(wrong.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }
}
