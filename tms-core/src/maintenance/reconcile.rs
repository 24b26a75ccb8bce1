//! Begins and ends maintenance when its time comes.

use super::MaintenanceStore;
use crate::{
    envelope::Envelope,
    error::StoreError,
    heartbeat::plan::BatchRules,
    lease::Fence,
    presence::{Presence, PresenceStore, store::PresenceWrite},
    time::Timestamp,
};

const STEP: u32 = 500;

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
    fence: Option<Fence>,
) -> Result<u64, StoreError> {
    let mut done = 0;
    let wanted = store.out_of_step(now, STEP).await?;
    let ids: Vec<_> = wanted.iter().map(|(terminal, _)| *terminal).collect();
    for row in presence.find_many(&ids).await? {
        let Some((_, should)) = wanted.iter().find(|(terminal, _)| *terminal == row.terminal) else {
            continue;
        };
        match turn(presence, row, *should, rules, now, fence).await {
            Ok(()) => done += 1,
            Err(StoreError::Stale(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(done)
}

async fn turn(
    presence: &dyn PresenceStore,
    mut row: Presence,
    should: bool,
    rules: &BatchRules,
    now: Timestamp,
    fence: Option<Fence>,
) -> Result<(), StoreError> {
    let seen = row.version;
    row.in_maintenance = should;
    row.version += 1;
    let change = row.settle(now, &rules.alerts);
    let write = PresenceWrite {
        row,
        seen,
        is_full: true,
    };
    // Who planned or ended the maintenance has left an entry; carrying it out needs none.
    let with = fence.map_or_else(Envelope::following, Envelope::fenced);
    presence.save(&write, change, with).await
}
