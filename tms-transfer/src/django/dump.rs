//! The objects of a dump, and how they refer to each other.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::Fields;
use crate::error::{TransferError, parse};

/// One object.
#[derive(Debug, Deserialize)]
pub(super) struct Object {
    pub(super) model: String,
    #[serde(default)]
    pk: Value,
    fields: Map<String, Value>,
}

impl Object {
    pub(super) fn fields(&self) -> Fields<'_> {
        Fields::new(&self.fields)
    }

    /// Names the object for people.
    pub(super) fn label(&self) -> String {
        format!(
            "{} {}",
            self.model,
            self.key().unwrap_or_else(|| "without a key".to_owned())
        )
    }

    /// Returns the primary key; a dump by natural keys has none.
    pub(super) fn key(&self) -> Option<String> {
        match &self.pk {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// Reads a list of objects, or one object a line.
pub(super) fn read(text: &str) -> Result<Vec<Object>, TransferError> {
    // A byte order mark, as some shells write.
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('[') {
        return parse(text);
    }
    if !text.starts_with('{') {
        return Err(TransferError::NoDump);
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| TransferError::form(&format!("line {}", number + 1), error))
    };
    lines.map(read).collect()
}

/// What objects of one kind are known by here, by their key in the dump.
#[derive(Debug, Default)]
pub(super) struct References {
    by_key: HashMap<String, String>,
    names: HashSet<String>,
}

impl References {
    /// Notes by what `object` is known here.
    pub(super) fn add(&mut self, object: &Object, name: String) {
        if let Some(key) = object.key() {
            self.by_key.insert(key, name.clone());
        }
        self.names.insert(name);
    }

    /// Tells whether something is known by this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns by what the object is known to which `value` refers: by its key, or by its natural key as a list.
    pub(super) fn find(&self, value: &Value) -> Option<String> {
        match value {
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(name)] => self.names.get(name).or_else(|| self.folded(name)).cloned(),
                _ => None,
            },
            Value::String(text) => self.by_key.get(text).or_else(|| self.names.get(text)).cloned(),
            Value::Number(number) => self.by_key.get(&number.to_string()).cloned(),
            _ => None,
        }
    }

    /// Names to sign in with are kept in lower case, serial numbers in upper case.
    fn folded(&self, name: &str) -> Option<&String> {
        self.names
            .get(&name.to_ascii_lowercase())
            .or_else(|| self.names.get(&name.to_ascii_uppercase()))
    }
}
