//! Fixtures: one JSON document with customers, people, terminals, maintenance, channels and settings, which refer to each
//! other by name.

mod form;

use std::fmt::Write as _;

use serde_json::Value;
use tms_core::{settings::Settings, transfer::Fixture};

use crate::error::{TransferError, parse};
use form::{Document, Wrong};

/// Reads a fixture.
///
/// # Errors
/// [`TransferError`] that says where the text is not of the form; unknown fields are refused.
pub fn read_fixture(text: &str) -> Result<Fixture, TransferError> {
    // The form is looked at first: a later one may have fields that are not known here.
    let any: Value = parse(text)?;
    match any.get("tms_fixture").and_then(Value::as_u64) {
        Some(1) => {}
        Some(other) => return Err(TransferError::Newer(u32::try_from(other).unwrap_or(u32::MAX))),
        None => return Err(TransferError::form("", "it does not begin with \"tms_fixture\": 1")),
    }
    let document: Document = parse(text)?;
    let settings = document.settings.as_ref().map(Settings::from_document).transpose();
    Ok(Fixture {
        customers: each("customers", document.customers, form::Customer::read)?,
        users: each("users", document.users, form::User::read)?,
        terminals: each("terminals", document.terminals, form::Terminal::read)?,
        maintenances: each("maintenances", document.maintenances, form::Maintenance::read)?,
        channels: each("channels", document.channels, form::Channel::read)?,
        settings: settings.map_err(|cause| TransferError::form("settings", cause))?,
        ..Fixture::default()
    })
}

/// Reads each of a kind, and says where one is wrong.
fn each<F, T>(kind: &str, forms: Vec<F>, read: impl Fn(F) -> Result<T, Wrong>) -> Result<Vec<T>, TransferError> {
    let read = |(index, form)| {
        let wrong = |(field, cause)| TransferError::form(&format!("{kind}[{index}].{field}"), cause);
        read(form).map_err(wrong)
    };
    forms.into_iter().enumerate().map(read).collect()
}

/// Writes a fixture, one thing a line, so that two of them can be compared line by line.
pub fn print_fixture(fixture: &Fixture) -> String {
    let document = Document::of(fixture);
    let mut text = String::from("{\n\"tms_fixture\": 1,\n");
    list(&mut text, "customers", &document.customers);
    list(&mut text, "users", &document.users);
    list(&mut text, "terminals", &document.terminals);
    list(&mut text, "maintenances", &document.maintenances);
    list(&mut text, "channels", &document.channels);
    let settings = document.settings.unwrap_or(Value::Null);
    // Text takes whatever is written to it.
    let _ = write!(text, "\"settings\": {settings}\n}}\n");
    text
}

fn list<T: serde::Serialize>(text: &mut String, name: &str, rows: &[T]) {
    let lines: Vec<String> = rows.iter().filter_map(|row| serde_json::to_string(row).ok()).collect();
    let (open, close) = if lines.is_empty() { ("", "") } else { ("\n", "\n") };
    let _ = writeln!(text, "\"{name}\": [{open}{}{close}],", lines.join(",\n"));
}

#[cfg(test)]
mod tests;
