//! Presence: whether a terminal is heard (link), whether its reader works (device), and the status people see.
//!
//! Pure rules. A store loads [`Presence`] rows, lets [`crate::heartbeat::plan`] or [`sweep`] change them, and writes
//! them back; it never decides anything itself.

pub mod breach;
pub mod outage;
pub mod phase;
pub mod reconcile;
pub mod store;
pub mod sweep;

use std::{fmt, net::IpAddr};

use crate::{
    alert::cause::{Cause, CauseSet},
    alert::rule::AlertRules,
    heartbeat::metrics::Metrics,
    id::{CustomerId, TerminalId},
    named_enum,
    random::mix,
    text::InvalidText,
    time::Timestamp,
};

pub use breach::Breaches;
pub use outage::Outage;
pub use phase::Phase;
pub use store::{PresenceStore, StatusInterval};

named_enum!(
    /// Whether the agent is heard.
    Link {
        /// Not once so far.
        Never = "never",
        /// In time.
        Connected = "connected",
        /// The next heartbeat is overdue.
        Late = "late",
        /// Silent beyond the deadline.
        Lost = "lost",
    }
);

named_enum!(
    /// What people see.
    Status {
        /// Heard, and the reader works.
        Online = "online",
        /// Not heard.
        Offline = "offline",
        /// Heard, but the reader is absent or in error.
        Error = "error",
        /// In maintenance, whatever else.
        Maintenance = "maintenance",
    }
);

/// What the agent says of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// It works.
    Ok,
    /// It reports this error.
    Error(i32),
    /// It is not attached.
    Absent,
    /// Nothing is known.
    #[default]
    Unknown,
}

impl Device {
    /// Returns the name of the state on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error(_) => "error",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the error code, zero where there is none.
    pub const fn code(self) -> i32 {
        match self {
            Self::Error(code) => code,
            Self::Ok | Self::Absent | Self::Unknown => 0,
        }
    }

    /// Reads a state by name and code.
    ///
    /// # Errors
    /// [`InvalidText`] for an unknown name.
    pub fn from_parts(name: &str, code: i32) -> Result<Self, InvalidText> {
        match name {
            "ok" => Ok(Self::Ok),
            "error" => Ok(Self::Error(code)),
            "absent" => Ok(Self::Absent),
            "unknown" => Ok(Self::Unknown),
            _ => Err(InvalidText("must be one of ok, error, absent, unknown".to_owned())),
        }
    }
}

/// Names one start of an agent, so that its counter can begin anew: 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BootId(Box<str>);

impl BootId {
    /// Reads a boot id.
    ///
    /// # Errors
    /// [`InvalidText`] for another length or alphabet.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidText(
                "must be 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'".to_owned(),
            ))
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many boots are remembered, the present one included (DECISIONS 12).
pub const REMEMBERED_BOOTS: usize = 4;

/// What the agent last said of itself; changes seldom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reported {
    /// The version that the reader says it runs.
    pub firmware_version: Option<String>,
    /// The version of the agent.
    pub agent_version: Option<String>,
    /// The PC's own address.
    pub ip_address: Option<IpAddr>,
    /// The configuration that it applied.
    pub config_version: Option<i64>,
}

/// What the agent last counted; changes with each heartbeat and no rule reads it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// How long the PC runs, in seconds.
    pub uptime_s: Option<i64>,
    /// When the last card was read.
    pub last_transaction: Option<Timestamp>,
    /// How many cards were read since the start of the day.
    pub transaction_count: Option<i64>,
}

