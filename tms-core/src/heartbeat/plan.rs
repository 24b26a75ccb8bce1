//! From a batch of heartbeats and the rows they meet to everything a store has to write. Pure: the rules of presence
//! stand here once, and every store applies the same plan.

use std::collections::HashMap;

use super::{Answer, Heartbeat, Next, Sequence};
use crate::{
    alert::rule::AlertRules,
    presence::{Presence, REMEMBERED_BOOTS, Reported, StatusChange, store::PresenceWrite},
    settings::PresenceSettings,
    time::Timestamp,
};

/// The rules that a batch is judged by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BatchRules {
    /// When silence is loss.
    pub presence: PresenceSettings,
    /// What raises alerts.
    pub alerts: AlertRules,
}

/// Everything that one batch writes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BatchPlan {
    /// One row per terminal that a heartbeat changed, in order of id.
    pub writes: Vec<PresenceWrite>,
    /// Indices of the heartbeats that go into history, in order of arrival.
    pub history: Vec<usize>,
    /// Status changes: history, status of the terminal, counts, events.
    pub changes: Vec<StatusChange>,
    /// One answer per heartbeat.
    pub answers: Vec<Answer>,
}

/// Decides about `beats` (in order of arrival) given the `rows` of their terminals.
///
/// Several heartbeats of one terminal fold into one write; history keeps all of them.
pub fn plan(rows: Vec<Presence>, beats: &[Heartbeat], rules: &BatchRules) -> BatchPlan {
    let mut plan = BatchPlan {
        writes: Vec::with_capacity(rows.len()),
        history: Vec::with_capacity(beats.len()),
        changes: Vec::new(),
        answers: Vec::with_capacity(beats.len()),
    };
    let mut states: Vec<Folding> = rows.into_iter().map(Folding::new).collect();
    states.sort_unstable_by_key(|state| state.row.terminal);
    let places: HashMap<_, _> = states
        .iter()
        .enumerate()
        .map(|(place, s)| (s.row.terminal, place))
        .collect();
    for (index, beat) in beats.iter().enumerate() {
        let state = places.get(&beat.terminal).and_then(|place| states.get_mut(*place));
        let Some(state) = state.filter(|state| state.row.is_active) else {
            plan.answers.push(Answer::Unknown);
            continue;
        };
        let is_new = state.accept(beat, rules, &mut plan.changes);
        let next = Next {
            next_s: state.row.next_s,
            config_version: state.row.config_version,
        };
        plan.answers.push(if is_new {
            Answer::Recorded(next)
        } else {
            Answer::Repeated(next)
        });
        if is_new {
            plan.history.push(index);
        }
    }
    plan.writes.extend(states.into_iter().filter_map(Folding::into_write));
    plan
}

/// A row while the heartbeats of a batch are folded into it.
struct Folding {
    row: Presence,
    seen: i64,
    is_changed: bool,
    is_full: bool,
}

impl Folding {
    fn new(row: Presence) -> Self {
        Self {
            seen: row.version,
            row,
            is_changed: false,
            is_full: false,
        }
    }

    /// Takes one heartbeat in; returns false for one that is older than what is known.
    fn accept(&mut self, beat: &Heartbeat, rules: &BatchRules, changes: &mut Vec<StatusChange>) -> bool {
        let row = &mut self.row;
        match place_in_boot(row, beat.sequence.as_ref()) {
            Place::Older => return false,
            Place::SameBoot(seq) => row.seq = Some(seq),
            // It says nothing about the boot, which goes on counting where it was.
            Place::Uncounted => {}
            Place::NewBoot(sequence) => {
                self.is_full = true;
                if let Some(boot) = row.boot.take() {
                    remember(row, boot);
                }
                row.boot = Some(sequence.boot.clone());
                row.seq = Some(sequence.seq);
            }
        }
        // Two nodes may disagree about the time; what is stored never goes back.
        let now = row
            .last_seen
            .map_or(beat.received_at, |last| last.max(beat.received_at));
        self.is_changed = true;
        self.is_full |= row.is_lost || row.first_seen.is_none() || row.device != beat.device;
        row.first_seen = row.first_seen.or(Some(now));
        row.last_seen = Some(now);
        row.is_lost = false;
        row.next_s = row.next_heartbeat_s(now);
        row.deadline = Some(now.plus(rules.presence.lost_after(row.next_s)));
        row.device = beat.device;
        row.agent_time = Some(beat.agent_time);
        row.metrics = beat.metrics;
        row.counters = beat.counters;
        self.is_full |= merge_reported(&mut row.reported, &beat.reported);
        let skew_s = Some(skew_seconds(now, beat.agent_time));
        let (breaches, raised) = (row.breaches.clone(), row.raised);
        row.breaches
            .observe(&row.metrics, skew_s, now, rules.alerts.of(row.customer));
        let change = row.settle(now, &rules.alerts);
        self.is_full |= change.is_some() || row.breaches != breaches || row.raised != raised;
        changes.extend(change);
        true
    }

    fn into_write(mut self) -> Option<PresenceWrite> {
        self.row.version = self.seen + 1;
        self.is_changed.then_some(PresenceWrite {
            row: self.row,
            seen: self.seen,
            is_full: self.is_full,
        })
    }
}

enum Place<'a> {
    /// Not newer than what is known.
    Older,
    /// The next of the present boot.
    SameBoot(i64),
    /// The first of a boot not seen before.
    NewBoot(&'a Sequence),
    /// The agent does not count.
    Uncounted,
}

/// DECISIONS 12: within a boot the counter decides, a boot not seen before wins by arrival, a past one never does.
fn place_in_boot<'a>(row: &Presence, sequence: Option<&'a Sequence>) -> Place<'a> {
    let Some(sequence) = sequence else {
        return Place::Uncounted;
    };
    if row.boot.as_ref() == Some(&sequence.boot) {
        return match row.seq {
            Some(last) if sequence.seq <= last => Place::Older,
            _ => Place::SameBoot(sequence.seq),
        };
    }
    if row.past_boots.contains(&sequence.boot) {
        Place::Older
    } else {
        Place::NewBoot(sequence)
    }
}

fn remember(row: &mut Presence, boot: crate::presence::BootId) {
    row.past_boots.insert(0, boot);
    row.past_boots.truncate(REMEMBERED_BOOTS - 1);
}

/// Takes over what the agent said; returns whether anything differs.
fn merge_reported(known: &mut Reported, said: &Reported) -> bool {
    fn take<T: Clone + PartialEq>(known: &mut Option<T>, said: Option<&T>) -> bool {
        let differs = said.is_some() && known.as_ref() != said;
        if differs {
            *known = said.cloned();
        }
        differs
    }
    let firmware = take(&mut known.firmware_version, said.firmware_version.as_ref());
    let agent = take(&mut known.agent_version, said.agent_version.as_ref());
    let address = take(&mut known.ip_address, said.ip_address.as_ref());
    let config = take(&mut known.config_version, said.config_version.as_ref());
    firmware | agent | address | config
}

fn skew_seconds(server: Timestamp, agent: Timestamp) -> i64 {
    (server.as_micros() - agent.as_micros()).abs() / 1_000_000
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
