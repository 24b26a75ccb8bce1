//! Presence in memory.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{
    MemoryStore,
    paging::{Keyed, page_of, sortable},
    state::State,
};
use crate::{
    envelope::Envelope,
    error::StoreError,
    id::{EntityRef, TerminalId},
    lease::Fence,
    page::{Order, Page, PageRequest},
    presence::{
        Device, Outage, Presence, PresenceStore, StatusChange, StatusInterval,
        store::{DueRows, PresenceWrite, SweepPlan},
        sweep::is_due,
    },
    time::Timestamp,
};

impl State {
    /// Checks that a row is still as the writer read it.
    pub(super) fn check_version(&self, write: &PresenceWrite) -> Result<(), StoreError> {
        if self.row(write.row.terminal)?.version == write.seen {
            Ok(())
        } else {
            Err(StoreError::Stale(EntityRef::new("terminal", write.row.terminal)))
        }
    }
}

#[async_trait]
impl PresenceStore for MemoryStore {
    async fn find_many(&self, terminals: &[TerminalId]) -> Result<Vec<Presence>, StoreError> {
        let state = self.enter()?;
        let ids: BTreeSet<_> = terminals.iter().collect();
        Ok(ids
            .into_iter()
            .filter_map(|id| state.presence.get(id).cloned())
            .collect())
    }

    async fn stamp_alive(&self, now: Timestamp) -> Result<Option<Outage>, StoreError> {
        let mut state = self.enter()?;
        state.saw(now);
        let outage = state.last_stamp.and_then(|last| Outage::between(last, now));
        state.last_stamp = state.last_stamp.max(Some(now));
        state.outages.extend(outage);
        Ok(outage)
    }

    async fn outages(&self, since: Timestamp) -> Result<Vec<Outage>, StoreError> {
        let state = self.enter()?;
        let young = state.outages.iter().filter(|outage| outage.to > since);
        Ok(young.copied().collect())
    }

    async fn due(&self, now: Timestamp, outages: &[Outage], limit: u32) -> Result<DueRows, StoreError> {
        let state = self.enter()?;
        let mut found = DueRows {
            rows: Vec::new(),
            connected: 0,
            due_for_loss: 0,
        };
        let heard = state.presence.values().filter(|row| row.last_seen.is_some());
        let (mut losses, mut thresholds) = (Vec::new(), Vec::new());
        for row in heard.filter(|row| row.is_active && !row.is_lost) {
            let is_lost_now = is_due(row, now, outages);
            found.connected += 1;
            found.due_for_loss += u64::from(is_lost_now);
            if is_lost_now {
                losses.push(row);
            } else if row.awaits_threshold() {
                thresholds.push(row);
            }
        }
        let first = losses.into_iter().chain(thresholds);
        let first = first.take(usize::try_from(limit).unwrap_or(usize::MAX));
        found.rows = first.cloned().collect();
        found.rows.sort_by_key(|row| row.terminal);
        Ok(found)
    }

    async fn apply_sweep(&self, plan: &SweepPlan, fence: Fence) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        state.check_fence(Some(fence))?;
        let mut written = BTreeSet::new();
        for write in &plan.writes {
            if state.check_version(write).is_ok() {
                state.presence.insert(write.row.terminal, write.row.clone());
                written.insert(write.row.terminal);
            }
        }
        for change in plan.changes.iter().filter(|change| written.contains(&change.terminal)) {
            state.note_change(*change);
        }
        Ok(u64::try_from(written.len()).unwrap_or(u64::MAX))
    }

    async fn unsettled(&self, limit: u32) -> Result<Vec<Presence>, StoreError> {
        let state = self.enter()?;
        let rows = state.presence.values().filter(|row| row.raised != row.alerted);
        Ok(rows
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .cloned()
            .collect())
    }

    async fn judged_by_rules(&self, after: Option<TerminalId>, limit: u32) -> Result<Vec<Presence>, StoreError> {
        let state = self.enter()?;
        let is_behind = |row: &&Presence| after.is_none_or(|after| row.terminal > after);
        let is_judged = |row: &&Presence| {
            let is_in_trouble = row.is_lost || matches!(row.device, Device::Error(_) | Device::Absent);
            row.is_active && (is_in_trouble || !row.raised.is_empty() || !row.breaches.is_empty())
        };
        let rows = state.presence.values().filter(is_behind).filter(is_judged);
        Ok(rows
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .cloned()
            .collect())
    }

    async fn save(
        &self,
        write: &PresenceWrite,
        change: Option<StatusChange>,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        state.check_version(write)?;
        state.presence.insert(write.row.terminal, write.row.clone());
        if let Some(change) = change {
            state.note_change(change);
        }
        state.finish(with, write.row.terminal.get());
        Ok(())
    }

    async fn status_history(
        &self,
        terminal: TerminalId,
        page: &PageRequest,
    ) -> Result<Page<StatusInterval>, StoreError> {
        let state = self.enter()?;
        let changes = (0..).zip(state.changes.get(&terminal).into_iter().flatten());
        let rows = changes.map(|(id, change)| Keyed {
            value: sortable(change.at.as_micros()),
            id,
            row: StatusInterval {
                status: change.from,
                from: change.began_at,
                to: change.at,
                next: change.to,
            },
        });
        Ok(page_of(rows.collect(), Order::Descending, page, |interval| interval))
    }
}
