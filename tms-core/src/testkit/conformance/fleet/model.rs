//! The model of a fleet: what one customer's terminals should look like, kept in maps.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::op::Beat;
use crate::{
    alert::{AlertPlan, Cause, store::AlertsApplied},
    event::Event,
    heartbeat::{
        Answer, Heartbeat, HeartbeatRecord, Sequence,
        plan::{BatchRules, plan},
    },
    id::{CustomerId, TerminalId},
    presence::{BootId, Outage, Presence, StatusChange, StatusInterval, store::SweepPlan, sweep::is_due},
    terminal::store::StatusCounts,
    testkit::build::{self, NOW},
    time::Timestamp,
};

pub(super) struct Model {
    pub(super) customer: CustomerId,
    pub(super) now: Timestamp,
    pub(super) outages: Vec<Outage>,
    pub(super) rules: BatchRules,
    pub(super) rows: BTreeMap<TerminalId, Presence>,
    pub(super) open: BTreeSet<(TerminalId, Cause)>,
    pub(super) events: Vec<Event>,
    pub(super) alert_events: usize,
    intervals: BTreeMap<TerminalId, Vec<StatusInterval>>,
    history: BTreeMap<TerminalId, Vec<HeartbeatRecord>>,
    /// Rows whose version may have grown by an act whose contract does not say by how much.
    outgrown: BTreeSet<TerminalId>,
}

impl Model {
    pub(super) fn new(customer: CustomerId) -> Self {
        Self {
            customer,
            now: NOW,
            outages: Vec::new(),
            rules: BatchRules::default(),
            rows: BTreeMap::new(),
            open: BTreeSet::new(),
            events: Vec::new(),
            alert_events: 0,
            intervals: BTreeMap::new(),
            history: BTreeMap::new(),
            outgrown: BTreeSet::new(),
        }
    }

    pub(super) fn wait(&mut self, secs: u64) {
        self.now = self.now.plus(Duration::from_secs(secs));
    }

    pub(super) fn outage(&mut self, secs: u64) {
        let from = self.now;
        self.wait(secs);
        self.outages.push(Outage { from, to: self.now });
    }

    /// Returns the row at `index`, unless it is retired.
    pub(super) fn pick(&self, index: usize) -> Option<Presence> {
        self.rows.values().nth(index).filter(|row| row.is_active).cloned()
    }

    /// Makes heartbeats, a microsecond apart, so that their order in history is plain.
    pub(super) fn batch(&self, beats: &[Beat]) -> Vec<Heartbeat> {
        let mut batch = Vec::new();
        for (offset, beat) in (0..).zip(beats) {
            let Some(terminal) = self.rows.keys().nth(beat.terminal) else {
                continue;
            };
            let when = self.now.plus(Duration::from_micros(offset));
            let mut made = build::beat(*terminal, when);
            made.agent_time = Timestamp::from_micros(when.as_micros() + beat.skew_s * 1_000_000);
            made.device = beat.device;
            made.metrics.cpu_percent = beat.cpu_percent;
            made.counters.uptime_s = Some(beat.skew_s);
            made.reported.firmware_version = beat.firmware.map(|version| format!("{version}.0.0"));
            made.sequence = beat.sequence.map(|(boot, seq)| Sequence {
                boot: BootId::parse(&format!("boot-{boot}")).expect("a boot id"),
                seq,
            });
            batch.push(made);
        }
        batch
    }

    pub(super) fn record(&mut self, batch: &[Heartbeat]) -> Vec<Answer> {
        let ids: BTreeSet<_> = batch.iter().map(|beat| beat.terminal).collect();
        let rows = ids.iter().filter_map(|id| self.rows.get(id).cloned()).collect();
        let plan = plan(rows, batch, &self.rules);
        for write in plan.writes {
            self.rows.insert(write.row.terminal, write.row);
        }
        for change in plan.changes {
            self.note(change);
        }
        for index in plan.history {
            let beat = &batch[index];
            self.history.entry(beat.terminal).or_default().push(HeartbeatRecord {
                received_at: beat.received_at,
                agent_time: beat.agent_time,
                seq: beat.sequence.as_ref().map(|sequence| sequence.seq),
                device: beat.device,
                metrics: beat.metrics,
                transaction_count: beat.counters.transaction_count,
            });
        }
        plan.answers
    }

