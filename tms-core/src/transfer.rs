//! Data taken in and given out as a whole. Things are known by what people call them (a company's name, a serial number, a
//! name to sign in with), never by an id: ids are those of one installation.

mod channel;
mod check;
mod give_out;
mod maintenance;
pub mod service;
pub mod store;

use crate::{
    alert::{AlertState, Cause, Resolved, Severity},
    customer::CustomerDraft,
    error::{Error, FieldErrors},
    operator::{Profile, password::is_verifiable, user::check_username},
    secret::Secret,
    settings::Settings,
    terminal::{Lifecycle, TerminalDraft},
    terminal_log::LogEntry,
    text::{Lines, SerialNumber, clean},
    time::Timestamp,
};

pub use channel::ChannelEntry;
pub use maintenance::MaintenanceEntry;
pub use service::Transfers;
pub use store::TransferStore;

/// What is taken in or given out together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fixture {
    /// Customers, known by company name.
    pub customers: Vec<CustomerDraft>,
    /// People, known by the name they sign in with.
    pub users: Vec<UserEntry>,
    /// Terminals, known by serial number.
    pub terminals: Vec<TerminalEntry>,
    /// Maintenance times, known by terminal and begin.
    pub maintenances: Vec<MaintenanceEntry>,
    /// Notification channels, known by name.
    pub channels: Vec<ChannelEntry>,
    /// Alerts of the past, known by terminal, cause and time.
    pub alerts: Vec<AlertEntry>,
    /// Lines of logs, known by terminal and event id.
    pub logs: Vec<LogLine>,
    /// The settings, if there are to be any.
    pub settings: Option<Settings>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEntry {
    /// The name used to sign in, lower case.
    pub username: String,
    /// The rest; its `customer` stays empty, since ids say nothing elsewhere.
    pub profile: Profile,
    /// The only customer they see, by company name.
    pub customer: Option<String>,
    /// The password as a hash that [`crate::operator::password::Passwords`] can verify.
    pub password_hash: Option<Secret<String>>,
}

/// A terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalEntry {
    /// What people set; whose it is, by company name.
    pub draft: TerminalDraft<String>,
    /// Whether it is out of service. Any other one begins as registered: no agent has a token for it here yet.
    pub is_retired: bool,
    /// The network card of its PC.
    pub mac_address: Option<String>,
    /// The version that it ran when it was last heard elsewhere.
    pub firmware_version: Option<String>,
}

/// An alert of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertEntry {
    /// Of which terminal.
    pub serial: SerialNumber,
    /// Why.
    pub cause: Cause,
    /// How bad.
    pub severity: Severity,
    /// The facts.
    pub details: serde_json::Value,
    /// When it was raised.
    pub created_at: Timestamp,
    /// Who acknowledged it, and when.
    pub acknowledged: Option<(String, Timestamp)>,
    /// How it ended.
    pub resolved: Option<Resolved>,
}

/// A line of a terminal's log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Of which terminal.
    pub serial: SerialNumber,
    /// The line.
    pub entry: LogEntry,
}

/// What was written; the rest was there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Customers.
    pub customers: u64,
    /// People.
    pub users: u64,
    /// Terminals.
    pub terminals: u64,
    /// Maintenance times.
    pub maintenances: u64,
    /// Notification channels.
    pub channels: u64,
    /// Alerts.
    pub alerts: u64,
    /// Lines of logs.
    pub logs: u64,
    /// Whether the settings were.
    pub settings: bool,
}

impl UserEntry {
    /// Checks and cleans every field.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each wrong field.
    pub fn checked(self) -> Result<Self, Error> {
        let mut errors = FieldErrors::default();
        let username = errors.take("username", check_username(&self.username));
        if self.password_hash.as_ref().is_some_and(|hash| !is_verifiable(hash)) {
            errors.add("password_hash", "is none that can be verified");
        }
        errors.finish()?;
        Ok(Self {
            username: username.unwrap_or_default(),
            profile: self.profile.checked()?,
            ..self
        })
    }
}

impl TerminalEntry {
    /// Checks and cleans every field as those of any terminal; whose it is, is checked by name.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each wrong field.
    pub fn checked(self) -> Result<Self, Error> {
        let mut draft = self.draft.checked()?;
        draft.customer = draft.customer.trim().to_owned();
        let mut errors = FieldErrors::default();
        let mut optional = |field: &str, text: Option<String>| {
            let cleaned = text.map(|text| clean(&text, 0, 50, Lines::One)).transpose();
            errors.take(field, cleaned).flatten().filter(|text| !text.is_empty())
        };
        let mac_address = optional("mac_address", self.mac_address);
        let firmware_version = optional("firmware_version", self.firmware_version);
        errors.finish()?;
        Ok(Self {
            draft,
            is_retired: self.is_retired,
            mac_address,
            firmware_version,
        })
    }

    /// Returns how far it is in its life once it was taken in.
    pub const fn lifecycle(&self) -> Lifecycle {
        if self.is_retired {
            Lifecycle::Retired
        } else {
            Lifecycle::Registered
        }
    }

    /// Tells whether it brings along what a terminal that was just registered does not have.
    pub const fn has_more(&self) -> bool {
        self.is_retired || self.mac_address.is_some() || self.firmware_version.is_some()
    }
}

impl AlertEntry {
    /// Returns where it stands.
    pub const fn state(&self) -> AlertState {
        match (&self.resolved, &self.acknowledged) {
            (Some(_), _) => AlertState::Resolved,
            (None, Some(_)) => AlertState::Acknowledged,
            (None, None) => AlertState::Open,
        }
    }
}

impl Fixture {
    /// Returns the company names that people, terminals and channels refer to, each once.
    pub fn customers_named(&self) -> Vec<&str> {
        let of_users = self.users.iter().filter_map(|user| user.customer.as_deref());
        let of_terminals = self.terminals.iter().map(|terminal| terminal.draft.customer.as_str());
        let of_channels = self.channels.iter().flat_map(|channel| &channel.customers);
        let mut named: Vec<&str> = of_users
            .chain(of_terminals)
            .chain(of_channels.map(String::as_str))
            .collect();
        named.sort_unstable();
        named.dedup();
        named
    }

    /// Returns the serial numbers that terminals and what belongs to them refer to, each once.
    pub fn serials_named(&self) -> Vec<&SerialNumber> {
        let terminals = self.terminals.iter().map(|terminal| &terminal.draft.serial);
        let mut named: Vec<_> = terminals
            .chain(self.maintenances.iter().map(|time| &time.serial))
            .chain(self.alerts.iter().map(|alert| &alert.serial))
            .chain(self.logs.iter().map(|line| &line.serial))
            .collect();
        named.sort_unstable();
        named.dedup();
        named
    }

    /// Tells whether anything in it belongs to a terminal, which must be found.
    pub const fn needs_terminals(&self) -> bool {
        !(self.maintenances.is_empty() && self.alerts.is_empty() && self.logs.is_empty())
    }
}
