//! Begins and ends maintenance when its time comes.

use std::collections::BTreeMap;

use super::MaintenanceStore;
use crate::{
    envelope::Envelope,
    error::StoreError,
    heartbeat::plan::BatchRules,
    id::TerminalId,
    lease::Fence,
    presence::{
        Presence, PresenceStore, StatusChange,
        store::{PresenceWrite, SweepPlan},
    },
    time::Timestamp,
};

/// How many rows are written at a time.
const STEP: u32 = 1_000;

/// Brings the presence rows in line with the times that hold at `now`; returns how many were changed.
///
/// A row that changes under our hands is left for the next call.
///
/// # Errors
/// What the store answered; [`StoreError::Fenced`] when another node leads.
pub async fn put_in_step(
    store: &dyn MaintenanceStore,
    presence: &dyn PresenceStore,
    rules: &BatchRules,
    now: Timestamp,
    fence: Fence,
) -> Result<u64, StoreError> {
    let mut done = 0;
    loop {
        let wanted = store.out_of_step(now, None, STEP).await?;
        let ids: Vec<_> = wanted.iter().map(|(terminal, _)| *terminal).collect();
        let mut plan = SweepPlan::default();
        for (row, should) in paired(presence.find_many(&ids).await?, &wanted) {
            let (write, change) = turn(row, should, rules, now);
            plan.writes.push(write);
            plan.changes.extend(change);
        }
        let written = if plan.writes.is_empty() {
            0
        } else {
            presence.apply_sweep(&plan, fence).await?
        };
        done += written;
        // Rows that somebody else is at would come again at once.
        if wanted.len() < usize::try_from(STEP).unwrap_or(usize::MAX) || written == 0 {
            return Ok(done);
        }
    }
}

/// Brings one terminal in line, on behalf of the person who planned or ended a time.
///
/// # Errors
/// What the store answered; [`StoreError::Stale`] if the row changed under our hands.
pub async fn put_one_in_step(
    store: &dyn MaintenanceStore,
    presence: &dyn PresenceStore,
    rules: &BatchRules,
    now: Timestamp,
    terminal: TerminalId,
) -> Result<(), StoreError> {
    let wanted = store.out_of_step(now, Some(terminal), 1).await?;
    let ids: Vec<_> = wanted.iter().map(|(terminal, _)| *terminal).collect();
    if ids.is_empty() {
        return Ok(());
    }
    for (row, should) in paired(presence.find_many(&ids).await?, &wanted) {
        let (write, change) = turn(row, should, rules, now);
        // Who planned or ended the maintenance has left an entry; carrying it out needs none.
        presence.save(&write, change, Envelope::following()).await?;
    }
    Ok(())
}

/// Pairs rows with what they should say.
fn paired(rows: Vec<Presence>, wanted: &[(TerminalId, bool)]) -> impl Iterator<Item = (Presence, bool)> {
    let wanted: BTreeMap<_, _> = wanted.iter().copied().collect();
    rows.into_iter().filter_map(move |row| {
        let should = *wanted.get(&row.terminal)?;
        Some((row, should))
    })
}

fn turn(mut row: Presence, should: bool, rules: &BatchRules, now: Timestamp) -> (PresenceWrite, Option<StatusChange>) {
    let seen = row.version;
    row.in_maintenance = should;
    row.version += 1;
    let change = row.settle(now, &rules.alerts);
    let write = PresenceWrite {
        row,
        seen,
        is_full: true,
    };
    (write, change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::CustomerId, maintenance::store::MockMaintenanceStore, presence::store::MockPresenceStore};

    fn row(terminal: TerminalId) -> Presence {
        Presence::new(terminal, CustomerId::new(1).unwrap(), 300, Timestamp::EPOCH)
    }

    /// However many times begin at one moment, they are few transactions.
    #[tokio::test]
    async fn many_terminals_are_turned_together() {
        let mut left: Vec<_> = (1..=2_500).map(|n| (TerminalId::new(n).unwrap(), true)).collect();
        let mut store = MockMaintenanceStore::new();
        store.expect_out_of_step().returning(move |_, only, limit| {
            assert_eq!(only, None);
            let most = left.len().min(usize::try_from(limit).unwrap());
            Ok(left.drain(..most).collect())
        });
        let mut presence = MockPresenceStore::new();
        presence
            .expect_find_many()
            .returning(|ids| Ok(ids.iter().map(|id| row(*id)).collect()));
        presence.expect_apply_sweep().times(3).returning(|plan, _| {
            assert!(
                plan.writes
                    .iter()
                    .all(|write| write.row.in_maintenance && write.seen + 1 == write.row.version)
            );
            assert_eq!(plan.writes.len(), plan.changes.len(), "each becomes another status");
            Ok(u64::try_from(plan.writes.len()).unwrap())
        });
        let fence = Fence { lease: "led", token: 1 };
        let rules = BatchRules::default();
        let done = put_in_step(&store, &presence, &rules, Timestamp::EPOCH, fence).await;
        assert_eq!(done.unwrap(), 2_500);
    }
}
