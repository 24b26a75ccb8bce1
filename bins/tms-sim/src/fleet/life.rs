//! The life of one terminal: what its agent would report at a given time. Pure: the same seed and the same times give
//! the same reports; no clock, no network.

use std::time::Duration;

use tms_http::wire::agent::Metrics;

use super::{
    day,
    trouble::{Schedule, Spell, Trouble, Troubles},
};
use crate::rng::mix;

/// What the agent does at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It reports.
    Report(Report),
    /// It can't; ask again then (milliseconds since the Unix epoch).
    Silent {
        /// When the silence is over.
        until_ms: i64,
    },
}

/// What the agent reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its own clock, in milliseconds since the Unix epoch.
    pub clock_ms: i64,
    /// The number of this start, from 0.
    pub boot: u32,
    /// Counts within the boot.
    pub seq: i64,
    /// The state of the reader: ok, error, absent.
    pub device: &'static str,
    /// What the reader's library said.
    pub error_code: i64,
    /// Measurements.
    pub metrics: Metrics,
    /// How long the agent runs, in seconds.
    pub uptime_s: i64,
    /// How many cards were read since midnight.
    pub transactions: i64,
    /// When the last one was.
    pub last_transaction_ms: Option<i64>,
    /// What is worth a line in the log.
    pub note: Option<Note>,
}

/// Something worth a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The agent has started.
    Started,
    /// A trouble was noticed.
    Began(Trouble),
    /// A trouble is over.
    Ended(Trouble),
}

/// The life of one terminal.
#[derive(Debug, Clone)]
pub struct Life {
    seed: u64,
    began_ms: i64,
    schedule: Schedule,
    boot: u32,
    booted_ms: i64,
    seq: i64,
    noted: Option<Spell>,
    note: Option<Note>,
}

impl Life {
    /// Begins at `now_ms`.
    pub fn new(seed: u64, rates: Troubles, now_ms: i64) -> Self {
        Self {
            seed,
            began_ms: now_ms,
            schedule: Schedule::new(seed, rates),
            boot: 0,
            booted_ms: now_ms,
            seq: 0,
            noted: None,
            note: Some(Note::Started),
        }
    }

    /// Returns the trouble that goes on at `now_ms`.
    pub fn trouble(&self, now_ms: i64) -> Option<Trouble> {
        self.present(now_ms).map(|spell| spell.trouble)
    }

    fn present(&self, now_ms: i64) -> Option<Spell> {
        let spell = self.schedule.spell();
        (spell.from <= self.age(now_ms)).then_some(spell)
    }

    fn age(&self, now_ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(now_ms.saturating_sub(self.began_ms)).unwrap_or(0))
    }

    fn moment(&self, age: Duration) -> i64 {
        self.began_ms
            .saturating_add(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
    }

    /// Tells what the agent does at `now_ms`; times must not go back.
    pub fn step(&mut self, now_ms: i64) -> Step {
        while self.schedule.spell().to <= self.age(now_ms) {
            self.recover();
        }
        match self.present(now_ms) {
            Some(spell) if spell.trouble.is_silent() => Step::Silent {
                until_ms: self.moment(spell.to),
            },
            Some(spell) => {
                if self.noted != Some(spell) {
                    self.noted = Some(spell);
                    self.note = Some(Note::Began(spell.trouble));
                }
                Step::Report(self.report(now_ms, Some(spell)))
            }
            None => Step::Report(self.report(now_ms, None)),
        }
    }

    /// Ends the present trouble.
    fn recover(&mut self) {
        let spell = self.schedule.spell();
        self.schedule.advance();
        self.note = Some(Note::Ended(spell.trouble));
        if spell.trouble == Trouble::AgentRestart {
            self.boot += 1;
            self.seq = 0;
            self.booted_ms = self.moment(spell.to);
            self.note = Some(Note::Started);
        }
    }

    fn report(&mut self, now_ms: i64, spell: Option<Spell>) -> Report {
        let trouble = spell.map(|spell| spell.trouble);
        let seq = self.seq;
        self.seq += 1;
        let (device, error_code) = match trouble {
            Some(Trouble::ReaderUnplugged) => ("absent", 0),
            Some(Trouble::ReaderError) => ("error", self.noise(7, 0, 4) * 10 + 21),
            _ => ("ok", 0),
        };
        let traded_ms = spell
            .filter(|spell| spell.trouble.stops_trade())
            .map_or(now_ms, |spell| self.moment(spell.from));
        let transactions = day::transactions(self.seed, now_ms).min(day::transactions(self.seed, traded_ms).max(0));
        Report {
            clock_ms: now_ms + self.clock_error_ms(trouble),
            boot: self.boot,
            seq,
            device,
            error_code,
            metrics: self.measure(now_ms, trouble),
            uptime_s: now_ms.saturating_sub(self.booted_ms) / 1_000,
            transactions,
            last_transaction_ms: day::last_transaction(self.seed, traded_ms),
            note: self.note.take(),
        }
    }

    fn clock_error_ms(&self, trouble: Option<Trouble>) -> i64 {
        match trouble {
            Some(Trouble::ClockSkewed) if mix(self.seed) & 1 == 0 => self.noise(1, 90, 900) * 1_000,
            Some(Trouble::ClockSkewed) => -self.noise(1, 90, 900) * 1_000,
            _ => 0,
        }
    }

    /// A number of this terminal that stays for life.
    fn noise(&self, salt: u64, low: i64, high: i64) -> i64 {
        spread(mix(self.seed ^ mix(salt)), low, high)
    }

    fn measure(&self, now_ms: i64, trouble: Option<Trouble>) -> Metrics {
        let minute = now_ms.div_euclid(60_000).unsigned_abs();
        let jitter = |salt: u64, by: i64| spread(mix(self.seed ^ mix(minute ^ (salt << 56))), -by, by);
        let busy = day::activity(now_ms);
        let is_hot = trouble == Some(Trouble::Overheated);
        let cpu = if is_hot {
            97 + jitter(1, 2)
        } else {
            self.noise(2, 8, 22) + busy * 35 / 100 + jitter(1, 5)
        };
        let disk = if trouble == Some(Trouble::DiskFull) {
            98
        } else {
            self.noise(3, 25, 60)
        };
        let temperature = if is_hot {
            88 + jitter(2, 4)
        } else {
            self.noise(4, 30, 38) + cpu / 6 + jitter(2, 1)
        };
        Metrics {
            cpu_usage: Some(cpu.clamp(0, 100)),
            memory_usage: Some((self.noise(5, 38, 62) + jitter(3, 3)).clamp(0, 100)),
            disk_usage: Some(disk),
            temperature: Some(temperature),
        }
    }
}

fn spread(random: u64, low: i64, high: i64) -> i64 {
    let width = high.saturating_sub(low).unsigned_abs() + 1;
    low + i64::try_from(random % width).unwrap_or(0)
}
