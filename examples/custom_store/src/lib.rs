//! A store of one's own: the logs of terminals as JSON lines in a folder, one file a terminal; everything else stays in
//! another store. Logs are a good aggregate to begin with, since only transfers share their transactions.
//!
//! `tests/conformance.rs` is all it takes to know that it keeps the port's promises.

mod transfer;
mod upkeep;

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use tms_core::{
    StoreError, Stores,
    id::{EntityRef, LogId, TerminalId},
    page::{Cursor, MAX_COUNTED, Page, PageRequest, PageStart},
    terminal_log::{LogEntry, StoredLog, TerminalLogStore, store::LogFilter},
    time::Timestamp,
};

/// Keeps the logs of terminals as JSON lines.
#[derive(Debug)]
pub struct JsonLinesLogs {
    folder: PathBuf,
    /// One writer at a time; readers read whole lines only.
    writing: Mutex<()>,
}

impl JsonLinesLogs {
    /// Uses this folder, which must exist.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            writing: Mutex::new(()),
        }
    }

    /// Puts this store in the place of the one that `stores` has; upkeep must know of it, to drop what is old, and so must
    /// transfers, which bring lines along.
    #[must_use]
    pub fn instead_of(self, stores: Stores) -> Stores {
        let logs = Arc::new(self);
        let upkeep = upkeep::WithLogs::new(Arc::clone(&logs), stores.upkeep);
        let transfers = transfer::WithLogs::new(Arc::clone(&logs), stores.transfers, Arc::clone(&stores.terminals));
        Stores {
            logs,
            upkeep: Arc::new(upkeep),
            transfers: Arc::new(transfers),
            ..stores
        }
    }

    fn file(&self, terminal: TerminalId) -> PathBuf {
        self.folder.join(format!("{terminal}.jsonl"))
    }

    fn read(&self, terminal: TerminalId) -> Result<Vec<StoredLog>, StoreError> {
        let file = match File::open(self.file(terminal)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::Unavailable(error.into())),
        };
        let mut logs = Vec::new();
        for (number, line) in (1..).zip(BufReader::new(file).lines()) {
            let line = line.map_err(|error| StoreError::Unavailable(error.into()))?;
            let corrupt = || StoreError::Corrupt(EntityRef::new("log line", number), "not a log line".into());
            let value: Value = serde_json::from_str(&line).map_err(|_| corrupt())?;
            logs.push(decode(number, &value).ok_or_else(corrupt)?);
        }
        Ok(logs)
    }

    /// Drops lines received before `from`; returns how many there were.
    fn drop_before(&self, from: Timestamp) -> Result<u64, StoreError> {
        let unavailable = |error: io::Error| StoreError::Unavailable(error.into());
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dropped = 0;
        for entry in fs::read_dir(&self.folder).map_err(unavailable)? {
            let name = entry.map_err(unavailable)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".jsonl")?.parse().ok());
            let Some(terminal) = id else { continue };
            let logs = self.read(terminal)?;
            let kept: Vec<_> = logs.iter().filter(|log| log.received_at >= from).collect();
            dropped += u64::try_from(logs.len() - kept.len()).unwrap_or(0);
            let mut lines = String::new();
            for log in kept {
                lines.push_str(&encode(&log.entry, log.received_at).to_string());
                lines.push('\n');
            }
            let beside = self.folder.join(format!("{terminal}.next"));
            fs::write(&beside, lines).map_err(unavailable)?;
            fs::rename(&beside, self.file(terminal)).map_err(unavailable)?;
        }
        Ok(dropped)
    }

    fn write(&self, terminal: TerminalId, lines: &str) -> io::Result<()> {
        let path = self.file(terminal);
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        let length = file.metadata()?.len();
        let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            // All or none: half a call must not stay.
            file.set_len(length)?;
        }
        written
    }
}

#[async_trait]
impl TerminalLogStore for JsonLinesLogs {
    async fn append(&self, terminal: TerminalId, entries: &[LogEntry], now: Timestamp) -> Result<u64, StoreError> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known: HashSet<String> = self.read(terminal)?.into_iter().map(|log| log.entry.event_id).collect();
        let mut lines = String::new();
        let mut count = 0;
        for entry in entries.iter().filter(|entry| known.insert(entry.event_id.clone())) {
            lines.push_str(&encode(entry, now).to_string());
            lines.push('\n');
            count += 1;
        }
        self.write(terminal, &lines)
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        Ok(count)
    }

    async fn list(
        &self,
        terminal: TerminalId,
        filter: &LogFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredLog>, StoreError> {
        let mut logs = self.read(terminal)?;
        logs.retain(|log| matches(filter, &log.entry));
        logs.reverse();
        // Beyond the counted a total means "more".
        let total = page
            .count
            .then(|| u64::try_from(logs.len()).unwrap_or(u64::MAX).min(MAX_COUNTED + 1));
        match &page.start {
            PageStart::First => {}
            PageStart::After(cursor) => logs.retain(|log| log.id.get() < cursor.id),
            PageStart::Offset(rows) => drop(logs.drain(..logs.len().min(usize::try_from(*rows).unwrap_or(usize::MAX)))),
        }
        let cursor = |log: &StoredLog| Cursor {
            value: String::new(),
            id: log.id.get(),
        };
        Ok(Page::from_rows(logs, page.limit, total, cursor))
    }
}

fn matches(filter: &LogFilter, entry: &LogEntry) -> bool {
    let has_text = |text: &String| entry.message.to_ascii_lowercase().contains(&text.to_ascii_lowercase());
    filter.level.is_none_or(|level| level == entry.level)
        && filter.kind.as_ref().is_none_or(|kind| *kind == entry.kind)
        && filter.text.as_ref().is_none_or(has_text)
}

fn encode(entry: &LogEntry, now: Timestamp) -> Value {
    json!({
        "event_id": entry.event_id,
        "timestamp": entry.timestamp.as_micros(),
        "received_at": now.as_micros(),
        "level": entry.level.as_str(),
        "type": entry.kind,
        "message": entry.message,
        "details": entry.details,
    })
}

fn decode(number: i64, value: &Value) -> Option<StoredLog> {
    let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
    let time = |key: &str| value.get(key)?.as_i64().map(Timestamp::from_micros);
    let entry = LogEntry {
        event_id: text("event_id")?,
        timestamp: time("timestamp")?,
        level: text("level")?.parse().ok()?,
        kind: text("type")?,
        message: text("message")?,
        details: value.get("details")?.clone(),
    };
    Some(StoredLog {
        id: LogId::new(number).ok()?,
        entry,
        received_at: time("received_at")?,
    })
}