    fn note(&mut self, change: StatusChange) {
        self.intervals.entry(change.terminal).or_default().push(StatusInterval {
            status: change.from,
            from: change.began_at,
            to: change.at,
            next: change.to,
        });
        self.events.extend(change.event());
    }

    pub(super) fn write(&mut self, row: Presence, change: Option<StatusChange>) {
        self.rows.insert(row.terminal, row);
        if let Some(change) = change {
            self.note(change);
        }
    }

    pub(super) fn edit(&mut self, terminal: TerminalId, interval_s: u32) {
        if let Some(row) = self.rows.get_mut(&terminal) {
            row.interval_s = interval_s;
            row.version += 1;
            self.outgrown.insert(terminal);
        }
    }

    /// Tells which terminals a sweep must look at.
    pub(super) fn must_be_due(&self) -> Vec<TerminalId> {
        let heard = self.rows.values().filter(|row| row.last_seen.is_some());
        let present = heard.filter(|row| row.is_active && !row.is_lost);
        let due = present.filter(|row| is_due(row, self.now, &self.outages) || row.awaits_threshold());
        due.map(|row| row.terminal).collect()
    }

    /// Tells whether a sweep may look at a terminal; looking at one too many is allowed where a threshold is crossed.
    pub(super) fn may_be_due(&self, terminal: TerminalId) -> bool {
        self.rows.get(&terminal).is_some_and(|row| {
            let is_due_for_loss = !row.is_lost && is_due(row, self.now, &self.outages);
            row.is_active && (is_due_for_loss || row.awaits_threshold())
        })
    }

    pub(super) fn apply_sweep(&mut self, plan: &SweepPlan) -> u64 {
        let mut written = BTreeSet::new();
        for write in &plan.writes {
            let terminal = write.row.terminal;
            if self.rows.get(&terminal).is_some_and(|row| row.version == write.seen) {
                self.rows.insert(terminal, write.row.clone());
                written.insert(terminal);
            }
        }
        for change in plan.changes.iter().filter(|change| written.contains(&change.terminal)) {
            self.note(*change);
        }
        u64::try_from(written.len()).unwrap()
    }

    pub(super) fn unsettled(&self) -> Vec<Presence> {
        let rows = self.rows.values().filter(|row| row.raised != row.alerted);
        rows.cloned().collect()
    }

    pub(super) fn apply_alerts(&mut self, plans: &[AlertPlan]) -> AlertsApplied {
        let mut applied = AlertsApplied::default();
        for plan in plans {
            for new in &plan.raise {
                applied.raised += u64::from(self.open.insert((plan.terminal, new.cause)));
            }
            for cause in plan.resolve.iter() {
                applied.resolved += u64::from(self.open.remove(&(plan.terminal, cause)));
            }
            if let Some(row) = self.rows.get_mut(&plan.terminal) {
                row.alerted = plan.seen_raised;
                row.version += 1;
                self.outgrown.insert(plan.terminal);
            }
        }
        self.alert_events += usize::try_from(applied.raised + applied.resolved).unwrap();
        applied
    }

    pub(super) fn counts(&self) -> StatusCounts {
        let mut counts = StatusCounts::default();
        for row in self.rows.values().filter(|row| row.is_active) {
            *counts.of_mut(row.status) += 1;
        }
        counts
    }

    /// Takes the store's versions over where they may have grown by more than one.
    pub(super) fn adopt_versions(&mut self, stored: &[Presence]) -> Result<(), String> {
        for row in stored {
            let is_outgrown = self.outgrown.remove(&row.terminal);
            let Some(known) = self.rows.get_mut(&row.terminal).filter(|_| is_outgrown) else {
                continue;
            };
            if row.version < known.version {
                return Err(format!("the version of {} did not grow", row.terminal));
            }
            known.version = row.version;
        }
        Ok(())
    }

    pub(super) fn intervals_of(&self, terminal: TerminalId) -> Vec<StatusInterval> {
        let mut intervals = self.intervals.get(&terminal).cloned().unwrap_or_default();
        intervals.sort_by_key(|interval| format!("{interval:?}"));
        intervals
    }

    pub(super) fn history_of(&self, terminal: TerminalId) -> Vec<HeartbeatRecord> {
        let mut records = self.history.get(&terminal).cloned().unwrap_or_default();
        records.sort_by_key(|record| format!("{record:?}"));
        records
    }
}
