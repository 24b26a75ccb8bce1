//! Which model is what: by the usual names, or as a file says.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::Deserialize;
use tms_core::{alert::Cause, named_enum, permission::Role};

use crate::error::{TransferError, parse};

named_enum!(
    /// What a model stands for, in the order in which they refer to each other.
    Kind {
        /// A group of people.
        Group = "group",
        /// A company.
        Customer = "customer",
        /// A person.
        User = "user",
        /// An image of firmware.
        Firmware = "firmware",
        /// A card reader.
        Terminal = "terminal",
        /// A problem.
        Alert = "alert",
        /// A line of a terminal's log.
        Log = "log",
    }
);

/// Which model is what, and what its words mean here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    models: BTreeMap<String, Kind>,
    causes: BTreeMap<String, Cause>,
    roles: BTreeMap<String, Role>,
    pub(super) zone: Tz,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            models: BTreeMap::new(),
            causes: BTreeMap::new(),
            roles: BTreeMap::new(),
            zone: Tz::Asia__Tokyo,
        }
    }
}

/// A mapping as it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    models: BTreeMap<String, String>,
    #[serde(default)]
    alert_types: BTreeMap<String, String>,
    #[serde(default)]
    roles: BTreeMap<String, String>,
    #[serde(default)]
    time_zone: Option<String>,
}

/// Applications of Django itself whose models are never what their names say.
const DJANGOS_OWN: &[&str] = &["admin", "contenttypes", "sessions", "sites", "messages"];

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// [`TransferError`] that names what is wrong.
    pub fn read(text: &str) -> Result<Self, TransferError> {
        fn each<T: std::str::FromStr>(
            name: &str,
            words: BTreeMap<String, String>,
        ) -> Result<BTreeMap<String, T>, TransferError>
        where
            T::Err: std::fmt::Display,
        {
            let read = |(from, to): (String, String)| {
                let to = to
                    .parse::<T>()
                    .map_err(|error| TransferError::form(&format!("{name}.{from}"), error))?;
                Ok((from.to_lowercase(), to))
            };
            words.into_iter().map(read).collect()
        }
        let document: Document = parse(text)?;
        let zone = document.time_zone.as_deref().map(str::parse::<Tz>).transpose();
        let zone = zone.map_err(|_| TransferError::form("time_zone", "must be a name such as Asia/Tokyo"))?;
        Ok(Self {
            models: each("models", document.models)?,
            causes: each("alert_types", document.alert_types)?,
            roles: each("roles", document.roles)?,
            zone: zone.unwrap_or(Tz::Asia__Tokyo),
        })
    }

    /// Returns what a model is.
    pub(super) fn kind(&self, model: &str) -> Option<Kind> {
        let model = model.to_lowercase();
        if let Some(kind) = self.models.get(&model) {
            return Some(*kind);
        }
        let (application, name) = model.split_once('.')?;
        if DJANGOS_OWN.contains(&application) {
            return None;
        }
        match name {
            "group" if application == "auth" => Some(Kind::Group),
            "customer" => Some(Kind::Customer),
            "user" | "customuser" => Some(Kind::User),
            "firmware" | "firmwareversion" => Some(Kind::Firmware),
            "terminal" => Some(Kind::Terminal),
            "alert" => Some(Kind::Alert),
            "terminallog" | "devicelog" | "agentlog" | "log" => Some(Kind::Log),
            _ => None,
        }
    }

    /// Returns the cause of a type of alert.
    pub(super) fn cause(&self, word: &str) -> Option<Cause> {
        let word = word.to_lowercase();
        self.causes.get(&word).copied().or_else(|| word.parse().ok())
    }

    /// Returns the role of a group or of a word in a field.
    pub(super) fn role(&self, word: &str) -> Option<Role> {
        let word = word.to_lowercase();
        self.roles.get(&word).copied().or_else(|| word.parse().ok())
    }
}
