//! Logs of terminals.

use std::{collections::HashSet, sync::LazyLock};

use async_trait::async_trait;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    id::{LogId, TerminalId},
    page::{Order, Page, PageRequest},
    terminal_log::{LogEntry, StoredLog, TerminalLogStore, store::LogFilter},
    time::Timestamp,
};

use super::{
    SqliteStore,
    bulk::Bulk,
    error::OrFault,
    fields::Fields,
    listing::{Listing, Query, by_id},
};

const KIND: &str = "log";

static SEEN: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO log_dedup (terminal_id, event_id, received_at) VALUES ",
        3,
        " ON CONFLICT DO NOTHING RETURNING event_id",
    )
});

static LINES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO terminal_log (terminal_id, event_id, timestamp, received_at, level, kind, message, details)
         VALUES ",
        8,
        "",
    )
});

#[async_trait]
impl TerminalLogStore for SqliteStore {
    async fn append(&self, terminal: TerminalId, entries: &[LogEntry], now: Timestamp) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let stored = append_lines(work.conn(), terminal, entries, now).await?;
        work.commit().await?;
        Ok(stored)
    }

    async fn list(
        &self,
        terminal: TerminalId,
        filter: &LogFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredLog>, StoreError> {
        let listing = Listing {
            kind: KIND,
            around: ("", ""),
            columns: "*",
            from: "terminal_log",
            key: None,
            id: "id",
            order: Order::Descending,
        };
        let conditions = |query: &mut Query| {
            query.push(" AND terminal_id = ").push_bind(terminal.get());
            if let Some(level) = filter.level {
                query.push(" AND level = ").push_bind(level.as_str());
            }
            if let Some(kind) = &filter.kind {
                query.push(" AND kind = ").push_bind(kind.clone());
            }
            if let Some(text) = &filter.text {
                // SQLite's lower() knows ASCII only, which is just what is promised.
                query
                    .push(" AND instr(lower(message), ")
                    .push_bind(text.to_ascii_lowercase())
                    .push(") > 0");
            }
        };
        let mut conn = self.read().await?;
        listing
            .page(&mut conn, page, &conditions, read, |line| by_id(line.id.get()))
            .await
    }
}

/// Stores the lines that are new and returns how many those were; the transaction is the caller's.
pub(super) async fn append_lines(
    conn: &mut SqliteConnection,
    terminal: TerminalId,
    entries: &[LogEntry],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let rows = SEEN
        .fetch(conn, entries, |entry, binds| {
            binds.add(terminal.get()).add(entry.event_id.clone()).time(now);
        })
        .await
        .or_fault(KIND, terminal)?;
    let mut unseen = rows
        .iter()
        .map(|row| Fields::new(KIND, row).get("event_id"))
        .collect::<Result<HashSet<String>, _>>()?;
    // Of lines with one id in the same call the first counts.
    let lines: Vec<&LogEntry> = entries.iter().filter(|entry| unseen.remove(&entry.event_id)).collect();
    LINES
        .execute(conn, &lines, |entry, binds| {
            binds
                .add(terminal.get())
                .add(entry.event_id.clone())
                .time(entry.timestamp)
                .time(now)
                .add(entry.level.as_str())
                .add(entry.kind.clone())
                .add(entry.message.clone())
                .add(entry.details.to_string());
        })
        .await
        .or_fault("terminal", terminal)?;
    Ok(u64::try_from(lines.len()).unwrap_or(0))
}

fn read(row: &SqliteRow) -> Result<StoredLog, StoreError> {
    let fields = Fields::new(KIND, row);
    Ok(StoredLog {
        id: fields.id("id", LogId::new)?,
        entry: LogEntry {
            event_id: fields.get("event_id")?,
            timestamp: fields.time("timestamp")?,
            level: fields.named("level")?,
            kind: fields.get("kind")?,
            message: fields.get("message")?,
            details: fields.json("details")?,
        },
        received_at: fields.time("received_at")?,
    })
}