/// The hot row of one terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Presence {
    /// Whose.
    pub terminal: TerminalId,
    /// Whose terminal it is.
    pub customer: CustomerId,
    /// Grows with every write of this row, whoever writes it; a writer that read an older one must read again.
    pub version: i64,

    /// The interval an operator wants, in seconds. A heartbeat never changes it.
    pub interval_s: u32,
    /// False once the terminal is retired. A heartbeat never changes it.
    pub is_active: bool,
    /// Whether a maintenance is under way. A heartbeat never changes it.
    pub in_maintenance: bool,
    /// The configuration that the terminal should have. A heartbeat never changes it.
    pub config_version: i64,

    /// When the first heartbeat came; `None` while none did.
    pub first_seen: Option<Timestamp>,
    /// When the last heartbeat came, by the server's clock.
    pub last_seen: Option<Timestamp>,
    /// The `next_heartbeat` that was last answered, in seconds.
    pub next_s: u32,
    /// When silence becomes loss, were the server never away.
    pub deadline: Option<Timestamp>,
    /// Whether silence has become loss.
    pub is_lost: bool,
    /// The reader as last reported.
    pub device: Device,
    /// The present boot of the agent.
    pub boot: Option<BootId>,
    /// The last counter of the present boot.
    pub seq: Option<i64>,
    /// The boots before it, newest first.
    pub past_boots: Vec<BootId>,
    /// The agent's own clock in the last heartbeat.
    pub agent_time: Option<Timestamp>,
    /// The last measurements.
    pub metrics: Metrics,
    /// What the agent last said of itself.
    pub reported: Reported,
    /// What the agent last counted.
    pub counters: Counters,

    /// The status people see.
    pub status: Status,
    /// Since when.
    pub status_since: Timestamp,
    /// The thresholds that are crossed, and since when.
    pub breaches: Breaches,
    /// The causes for which an alert should be open.
    pub raised: CauseSet,
    /// The causes that the alert reconciler has dealt with; it works off the difference to `raised`.
    pub alerted: CauseSet,
}

impl Presence {
    /// Makes the row of a terminal that was not heard so far.
    pub fn new(terminal: TerminalId, customer: CustomerId, interval_s: u32, now: Timestamp) -> Self {
        Self {
            terminal,
            customer,
            version: 1,
            interval_s,
            is_active: true,
            in_maintenance: false,
            config_version: 1,
            first_seen: None,
            last_seen: None,
            next_s: interval_s,
            deadline: None,
            is_lost: false,
            device: Device::Unknown,
            boot: None,
            seq: None,
            past_boots: Vec::new(),
            agent_time: None,
            metrics: Metrics::default(),
            reported: Reported::default(),
            counters: Counters::default(),
            status: Status::Offline,
            status_since: now,
            breaches: Breaches::default(),
            raised: CauseSet::EMPTY,
            alerted: CauseSet::EMPTY,
        }
    }

    /// Tells whether nothing of the terminal counts as present: it is lost, or retired, so that nobody waits for it.
    const fn is_gone(&self) -> bool {
        self.is_lost || !self.is_active
    }

    /// Returns the link as of `now`. `Late` begins one interval and 30 s after the last heartbeat (DECISIONS 10).
    pub fn link(&self, now: Timestamp) -> Link {
        match self.last_seen {
            None => Link::Never,
            Some(_) if self.is_gone() => Link::Lost,
            Some(last) if now.since(last).as_secs() > u64::from(self.next_s) + 30 => Link::Late,
            Some(_) => Link::Connected,
        }
    }

    /// Returns the device as people see it: unknown while the link is lost.
    pub const fn device_seen(&self) -> Device {
        if self.is_gone() || self.last_seen.is_none() {
            Device::Unknown
        } else {
            self.device
        }
    }

    /// Returns the status as people see it. A retired terminal keeps its last one, but is not there any more.
    pub const fn status_seen(&self) -> Status {
        if self.is_active { self.status } else { Status::Offline }
    }

    /// Returns when silence becomes loss; `None` where it has, and of a retired terminal.
    pub fn deadline_ahead(&self) -> Option<Timestamp> {
        self.deadline.filter(|_| !self.is_gone())
    }

    /// Derives the status from maintenance, link and device.
    pub const fn derived_status(&self) -> Status {
        if self.in_maintenance {
            return Status::Maintenance;
        }
        if self.last_seen.is_none() || self.is_lost {
            return Status::Offline;
        }
        match self.device {
            Device::Error(_) | Device::Absent => Status::Error,
            Device::Ok | Device::Unknown => Status::Online,
        }
    }

