//! Logs of terminals as agents send and people read them.

use std::sync::Arc;

use super::{LogEntry, StoredLog, TerminalLogStore, store::LogFilter};
use crate::{
    ctx::{Actor, Ctx},
    error::{Error, FieldErrors},
    id::TerminalId,
    page::{Page, PageRequest},
    terminal::Terminals,
    text::{Lines, clean},
};

/// The most lines of one call.
pub const MAX_LINES: usize = 200;

/// Logs of terminals.
#[derive(Debug, Clone)]
pub struct TerminalLogs {
    store: Arc<dyn TerminalLogStore>,
    terminals: Terminals,
}

impl TerminalLogs {
    pub(crate) fn new(store: Arc<dyn TerminalLogStore>, terminals: Terminals) -> Self {
        Self { store, terminals }
    }

    /// Stores the lines of the agent's own terminal, all or none; returns how many were new.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong lines, [`Error::Denied`] when the actor is no agent.
    pub async fn append(&self, ctx: &Ctx, entries: Vec<LogEntry>) -> Result<u64, Error> {
        let Actor::Agent(agent) = &ctx.actor else {
            return Err(Error::Denied("logs of a terminal"));
        };
        let entries = check_entries(entries)?;
        Ok(self.store.append(agent.terminal, &entries, ctx.now).await?)
    }

    /// Lists the lines of a terminal, the last received first.
    pub async fn list(
        &self,
        ctx: &Ctx,
        terminal: TerminalId,
        filter: &LogFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredLog>, Error> {
        self.terminals.get(ctx, terminal).await?;
        Ok(self.store.list(terminal, filter, page).await?)
    }
}

/// Checks lines and drops repeats within the call.
fn check_entries(entries: Vec<LogEntry>) -> Result<Vec<LogEntry>, Error> {
    let mut errors = FieldErrors::default();
    if entries.is_empty() || entries.len() > MAX_LINES {
        return Err(FieldErrors::single("logs", format!("must have 1 to {MAX_LINES} lines")));
    }
    let mut seen = std::collections::HashSet::new();
    let mut checked = Vec::with_capacity(entries.len());
    for (index, mut entry) in entries.into_iter().enumerate() {
        let field = |name: &str| format!("logs[{index}].{name}");
        let id_fits = (1..=64).contains(&entry.event_id.len()) && entry.event_id.bytes().all(|b| b.is_ascii_graphic());
        if !id_fits {
            errors.add(field("event_id"), "must be 1 to 64 printable ASCII characters");
        }
        entry.kind = errors
            .take(&field("type"), clean(&entry.kind, 1, 50, Lines::One))
            .unwrap_or_default();
        entry.message = errors
            .take(&field("message"), clean(&entry.message, 0, 4_000, Lines::Many))
            .unwrap_or_default();
        if has_nul(&entry.details) {
            errors.add(field("details"), "must not contain control character NUL");
        }
        if seen.insert(entry.event_id.clone()) {
            checked.push(entry);
        }
    }
    errors.finish()?;
    Ok(checked)
}

/// Databases refuse the NUL character inside JSON text.
fn has_nul(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
