//! Reports in memory.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use async_trait::async_trait;

use super::{MemoryStore, state::State};
use crate::{
    alert::{Alert, AlertState, Cause},
    customer::Customer,
    error::StoreError,
    id::{CustomerId, TerminalId},
    lease::Fence,
    metric::Hour,
    report::{
        Times, Window,
        figures::{CustomerAlerts, CustomerTrouble, Issue},
        store::{ReportStore, Whose},
        tally::{Cuts, Gather, Spans},
    },
    time::Timestamp,
};

impl Whose {
    fn is(self, terminal: TerminalId, customer: CustomerId) -> bool {
        match self {
            Self::Everybody => true,
            Self::Customer(id) => id == customer,
            Self::Terminal(id) => id == terminal,
        }
    }
}

#[async_trait]
impl ReportStore for MemoryStore {
    async fn status_time(&self, whose: Whose, cuts: &Cuts) -> Result<Vec<Spans>, StoreError> {
        let state = self.enter()?;
        let mut gather = Gather::new(cuts);
        let touches = |begin, end| begin < cuts.to() && end > cuts.from();
        for change in state.changes.values().flatten() {
            if whose.is(change.terminal, change.customer) && touches(change.began_at, change.at) {
                gather.add(change.phase, change.began_at, Some(change.at));
            }
        }
        for row in state.presence.values() {
            if whose.is(row.terminal, row.customer) && row.status_since < cuts.to() {
                gather.add(row.phase(), row.status_since, None);
            }
        }
        Ok(gather.finish())
    }

    async fn next_hour(&self) -> Result<Option<Hour>, StoreError> {
        Ok(self.enter()?.next_quarters)
    }

    async fn save_quarters(&self, rows: &[(Timestamp, Times)], next: Hour, fence: Fence) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check_fence(Some(fence))?;
        state.quarters.extend(rows.iter().copied());
        state.next_quarters = state.next_quarters.max(Some(next));
        Ok(())
    }

    async fn quarters(&self, window: Window) -> Result<Vec<(Timestamp, Times)>, StoreError> {
        let state = self.enter()?;
        let rows = state.quarters.range(window.from..window.to);
        Ok(rows.map(|(at, times)| (*at, *times)).collect())
    }

    async fn issues(&self, customer: Option<CustomerId>, window: Window) -> Result<Vec<Issue>, StoreError> {
        let state = self.enter()?;
        let mut found: BTreeMap<Cause, (Issue, BTreeSet<TerminalId>)> = BTreeMap::new();
        for alert in state.raised_in(customer, window) {
            let none = Issue {
                cause: alert.cause,
                raised: 0,
                terminals: 0,
                resolved: 0,
                lasted: std::time::Duration::ZERO,
            };
            let (issue, terminals) = found.entry(alert.cause).or_insert_with(|| (none, BTreeSet::new()));
            issue.raised += 1;
            terminals.extend(alert.terminal);
            if let Some(resolved) = &alert.resolved {
                issue.resolved += 1;
                issue.lasted += resolved.at.since(alert.created_at);
            }
        }
        let mut issues: Vec<_> = found
            .into_values()
            .map(|(issue, terminals)| Issue {
                terminals: u64::try_from(terminals.len()).unwrap_or(u64::MAX),
                ..issue
            })
            .collect();
        issues.sort_by_key(|issue| (Reverse(issue.raised), issue.cause.as_str()));
        Ok(issues)
    }

    async fn customer_alerts(
        &self,
        customer: Option<CustomerId>,
        window: Window,
        limit: u32,
    ) -> Result<Vec<CustomerAlerts>, StoreError> {
        let state = self.enter()?;
        let known = state
            .customers
            .values()
            .filter(|known| customer.is_none_or(|id| id == known.id));
        let mut found: BTreeMap<CustomerId, CustomerAlerts> = known
            .map(|known| {
                let none = CustomerAlerts {
                    customer: known.id,
                    company_name: known.draft.company_name.clone(),
                    raised: 0,
                    open: 0,
                };
                (known.id, none)
            })
            .collect();
        for alert in state.raised_in(customer, window) {
            if let Some(figures) = alert.customer.and_then(|id| found.get_mut(&id)) {
                figures.raised += 1;
                figures.open += u64::from(alert.state != AlertState::Resolved);
            }
        }
        let mut found: Vec<_> = found.into_values().collect();
        found.sort_by_key(|figures| (Reverse(figures.raised), figures.customer));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn troubles(&self, customer: Option<CustomerId>, limit: u32) -> Result<Vec<CustomerTrouble>, StoreError> {
        let state = self.enter()?;
        let known = state
            .customers
            .values()
            .filter(|known| customer.is_none_or(|id| id == known.id));
        let trouble = |known: &Customer| {
            let open = state.alerts.values().filter(|alert| {
                alert.terminal.is_some() && alert.customer == Some(known.id) && alert.state != AlertState::Resolved
            });
            CustomerTrouble {
                customer: known.id,
                company_name: known.draft.company_name.clone(),
                terminals: state.counts(Some(known.id)),
                open: u64::try_from(open.count()).unwrap_or(u64::MAX),
            }
        };
        let mut found: Vec<_> = known
            .map(trouble)
            .filter(|found| found.down() + found.open > 0)
            .collect();
        found.sort_by_key(|found| (Reverse(found.down()), Reverse(found.open), found.customer));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }
}

impl State {
    fn raised_in(&self, customer: Option<CustomerId>, window: Window) -> impl Iterator<Item = &Alert> {
        self.alerts.values().filter(move |alert| {
            alert.terminal.is_some()
                && (window.from..window.to).contains(&alert.created_at)
                && customer.is_none_or(|id| alert.customer == Some(id))
        })
    }
}
