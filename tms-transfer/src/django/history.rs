//! Alerts and logs of the past.

use serde_json::{Value, json};
use tms_core::{
    alert::{Resolution, Resolved, Severity},
    terminal_log::{LogEntry, LogLevel},
    text::{Lines, SerialNumber, clean},
    time::Timestamp,
    transfer::{AlertEntry, LogLine},
};

use super::{Takeover, dump::Object, fields::Fields, report::Notes};

/// The longest message of a line, the longest note, the longest type of a line.
const MESSAGE: usize = 4_000;
const NOTES: usize = 2_000;
const TYPE: usize = 50;
/// Who it was when nobody is named.
const SOMEBODY: &str = "unknown";

impl Takeover<'_> {
    pub(super) fn alert(&mut self, object: &Object, notes: &mut Notes) -> Result<(), String> {
        let fields = object.fields();
        let serial = self.serial_of(fields)?;
        let word = fields.text(&["alert_type", "type"]).ok_or("it has no alert_type")?;
        let cause = self.mapping.cause(&word);
        let cause = cause.ok_or_else(|| format!("the alert type {word:?} is not known here; name it with --map"))?;
        let word = fields.text(&["severity", "level"]).ok_or("it has no severity")?;
        let severity = severity(&word).ok_or_else(|| format!("the severity {word:?} is not known here"))?;
        let zone = self.mapping.zone;
        let created_at = fields
            .time(&["created_at", "timestamp", "raised_at"], zone)
            .ok_or("it has no time")?;
        let alert = AlertEntry {
            serial,
            cause,
            severity,
            details: json!({
                "title": fields.text(&["title"]), "message": fields.text(&["message", "description"]),
                "details": fields.value(&["details", "data"]),
            }),
            created_at,
            acknowledged: self.acknowledged(fields, created_at),
            resolved: self.resolved(fields, created_at, notes),
        };
        let is_open = alert.resolved.is_none();
        if is_open && !self.open.insert((alert.serial.clone(), cause)) {
            return Err("another one of this terminal and cause is open too".to_owned());
        }
        if !self.moments.insert((alert.serial.clone(), cause, created_at)) {
            return Err("another one of this terminal and cause is of the same moment".to_owned());
        }
        self.fixture.alerts.push(alert);
        Ok(())
    }

    pub(super) fn log(&mut self, object: &Object, notes: &mut Notes) -> Result<(), String> {
        let fields = object.fields();
        let serial = self.serial_of(fields)?;
        let word = fields
            .text(&["level", "log_level"])
            .unwrap_or_else(|| "INFO".to_owned());
        let level = level(&word).ok_or_else(|| format!("the level {word:?} is not known here"))?;
        let times = ["timestamp", "logged_at", "created_at"];
        let timestamp = fields.time(&times, self.mapping.zone).ok_or("it has no time")?;
        let kind = fields
            .text(&["type", "log_type", "category"])
            .unwrap_or_else(|| "django".to_owned());
        let message = fields.text(&["message", "text"]).unwrap_or_default();
        let entry = LogEntry {
            event_id: event_id(object, fields)?,
            timestamp,
            level,
            kind: fitting(&kind, TYPE, "the type of the line", notes),
            message: fitting(&message, MESSAGE, "the message", notes),
            details: fields
                .value(&["details", "extra", "data"])
                .cloned()
                .unwrap_or(Value::Null),
        };
        self.fixture.logs.push(LogLine { serial, entry });
        Ok(())
    }

    fn serial_of(&self, fields: Fields<'_>) -> Result<SerialNumber, String> {
        let terminal = fields
            .value(&["terminal", "terminal_id", "device"])
            .ok_or("it has no terminal")?;
        let serial = self.terminals.find(terminal).ok_or("its terminal was not taken")?;
        SerialNumber::parse(&serial).map_err(|error| error.0)
    }

    fn acknowledged(&self, fields: Fields<'_>, created_at: Timestamp) -> Option<(String, Timestamp)> {
        let at = fields.time(&["acknowledged_at"], self.mapping.zone);
        let is_acknowledged = fields
            .flag(&["is_acknowledged", "acknowledged"])
            .unwrap_or(at.is_some());
        let by = self
            .person(fields, &["acknowledged_by"])
            .unwrap_or_else(|| SOMEBODY.to_owned());
        is_acknowledged.then(|| (by, at.unwrap_or(created_at)))
    }

    fn resolved(&self, fields: Fields<'_>, created_at: Timestamp, notes: &mut Notes) -> Option<Resolved> {
        let at = fields.time(&["resolved_at"], self.mapping.zone);
        if !fields.flag(&["is_resolved", "resolved"]).unwrap_or(at.is_some()) {
            return None;
        }
        let by = self.person(fields, &["resolved_by"]);
        let text = fields.text(&["resolution_notes", "resolution", "notes"]);
        Some(Resolved {
            resolution: if by.is_some() {
                Resolution::Operator
            } else {
                Resolution::Auto
            },
            by,
            at: at.unwrap_or(created_at),
            notes: text.map(|text| fitting(&text, NOTES, "the note", notes)),
        })
    }

    /// Returns who did something: a person of the dump, or a name.
    fn person(&self, fields: Fields<'_>, names: &[&str]) -> Option<String> {
        let value = fields.value(names)?;
        self.users.find(value).or_else(|| value.as_str().map(str::to_owned))
    }
}

fn severity(word: &str) -> Option<Severity> {
    match word.to_uppercase().as_str() {
        "ERROR" => Some(Severity::High),
        "WARNING" => Some(Severity::Medium),
        known => known.parse().ok(),
    }
}

fn level(word: &str) -> Option<LogLevel> {
    match word.to_uppercase().as_str() {
        "WARN" => Some(LogLevel::Warning),
        "FATAL" => Some(LogLevel::Critical),
        "TRACE" => Some(LogLevel::Debug),
        known => known.parse().ok(),
    }
}

/// Names the line, the same each time, so that a second run finds it there.
fn event_id(object: &Object, fields: Fields<'_>) -> Result<String, String> {
    let key = || object.key().map(|key| format!("django-{key}"));
    let id = fields
        .text(&["event_id"])
        .or_else(key)
        .ok_or("it has neither a key nor an event_id")?;
    if (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(id)
    } else {
        Err("its event_id is not 1 to 64 printable characters".to_owned())
    }
}

/// Shortens a text to what has room here, and drops control characters.
fn fitting(text: &str, most: usize, what: &str, notes: &mut Notes) -> String {
    if let Ok(text) = clean(text, 0, most, Lines::Many) {
        return text;
    }
    notes.insert(format!("{what} was cut or cleaned"));
    let is_kept = |c: &char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars()
        .filter(is_kept)
        .take(most)
        .collect::<String>()
        .trim()
        .to_owned()
}
