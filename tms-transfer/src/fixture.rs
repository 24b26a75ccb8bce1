//! Fixtures: one JSON document with customers, people, terminals and settings, which refer to each other by name.

mod form;

use std::fmt::Write as _;

use serde_json::Value;
use tms_core::{settings::Settings, transfer::Fixture};

use crate::error::{TransferError, parse};
use form::Document;

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
    let mut fixture = Fixture::default();
    for (index, customer) in document.customers.into_iter().enumerate() {
        let read = customer.read();
        let read = read.map_err(|(field, cause)| TransferError::form(&format!("customers[{index}].{field}"), cause))?;
        fixture.customers.push(read);
    }
    for (index, user) in document.users.into_iter().enumerate() {
        let read = user.read();
        let read = read.map_err(|(field, cause)| TransferError::form(&format!("users[{index}].{field}"), cause))?;
        fixture.users.push(read);
    }
    for (index, terminal) in document.terminals.into_iter().enumerate() {
        let read = terminal.read();
        let read = read.map_err(|(field, cause)| TransferError::form(&format!("terminals[{index}].{field}"), cause))?;
        fixture.terminals.push(read);
    }
    let settings = document.settings.as_ref().map(Settings::from_document).transpose();
    fixture.settings = settings.map_err(|cause| TransferError::form("settings", cause))?;
    Ok(fixture)
}

/// Writes a fixture, one thing a line, so that two of them can be compared line by line.
pub fn print_fixture(fixture: &Fixture) -> String {
    let document = Document::of(fixture);
    let mut text = String::from("{\n\"tms_fixture\": 1,\n");
    list(&mut text, "customers", &document.customers);
    list(&mut text, "users", &document.users);
    list(&mut text, "terminals", &document.terminals);
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
