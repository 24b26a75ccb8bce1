//! Data taken in and given out as a whole. Things are known by what people call them (a company's name, a serial number, a
//! name to sign in with), never by an id: ids are those of one installation.

pub mod service;
pub mod store;

use chrono::NaiveDate;

use crate::{
    alert::{AlertState, Cause, Resolved, Severity},
    customer::CustomerDraft,
    error::{Error, FieldErrors},
    id::CustomerId,
    operator::{Profile, password::is_verifiable, user::check_username},
    secret::Secret,
    settings::Settings,
    terminal::TerminalDraft,
    terminal_log::LogEntry,
    text::{Lines, SerialNumber, clean},
    time::Timestamp,
};

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
    /// The number printed on the reader.
    pub serial: SerialNumber,
    /// Whose it is, by company name.
    pub customer: String,
    /// The model of the reader.
    pub model: String,
    /// The shop's name.
    pub store_name: Option<String>,
    /// The shop's number at its customer.
    pub store_code: Option<String>,
    /// Where it stands.
    pub installation_address: Option<String>,
    /// Seconds between heartbeats.
    pub heartbeat_interval_s: u32,
    /// Whether firmware may be installed without asking.
    pub auto_update_enabled: bool,
    /// When it was installed.
    pub installed_date: Option<NaiveDate>,
    /// Until when it is under warranty.
    pub warranty_end_date: Option<NaiveDate>,
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
        let any = CustomerId::new(1).map_err(|error| Error::Internal(error.into()))?;
        let draft = self.draft(any).checked()?;
        let mut errors = FieldErrors::default();
        let mut optional = |field: &str, text: Option<String>| {
            let cleaned = text.map(|text| clean(&text, 0, 50, Lines::One)).transpose();
            errors.take(field, cleaned).flatten().filter(|text| !text.is_empty())
        };
        let mac_address = optional("mac_address", self.mac_address);
        let firmware_version = optional("firmware_version", self.firmware_version);
        errors.finish()?;
        Ok(Self {
            serial: draft.serial,
            customer: self.customer.trim().to_owned(),
            model: draft.model,
            store_name: draft.store_name,
            store_code: draft.store_code,
            installation_address: draft.installation_address,
            heartbeat_interval_s: draft.heartbeat_interval_s,
            auto_update_enabled: draft.auto_update_enabled,
            installed_date: draft.installed_date,
            warranty_end_date: draft.warranty_end_date,
            is_retired: self.is_retired,
            mac_address,
            firmware_version,
        })
    }

    /// Returns the draft of this terminal at the customer whose name it says.
    pub fn draft(&self, customer: CustomerId) -> TerminalDraft {
        TerminalDraft {
            serial: self.serial.clone(),
            customer,
            model: self.model.clone(),
            store_name: self.store_name.clone(),
            store_code: self.store_code.clone(),
            installation_address: self.installation_address.clone(),
            heartbeat_interval_s: self.heartbeat_interval_s,
            auto_update_enabled: self.auto_update_enabled,
            installed_date: self.installed_date,
            warranty_end_date: self.warranty_end_date,
        }
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
    /// Returns the company names that people and terminals refer to, each once.
    pub fn customers_named(&self) -> Vec<&str> {
        let of_users = self.users.iter().filter_map(|user| user.customer.as_deref());
        let of_terminals = self.terminals.iter().map(|terminal| terminal.customer.as_str());
        let mut named: Vec<&str> = of_users.chain(of_terminals).collect();
        named.sort_unstable();
        named.dedup();
        named
    }

    /// Returns the serial numbers that terminals, alerts and logs refer to, each once.
    pub fn serials_named(&self) -> Vec<&SerialNumber> {
        let terminals = self.terminals.iter().map(|terminal| &terminal.serial);
        let alerts = self.alerts.iter().map(|alert| &alert.serial);
        let mut named: Vec<_> = terminals
            .chain(alerts)
            .chain(self.logs.iter().map(|line| &line.serial))
            .collect();
        named.sort_unstable();
        named.dedup();
        named
    }
}
