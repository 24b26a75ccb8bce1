//! What can go wrong with a terminal, how often and for how long. Pure and repeatable: the troubles of a terminal are
//! fixed by its seed, whatever happens around it.

use std::time::Duration;

use crate::rng::Rng;

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The shop's line is down: nothing is sent.
    LinkLost,
    /// Somebody pulled the reader's cable.
    ReaderUnplugged,
    /// The reader reports an error.
    ReaderError,
    /// The PC is too hot and too busy.
    Overheated,
    /// The PC's disk is nearly full.
    DiskFull,
    /// The PC's clock is minutes off.
    ClockSkewed,
    /// The agent starts anew: a short silence, then a new boot.
    AgentRestart,
}

impl Trouble {
    /// Every trouble; those that happen more often stand more often.
    const DEALT: &'static [Self] = &[
        Self::LinkLost,
        Self::LinkLost,
        Self::LinkLost,
        Self::ReaderUnplugged,
        Self::ReaderUnplugged,
        Self::ReaderError,
        Self::ReaderError,
        Self::Overheated,
        Self::Overheated,
        Self::DiskFull,
        Self::ClockSkewed,
        Self::AgentRestart,
    ];

    /// Tells whether nothing is sent meanwhile.
    pub const fn is_silent(self) -> bool {
        matches!(self, Self::LinkLost | Self::AgentRestart)
    }

    /// Tells whether no card can be read meanwhile.
    pub const fn stops_trade(self) -> bool {
        matches!(self, Self::ReaderUnplugged | Self::ReaderError | Self::AgentRestart)
    }

    /// Returns the name under which the agent logs it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinkLost => "link_lost",
            Self::ReaderUnplugged => "reader_unplugged",
            Self::ReaderError => "reader_error",
            Self::Overheated => "overheated",
            Self::DiskFull => "disk_full",
            Self::ClockSkewed => "clock_skewed",
            Self::AgentRestart => "agent_restart",
        }
    }
}

/// How often troubles come and how long they stay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Troubles {
    /// How many troubles one terminal has in an hour, on average.
    pub per_hour: f64,
    /// How long a trouble lasts at least.
    pub shortest: Duration,
    /// How long a trouble lasts at most, unless one of the next two says more.
    pub longest: Duration,
    /// How long a lost link lasts at least, so that the server can notice.
    pub silent_at_least: Duration,
    /// How long a value over its threshold lasts at least, so that the server raises an alert.
    pub high_at_least: Duration,
    /// Which share of the terminals has its first trouble soon after the start, and how soon.
    pub early: Option<(f64, Duration)>,
}

impl Troubles {
    /// Returns the troubles of an ordinary fleet: each terminal about once in two days, for minutes.
    pub const fn usual() -> Self {
        Self {
            per_hour: 0.02,
            shortest: Duration::from_mins(2),
            longest: Duration::from_mins(30),
            silent_at_least: Duration::from_mins(15),
            high_at_least: Duration::from_mins(20),
            early: None,
        }
    }

    /// Returns troubles for somebody who watches: the first ones within half a minute, all of them short.
    pub const fn demo() -> Self {
        Self {
            per_hour: 1.2,
            shortest: Duration::from_secs(15),
            longest: Duration::from_mins(1),
            silent_at_least: Duration::from_secs(30),
            high_at_least: Duration::from_secs(25),
            early: Some((0.08, Duration::from_secs(20))),
        }
    }

    /// Returns no trouble at all.
    pub const fn none() -> Self {
        Self {
            per_hour: 0.0,
            early: None,
            ..Self::usual()
        }
    }

    fn shortest_of(&self, trouble: Trouble) -> Duration {
        match trouble {
            Trouble::LinkLost => self.silent_at_least.max(self.shortest),
            Trouble::Overheated | Trouble::DiskFull => self.high_at_least.max(self.shortest),
            _ => self.shortest,
        }
    }

    /// Returns how long a trouble lasts at most.
    pub fn longest_of(&self, trouble: Trouble) -> Duration {
        match trouble {
            Trouble::AgentRestart => RESTART.1,
            _ => self.longest.max(self.shortest_of(trouble).mul_f64(1.5)),
        }
    }
}

/// How long an agent takes to start anew.
const RESTART: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(20));
/// Far enough away to mean never.
const NEVER: Duration = Duration::from_hours(100 * 365 * 24);

/// One trouble with its time, counted from the start of the terminal's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spell {
    /// What goes wrong.
    pub trouble: Trouble,
    /// When it begins.
    pub from: Duration,
    /// When it is over.
    pub to: Duration,
}

/// The troubles of one terminal, one after the other, without end.
#[derive(Debug, Clone)]
pub struct Schedule {
    rng: Rng,
    rates: Troubles,
    next: Spell,
}

impl Schedule {
    /// Deals the troubles of the terminal with this seed.
    pub fn new(seed: u64, rates: Troubles) -> Self {
        let mut rng = Rng::new(seed);
        let early = rates.early.filter(|(share, _)| rng.chance(*share));
        let first = match early {
            Some((_, within)) => rng.duration(within / 4, within),
            None => wait(&mut rng, rates.per_hour),
        };
        let next = deal(&mut rng, &rates, first);
        Self { rng, rates, next }
    }

    /// Returns the trouble that is going on or comes next.
    pub const fn spell(&self) -> Spell {
        self.next
    }

    /// Goes on to the trouble behind the present one.
    pub fn advance(&mut self) {
        let from = self.next.to.saturating_add(wait(&mut self.rng, self.rates.per_hour));
        self.next = deal(&mut self.rng, &self.rates, from);
    }
}

fn deal(rng: &mut Rng, rates: &Troubles, from: Duration) -> Spell {
    let trouble = rng.pick(Trouble::DEALT).copied().unwrap_or(Trouble::LinkLost);
    let lasts = if trouble == Trouble::AgentRestart {
        rng.duration(RESTART.0, RESTART.1)
    } else {
        rng.duration(rates.shortest_of(trouble), rates.longest_of(trouble))
    };
    Spell {
        trouble,
        from: whole_millis(from),
        to: whole_millis(from.saturating_add(lasts)),
    }
}

/// Cuts a time to the step in which agents tell time, so that a moment read off it is not too early.
fn whole_millis(time: Duration) -> Duration {
    time.saturating_sub(Duration::from_nanos(u64::from(time.subsec_nanos() % 1_000_000)))
}

/// Returns how long until the next of events that come at random, so many an hour.
fn wait(rng: &mut Rng, per_hour: f64) -> Duration {
    let hours = -(1.0 - rng.fraction()).ln() / per_hour;
    Duration::try_from_secs_f64(hours * 3_600.0).map_or(NEVER, |wait| wait.min(NEVER))
}
