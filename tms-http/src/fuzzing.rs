//! Doors for fuzzers into what strangers can send: parse, print, parse again. Panics when the two readings differ.
//!
//! Not part of the interface; `fuzz/` and the replay of its corpus are the only callers.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a panic is how a fuzz target reports"
)]

use tms_core::{
    enrolment::CodeText,
    id::TerminalId,
    page::Cursor,
    secret::{Token, TokenKind},
    text::SerialNumber,
    time::Timestamp,
};

use crate::{
    api::{agent::heartbeat::check, terminal},
    csv::{Table, decode, line},
    json,
    paging::cursor::CursorKey,
    wire::agent::{HeartbeatRequest, LogBatch},
};

/// Reads the body of a heartbeat.
pub fn heartbeat(bytes: &[u8]) {
    let Ok((request, _)) = json::read_from_agent::<HeartbeatRequest<'_>>(bytes) else {
        return;
    };
    let printed = serde_json::to_vec(&request).unwrap();
    let (again, unknown) = json::read_from_agent::<HeartbeatRequest<'_>>(&printed).ok().unwrap();
    assert_eq!((request.clone(), 0), (again, unknown));
    let _ = check(&request, TerminalId::new(1).unwrap(), Timestamp::EPOCH);
}

/// Reads a batch of log lines.
pub fn logs(bytes: &[u8]) {
    let Ok((request, _)) = json::read_from_agent::<LogBatch<'_>>(bytes) else {
        return;
    };
    let printed = serde_json::to_vec(&request).unwrap();
    let (again, unknown) = json::read_from_agent::<LogBatch<'_>>(&printed).ok().unwrap();
    assert_eq!((request, 0), (again, unknown));
}

/// Reads a list of terminals; its rows must read again as they were printed, and none may panic as rows of an import.
pub fn csv(bytes: &[u8]) {
    let Ok(text) = decode(bytes, None) else {
        return;
    };
    let Ok(table) = Table::read(&text) else {
        return;
    };
    let _ = terminal::columns::list(&table);
    let mut printed = String::new();
    line(&mut printed, table.columns.iter().map(String::as_str));
    for row in &table.rows {
        line(&mut printed, row.cells.iter().map(String::as_str));
    }
    let again = Table::read(&printed).ok().unwrap();
    let cells = |table: &Table| -> Vec<Vec<String>> { table.rows.iter().map(|row| row.cells.clone()).collect() };
    assert_eq!((&table.columns, cells(&table)), (&again.columns, cells(&again)));
}

/// Reads a cursor; whatever passes must print as it came, and the text as a value must survive printing.
pub fn cursor(text: &str) {
    let key = CursorKey::new([7; 32]);
    if let Some(cursor) = key.parse(text, "list") {
        assert_eq!(key.print(&cursor, "list"), text);
    }
    let cursor = Cursor {
        value: text.chars().take(300).collect(),
        id: 5,
    };
    assert_eq!(key.parse(&key.print(&cursor, "list"), "list"), Some(cursor));
}

/// Reads a serial number.
pub fn serial_number(text: &str) {
    if let Ok(serial) = SerialNumber::parse(text) {
        assert_eq!(SerialNumber::parse(serial.as_str()), Ok(serial.clone()));
        assert!(serial.is_spelled(text));
    }
}

/// Reads an enrolment code.
pub fn enrolment_code(text: &str) {
    if let Ok(code) = CodeText::parse(text) {
        assert_eq!(CodeText::parse(&code.expose()), Ok(code));
    }
}

/// Reads a token; no text may pass for two kinds.
pub fn token(text: &str) {
    let kinds = [TokenKind::Access, TokenKind::Refresh, TokenKind::Agent];
    let read: Vec<Token> = kinds.iter().filter_map(|kind| Token::parse(*kind, text).ok()).collect();
    assert!(read.len() <= 1 && read.iter().all(|token| token.expose() == text));
}
