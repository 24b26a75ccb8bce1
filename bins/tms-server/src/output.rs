//! What a command says: one JSON document or lines for people on standard output, messages on standard error.

use std::{
    error::Error,
    fmt::Display,
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::telemetry::Console;

/// Where a command speaks.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    is_json: bool,
}

impl Output {
    /// Speaks JSON or to people.
    pub fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// Returns where a server's logs go: standard output, unless it is kept for a document.
    pub fn console(self) -> Console {
        if self.is_json { Console::Error } else { Console::Output }
    }

    /// Says the result, in the one form or the other.
    pub fn result(self, json: &serde_json::Value, text: impl Display) {
        HAS_SPOKEN.store(true, Ordering::Relaxed);
        let mut out = std::io::stdout().lock();
        // Nobody may be listening any more; the work is done all the same.
        let _ = if self.is_json {
            writeln!(out, "{json}")
        } else {
            writeln!(out, "{text}")
        };
    }
}

/// Whether the one document is out.
static HAS_SPOKEN: AtomicBool = AtomicBool::new(false);

/// Says something by the way, to people only.
pub fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Says what is wrong.
pub fn complain(text: impl Display) {
    note(format_args!("tms: {text}"));
}

/// Says why a command failed, with the chain of causes.
pub fn fail(error: &anyhow::Error, output: Output) {
    let mut text = error.to_string();
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    refuse(&[text], output);
}

/// Says what is wrong, to people and, where a document is expected and none is out, in a document.
pub fn refuse(faults: &[String], output: Output) {
    for fault in faults {
        complain(fault);
    }
    if output.is_json && !HAS_SPOKEN.load(Ordering::Relaxed) {
        let document = serde_json::json!({ "ok": false, "error": faults.join("; ") });
        output.result(&document, "");
    }
}
