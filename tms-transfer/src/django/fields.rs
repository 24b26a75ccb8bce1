//! The fields of an object, under any of the names by which systems call them.

use chrono::{LocalResult, NaiveDate, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;
use serde_json::{Map, Value};
use tms_core::time::Timestamp;

/// The fields of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn new(fields: &'a Map<String, Value>) -> Self {
        Self(fields)
    }

    /// Returns the first of these fields that has a value.
    pub(super) fn value(self, names: &[&str]) -> Option<&'a Value> {
        names
            .iter()
            .filter_map(|name| self.0.get(*name))
            .find(|value| !value.is_null())
    }

    /// Returns a text that is not empty; numbers are texts too.
    pub(super) fn text(self, names: &[&str]) -> Option<String> {
        let text = match self.value(names)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    pub(super) fn flag(self, names: &[&str]) -> Option<bool> {
        self.value(names)?.as_bool()
    }

    pub(super) fn number(self, names: &[&str]) -> Option<u32> {
        self.value(names)?
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
    }

    pub(super) fn date(self, names: &[&str]) -> Option<NaiveDate> {
        let text = self.text(names)?;
        // A moment where a day is meant.
        text.get(..10)?.parse().ok()
    }

    /// Returns a moment; one without an offset is of the time zone that the system ran in.
    pub(super) fn time(self, names: &[&str], zone: Tz) -> Option<Timestamp> {
        let text = self.text(names)?.replacen(' ', "T", 1);
        if let Ok(at) = text.parse() {
            return Some(at);
        }
        let local: NaiveDateTime = text.parse().ok()?;
        match zone.from_local_datetime(&local) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc().into()),
            LocalResult::None => None,
        }
    }
}