    /// Derives the causes for which an alert should be open at `now`.
    ///
    /// A terminal in maintenance keeps those that are open and raises no new one; a retired one has none.
    pub fn derived_causes(&self, now: Timestamp, rules: &AlertRules) -> CauseSet {
        if !self.is_active || self.last_seen.is_none() {
            return CauseSet::EMPTY;
        }
        let rules = rules.of(self.customer);
        let mut causes = CauseSet::EMPTY;
        if self.is_lost {
            causes.insert(Cause::Offline);
        } else {
            match self.device {
                Device::Error(_) => causes.insert(Cause::DeviceError),
                Device::Absent => causes.insert(Cause::ReaderAbsent),
                Device::Ok | Device::Unknown => {}
            }
            for (cause, since) in self.breaches.iter() {
                if rules
                    .threshold(cause)
                    .is_some_and(|rule| since.plus(rule.duration()) <= now)
                {
                    causes.insert(cause);
                }
            }
        }
        let enabled = causes.intersection(rules.enabled());
        if self.in_maintenance {
            enabled.intersection(self.alerted)
        } else {
            enabled
        }
    }

    /// Tells whether a crossed threshold is not raised so far, so that the sweep must look when its time has come. In
    /// maintenance nothing is raised.
    pub fn awaits_threshold(&self) -> bool {
        !self.in_maintenance && !self.breaches.causes().minus(self.raised).is_empty()
    }

    /// Brings status and causes in line with the rest of the row and returns the interval of status that this closes.
    ///
    /// Call it after any change of an input: heartbeat, sweep, maintenance, retirement.
    pub fn settle(&mut self, now: Timestamp, rules: &AlertRules) -> Option<StatusChange> {
        self.raised = self.derived_causes(now, rules);
        let next = self.derived_status();
        if next == self.status {
            return None;
        }
        Some(self.change_to(next, now))
    }

    /// Returns the `next_heartbeat` to answer: the interval less up to a tenth of it, spread by terminal and
    /// day, so that a fleet which starts at one instant does not arrive at one.
    pub fn next_heartbeat_s(&self, now: Timestamp) -> u32 {
        let spread = self.interval_s / 10 + 1;
        let seed = self.terminal.get().unsigned_abs() ^ now.day().unsigned_abs().rotate_left(40);
        let cut = u32::try_from(mix(seed) % u64::from(spread)).unwrap_or(0);
        (self.interval_s - cut.min(self.interval_s - 1)).max(1)
    }
}

/// A status that ended and the one that began; stored as the interval it closes (DECISIONS 20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusChange {
    /// Whose.
    pub terminal: TerminalId,
    /// Whose terminal it is.
    pub customer: CustomerId,
    /// The status that ended.
    pub from: Status,
    /// When it had begun.
    pub began_at: Timestamp,
    /// The status that began.
    pub to: Status,
    /// When one ended and the other began.
    pub at: Timestamp,
    /// What the time that ended counts as.
    pub phase: Phase,
}

impl StatusChange {
    /// Returns what the time that ended counts as, where the status does not tell; what stores keep beside the status.
    pub fn phase_beside_status(&self) -> Option<Phase> {
        (self.phase != self.from.into()).then_some(self.phase)
    }

    /// Makes the event that tells of this change; none where a new interval of the same status began.
    pub fn event(&self) -> Option<crate::event::Event> {
        (self.from != self.to).then(|| crate::event::Event {
            kind: crate::event::EventKind::TerminalStatusChange,
            customer: Some(self.customer),
            at: self.at,
            data: serde_json::json!({
                "terminal_id": self.terminal.get(),
                "old_status": self.from.as_str(),
                "new_status": self.to.as_str(),
            }),
        })
    }
}

#[cfg(test)]
mod tests;
