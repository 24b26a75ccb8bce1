//! Terminals: one card reader each, known by its serial number. This is the cold half, which people change; what a
//! heartbeat changes is [`crate::presence::Presence`].

pub mod import;
mod room;
pub mod service;
pub mod store;

use chrono::NaiveDate;

use crate::{
    error::{Error, FieldErrors},
    id::{CustomerId, Revision, TerminalId},
    named_enum,
    presence::Presence,
    settings::{MAX_INTERVAL_S, MIN_INTERVAL_S},
    text::{Lines, SerialNumber, clean, search_key},
    time::Timestamp,
};

pub use service::Terminals;
pub use store::TerminalStore;

named_enum!(
    /// How far a terminal is in its life.
    Lifecycle {
        /// Known, but no agent has enrolled.
        Registered = "registered",
        /// An agent has enrolled.
        Active = "active",
        /// Out of service; its history stays.
        Retired = "retired",
    }
);

/// What people can set of a terminal. `C` says whose it is: an id, or a name where ids mean nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalDraft<C = CustomerId> {
    /// The number printed on the reader; unique.
    pub serial: SerialNumber,
    /// Whose it is.
    pub customer: C,
    /// The model of the reader.
    pub model: String,
    /// The shop's name.
    pub store_name: Option<String>,
    /// The shop's number at its customer.
    pub store_code: Option<String>,
    /// Where it stands.
    pub installation_address: Option<String>,
    /// Seconds between heartbeats, [`MIN_INTERVAL_S`] to [`MAX_INTERVAL_S`].
    pub heartbeat_interval_s: u32,
    /// Whether firmware may be installed without asking.
    pub auto_update_enabled: bool,
    /// When it was installed.
    pub installed_date: Option<NaiveDate>,
    /// Until when it is under warranty.
    pub warranty_end_date: Option<NaiveDate>,
}

impl TerminalDraft {
    /// Makes the draft of a terminal with nothing but its identity.
    pub fn new(serial: SerialNumber, customer: CustomerId, model: &str, interval_s: u32) -> Self {
        Self {
            serial,
            customer,
            model: model.to_owned(),
            store_name: None,
            store_code: None,
            installation_address: None,
            heartbeat_interval_s: interval_s,
            auto_update_enabled: true,
            installed_date: None,
            warranty_end_date: None,
        }
    }
}

impl<C> TerminalDraft<C> {
    /// Returns the same terminal as that of `customer`.
    pub fn owned_by<D>(self, customer: D) -> TerminalDraft<D> {
        TerminalDraft {
            serial: self.serial,
            customer,
            model: self.model,
            store_name: self.store_name,
            store_code: self.store_code,
            installation_address: self.installation_address,
            heartbeat_interval_s: self.heartbeat_interval_s,
            auto_update_enabled: self.auto_update_enabled,
            installed_date: self.installed_date,
            warranty_end_date: self.warranty_end_date,
        }
    }

    /// Checks and trims every field.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each wrong field.
    pub fn checked(mut self) -> Result<Self, Error> {
        let mut errors = FieldErrors::default();
        self.model = errors
            .take("model", clean(&self.model, 1, 50, Lines::One))
            .unwrap_or_default();
        let mut optional = |field: &str, value: &mut Option<String>, max: usize, lines: Lines| {
            if let Some(text) = value.take() {
                *value = errors
                    .take(field, clean(&text, 0, max, lines))
                    .filter(|text| !text.is_empty());
            }
        };
        optional("store_name", &mut self.store_name, 200, Lines::One);
        optional("store_code", &mut self.store_code, 50, Lines::One);
        optional("installation_address", &mut self.installation_address, 500, Lines::Many);
        if !(MIN_INTERVAL_S..=MAX_INTERVAL_S).contains(&self.heartbeat_interval_s) {
            errors.add(
                "heartbeat_interval",
                format!("must be {MIN_INTERVAL_S} to {MAX_INTERVAL_S}"),
            );
        }
        if self
            .installed_date
            .zip(self.warranty_end_date)
            .is_some_and(|(installed, end)| end < installed)
        {
            errors.add("warranty_end_date", "must not be before installed_date");
        }
        errors.finish()?;
        Ok(self)
    }

    /// Returns what search looks in: serial number, shop, address.
    pub fn search_key(&self) -> String {
        let part = |value: &Option<String>| value.clone().unwrap_or_default();
        search_key(&format!(
            "{} {} {} {}",
            self.serial,
            part(&self.store_name),
            part(&self.store_code),
            part(&self.installation_address)
        ))
    }
}

/// What the PC said of itself when its agent enrolled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Its network card.
    pub mac_address: Option<String>,
    /// Its name.
    pub hostname: Option<String>,
    /// Its operating system: name, version and build in one line.
    pub os: Option<String>,
}

/// A terminal as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// Its id.
    pub id: TerminalId,
    /// What people can set.
    pub draft: TerminalDraft,
    /// How far it is in its life.
    pub lifecycle: Lifecycle,
    /// The PC.
    pub host: Host,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by a person.
    pub updated_at: Timestamp,
    /// Counts the changes by people.
    pub revision: Revision,
}

impl Terminal {
    /// Returns the terminal as a person wants it to be. An agent's token is good for the serial number with which it
    /// enrolled, so that number stays from then on (DECISIONS 35).
    ///
    /// # Errors
    /// [`Error::Conflict`] for a retired one, and for another serial number once an agent has enrolled;
    /// [`Error::Invalid`].
    pub fn changed(&self, draft: TerminalDraft, at: Timestamp) -> Result<Self, Error> {
        let refusal = match self.lifecycle {
            Lifecycle::Retired => Some("a retired terminal stays as it is"),
            Lifecycle::Active if draft.serial != self.draft.serial => {
                Some("an enrolled terminal keeps its serial number")
            }
            Lifecycle::Active | Lifecycle::Registered => None,
        };
        if let Some(refusal) = refusal {
            return Err(Error::Conflict(refusal.to_owned()));
        }
        Ok(Self {
            draft: draft.checked()?,
            updated_at: at,
            ..self.clone()
        })
    }
}

/// A terminal with all that a reader of it wants to see.
#[derive(Debug, Clone, PartialEq)]
pub struct TerminalView {
    /// The cold half.
    pub terminal: Terminal,
    /// The hot half.
    pub presence: Presence,
    /// The name of its customer.
    pub company_name: String,
    /// How many unresolved alerts it has.
    pub active_alerts: u64,
}
