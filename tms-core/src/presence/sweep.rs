//! The decisions of the presence sweep: what time alone changes. Pure; the reconciler beside it sequences the ports.

use super::{
    Outage, Presence,
    outage::moved_deadline,
    store::{PresenceWrite, SweepPlan},
};
use crate::{alert::rule::AlertRules, settings::PresenceSettings, time::Timestamp};

/// What one sweep decides with.
#[derive(Debug, Clone, Copy)]
pub struct SweepInput<'a> {
    /// The present time.
    pub now: Timestamp,
    /// Our own outages.
    pub outages: &'a [Outage],
    /// The rules of alerts.
    pub rules: &'a AlertRules,
    /// Whether losses are held back at present.
    pub hold_losses: bool,
}

/// Decides about `rows`; a row that nothing happens to is not in the plan.
pub fn plan(rows: Vec<Presence>, input: &SweepInput<'_>) -> SweepPlan {
    let mut plan = SweepPlan::default();
    for mut row in rows {
        let before = (row.is_lost, row.raised);
        if !row.is_lost && !input.hold_losses && is_due(&row, input.now, input.outages) {
            row.is_lost = true;
        }
        let change = row.settle(input.now, input.rules);
        if change.is_none() && before == (row.is_lost, row.raised) {
            continue;
        }
        plan.changes.extend(change);
        let seen = row.version;
        row.version += 1;
        plan.writes.push(PresenceWrite {
            row,
            seen,
            is_full: true,
        });
    }
    plan
}

/// Tells whether the silence of `row` has become loss at `now`.
pub fn is_due(row: &Presence, now: Timestamp, outages: &[Outage]) -> bool {
    match (row.last_seen, row.deadline) {
        (Some(last_seen), Some(deadline)) => {
            row.is_active && deadline < now && moved_deadline(last_seen, deadline, outages) < now
        }
        _ => false,
    }
}

/// Tells whether so many terminals fall due at once that the fault is more likely ours or the network's.
pub fn is_mass_loss(due: u64, connected: u64, settings: &PresenceSettings) -> bool {
    due >= u64::from(settings.mass_loss_minimum)
        && due.saturating_mul(100) > connected.saturating_mul(u64::from(settings.mass_loss_percent))
}
