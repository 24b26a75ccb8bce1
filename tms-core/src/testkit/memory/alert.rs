//! Alerts in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of},
    state::State,
};
use crate::{
    alert::{
        Alert, AlertPlan, AlertState, AlertStore, Cause, NewAlert, Resolution, Resolved, Severity,
        store::{AlertFilter, AlertsApplied},
    },
    envelope::Envelope,
    error::StoreError,
    event::EventKind,
    id::{AlertId, CustomerId, EntityRef, Revision, TerminalId},
    lease::Fence,
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

impl State {
    /// Opens an alert unless one of its terminal and cause is open.
    fn raise(&mut self, new: &NewAlert) -> bool {
        if let Some(id) = self.open.get(&(new.terminal, new.cause)) {
            if let Some(alert) = self.alerts.get_mut(id) {
                alert.occurrences += 1;
            }
            return false;
        }
        let id = self.next_id();
        let alert = Alert {
            id: AlertId::new(id).expect("ids grow from one"),
            terminal: new.terminal,
            customer: new.customer,
            cause: new.cause,
            severity: new.severity,
            state: AlertState::Open,
            details: new.details.clone(),
            occurrences: 1,
            created_at: new.at,
            acknowledged: None,
            resolved: None,
            revision: Revision::FIRST,
        };
        self.tell(alert.event(EventKind::NewAlert, new.at));
        self.open.insert((new.terminal, new.cause), id);
        self.alerts.insert(id, alert);
        true
    }

    /// Ends the open alert of this terminal and cause, if there is one.
    fn recover(&mut self, terminal: Option<TerminalId>, cause: Cause, at: Timestamp) -> bool {
        let Some(id) = self.open.remove(&(terminal, cause)) else {
            return false;
        };
        let Some(alert) = self.alerts.get_mut(&id) else {
            return false;
        };
        alert.state = AlertState::Resolved;
        alert.revision = alert.revision.next();
        alert.resolved = Some(Resolved {
            resolution: Resolution::Auto,
            by: None,
            at,
            notes: None,
        });
        let event = alert.event(EventKind::AlertUpdate, at);
        self.tell(event);
        true
    }

    fn check_alert(&self, id: AlertId, seen: Revision) -> Result<(), StoreError> {
        let entity = || EntityRef::new("alert", id);
        match self.alerts.get(&id.get()) {
            None => Err(StoreError::Missing(entity())),
            Some(alert) if alert.revision != seen => Err(StoreError::Stale(entity())),
            Some(_) => Ok(()),
        }
    }

    /// Writes what people change of an alert that is there.
    fn put_alert(&mut self, next: &Alert, revision: Revision) {
        let Some(alert) = self.alerts.get_mut(&next.id.get()) else {
            return;
        };
        alert.state = next.state;
        alert.acknowledged.clone_from(&next.acknowledged);
        alert.resolved.clone_from(&next.resolved);
        alert.revision = revision;
        let key = (alert.terminal, alert.cause);
        if !next.state.is_unresolved() {
            self.open.remove(&key);
        }
    }

    /// Gives the alerts that a terminal has open to the customer whose it is now.
    pub(super) fn follow(&mut self, terminal: TerminalId, customer: CustomerId) {
        let alerts = self.alerts.values_mut();
        for alert in alerts.filter(|alert| alert.terminal == Some(terminal) && alert.state.is_unresolved()) {
            alert.customer = Some(customer);
            alert.revision = alert.revision.next();
        }
    }

    fn apply_plan(&mut self, plan: &AlertPlan, applied: &mut AlertsApplied) {
        let Some(alerted) = self.presence.get(&plan.terminal).map(|row| row.alerted) else {
            return;
        };
        // What was dealt with already is not dealt with again: the plan may be carried out twice.
        for new in plan.raise.iter().filter(|new| !alerted.contains(new.cause)) {
            applied.raised += u64::from(self.raise(new));
        }
        for cause in plan.resolve.iter() {
            applied.resolved += u64::from(self.recover(Some(plan.terminal), cause, plan.at));
        }
        let row = self.presence.get_mut(&plan.terminal);
        if let Some(row) = row.filter(|row| row.alerted != plan.seen_raised) {
            row.alerted = plan.seen_raised;
            row.version += 1;
        }
    }
}

fn matches(alert: &Alert, filter: &AlertFilter) -> bool {
    filter.ids.as_ref().is_none_or(|ids| ids.contains(&alert.id))
        && filter.customer.is_none_or(|customer| alert.customer == Some(customer))
        && filter.terminal.is_none_or(|terminal| alert.terminal == Some(terminal))
        && filter
            .is_resolved
            .is_none_or(|is_resolved| alert.state.is_unresolved() != is_resolved)
        && filter.severity.is_none_or(|severity| alert.severity == severity)
        && filter.cause.is_none_or(|cause| alert.cause == cause)
        && filter.from.is_none_or(|from| alert.created_at >= from)
        && filter.to.is_none_or(|to| alert.created_at < to)
}

#[async_trait]
impl AlertStore for MemoryStore {
    async fn apply(&self, plans: &[AlertPlan], fence: Fence) -> Result<AlertsApplied, StoreError> {
        let mut state = self.enter()?;
        state.check_fence(Some(fence))?;
        let mut applied = AlertsApplied::default();
        for plan in plans {
            state.apply_plan(plan, &mut applied);
        }
        Ok(applied)
    }

    async fn raise_server_alert(&self, alert: &NewAlert, fence: Fence) -> Result<bool, StoreError> {
        let mut state = self.enter()?;
        state.check_fence(Some(fence))?;
        if state.open.contains_key(&(None, alert.cause)) {
            return Ok(false);
        }
        Ok(state.raise(alert))
    }

    async fn resolve_server_alert(&self, cause: Cause, at: Timestamp, fence: Fence) -> Result<bool, StoreError> {
        let mut state = self.enter()?;
        state.check_fence(Some(fence))?;
        Ok(state.recover(None, cause, at))
    }

    async fn find(&self, id: AlertId) -> Result<Option<Alert>, StoreError> {
        Ok(self.enter()?.alerts.get(&id.get()).cloned())
    }

    async fn list(&self, filter: &AlertFilter, order: Order, page: &PageRequest) -> Result<Page<Alert>, StoreError> {
        let state = self.enter()?;
        let matching = state.alerts.iter().filter(|(_, alert)| matches(alert, filter));
        let rows = matching.map(|(id, alert)| Keyed::by_id(*id, alert));
        Ok(page_of(rows.collect(), order, page, Alert::clone))
    }

    async fn save(&self, next: &Alert, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.check_alert(next.id, seen)?;
        state.put_alert(next, seen.next());
        state.finish(with, next.id.get());
        Ok(seen.next())
    }

    async fn save_many(&self, next: &[Alert], with: Envelope) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        for alert in next {
            state.check_alert(alert.id, alert.revision)?;
        }
        for alert in next {
            state.put_alert(alert, alert.revision.next());
        }
        state.finish(with, None);
        Ok(())
    }

    async fn count_open(&self, customer: Option<CustomerId>) -> Result<Vec<(Severity, u64)>, StoreError> {
        let state = self.enter()?;
        let mut counts = BTreeMap::new();
        let open = state.open.values().filter_map(|id| state.alerts.get(id));
        for alert in open.filter(|alert| customer.is_none() || alert.customer == customer) {
            *counts.entry(alert.severity).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    async fn count_open_of(&self, terminals: &[TerminalId]) -> Result<Vec<(TerminalId, u64)>, StoreError> {
        let state = self.enter()?;
        let ids: BTreeSet<_> = terminals.iter().copied().collect();
        let counts = ids.into_iter().map(|id| (id, state.open_alerts(id)));
        Ok(counts.filter(|(_, count)| *count > 0).collect())
    }

    async fn drop_resolved(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        let is_old = |alert: &Alert| alert.resolved.as_ref().is_some_and(|end| end.at < before);
        let old = state.alerts.iter().filter(|(_, alert)| is_old(alert));
        let ids: Vec<_> = old
            .map(|(id, _)| *id)
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect();
        for id in &ids {
            state.alerts.remove(id);
        }
        Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
    }
}
