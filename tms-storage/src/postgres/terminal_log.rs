//! Lines that agents send.

use std::collections::HashSet;

use async_trait::async_trait;
use sqlx::{PgConnection, QueryBuilder, types::Json};
use tms_core::{
    StoreError,
    id::{LogId, TerminalId},
    page::{Cursor, Page, PageRequest, PageStart},
    terminal_log::{LogEntry, StoredLog, TerminalLogStore, store::LogFilter},
    time::Timestamp,
};

use super::{
    cells::Cells,
    error::Fault,
    listing::{COUNT, Conditions, count, cursor_time, push_limit},
    pool::PgStore,
    time::At,
};

#[async_trait]
impl TerminalLogStore for PgStore {
    async fn append(&self, terminal: TerminalId, entries: &[LogEntry], now: Timestamp) -> Result<u64, StoreError> {
        self.bounded(async {
            match self.append_lines(terminal, entries, now).await {
                Err(fault) if fault.is_missing_partition() => {
                    self.add_partitions(Some(now), Some(now)).await?;
                    self.append_lines(terminal, entries, now).await
                }
                outcome => outcome,
            }
        })
        .await
    }

    async fn list(
        &self,
        terminal: TerminalId,
        filter: &LogFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredLog>, StoreError> {
        self.bounded(self.list_lines(terminal, filter, page)).await
    }
}

impl PgStore {
    async fn append_lines(&self, terminal: TerminalId, entries: &[LogEntry], now: Timestamp) -> Result<u64, Fault> {
        let mut tx = self.begin().await?;
        let known: Option<i32> = sqlx::query_scalar("SELECT 1 FROM terminal WHERE id = $1")
            .bind(terminal.get())
            .fetch_optional(&mut *tx)
            .await?;
        if known.is_none() {
            return Err(Fault::missing("terminal", terminal));
        }
        let stored = append_lines(&mut tx, terminal, entries, now).await?;
        tx.commit().await?;
        Ok(stored)
    }

    async fn list_lines(
        &self,
        terminal: TerminalId,
        filter: &LogFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredLog>, Fault> {
        let mut connection = self.pool().acquire().await?;
        let total = if page.count {
            let mut counting = QueryBuilder::new(COUNT);
            counting.push("terminal_log");
            conditions(terminal, filter, &mut Conditions::of(&mut counting));
            Some(count(&mut connection, &mut counting).await?)
        } else {
            None
        };
        let mut query = QueryBuilder::new(
            "SELECT id, event_id, logged_at, level, kind, message, details, received_at FROM terminal_log",
        );
        let mut all = Conditions::of(&mut query);
        conditions(terminal, filter, &mut all);
        if let PageStart::After(cursor) = &page.start {
            let time = At::from(cursor_time(cursor));
            all.and("received_at <= ").push_bind(time);
            all.and("(received_at, id) < (")
                .push_bind(time)
                .push(", ")
                .push_bind(cursor.id)
                .push(")");
        }
        query.push(" ORDER BY received_at DESC, id DESC");
        push_limit(&mut query, page);
        let rows = query.build().fetch_all(&mut *connection).await?;
        let items = rows.iter().map(|row| read(&mut Cells::of("terminal log", row)));
        Ok(Page::from_rows(
            items.collect::<Result<_, _>>()?,
            page.limit,
            total,
            |log: &StoredLog| Cursor {
                value: log.received_at.as_micros().to_string(),
                id: log.id.get(),
            },
        ))
    }
}

/// Stores the lines that are new and returns how many those were; the transaction is the caller's.
pub(super) async fn append_lines(
    tx: &mut PgConnection,
    terminal: TerminalId,
    entries: &[LogEntry],
    now: Timestamp,
) -> Result<u64, Fault> {
    let mut names: Vec<_> = entries.iter().map(|entry| entry.event_id.as_str()).collect();
    // In one order everywhere, so that two batches with the same names wait for each other instead of locking up.
    names.sort_unstable();
    names.dedup();
    let fresh: Vec<String> = sqlx::query_scalar(
        "INSERT INTO log_dedup (terminal_id, event_id, received_at) \
         SELECT $1, name, $3 FROM unnest($2::text[]) AS name ON CONFLICT DO NOTHING RETURNING event_id",
    )
    .bind(terminal.get())
    .bind(&names)
    .bind(At::from(now))
    .fetch_all(&mut *tx)
    .await?;
    let mut fresh: HashSet<_> = fresh.iter().map(String::as_str).collect();
    let new: Vec<_> = entries
        .iter()
        .filter(|entry| fresh.remove(entry.event_id.as_str()))
        .collect();
    insert(tx, terminal, &new, now).await?;
    Ok(u64::try_from(new.len()).unwrap_or(u64::MAX))
}

fn read(cells: &mut Cells<'_>) -> Result<StoredLog, Fault> {
    let id = cells.id(LogId::new)?;
    let entry = LogEntry {
        event_id: cells.get()?,
        timestamp: cells.time()?,
        level: cells.parse()?,
        kind: cells.get()?,
        message: cells.get()?,
        details: cells
            .get::<Option<Json<_>>>()?
            .map_or(serde_json::Value::Null, |details| details.0),
    };
    Ok(StoredLog {
        id,
        entry,
        received_at: cells.time()?,
    })
}

fn conditions(terminal: TerminalId, filter: &LogFilter, all: &mut Conditions<'_>) {
    all.and("terminal_id = ").push_bind(terminal.get());
    if let Some(level) = filter.level {
        all.and("level = ").push_bind(level.as_str());
    }
    if let Some(kind) = &filter.kind {
        all.and("kind = ").push_bind(kind.clone());
    }
    if let Some(text) = &filter.text {
        // In the C collation only ASCII letters have a case.
        all.and("strpos(lower(message COLLATE \"C\"), ")
            .push_bind(text.to_ascii_lowercase())
            .push(") > 0");
    }
}

async fn insert(tx: &mut PgConnection, terminal: TerminalId, lines: &[&LogEntry], now: Timestamp) -> Result<(), Fault> {
    fn each<T>(lines: &[&LogEntry], value: impl Fn(&LogEntry) -> T) -> Vec<T> {
        lines.iter().map(|line| value(line)).collect()
    }
    if lines.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO terminal_log (terminal_id, received_at, event_id, logged_at, level, kind, message, details) \
         SELECT $1, $2, l.event_id, l.logged_at, l.level, l.kind, l.message, l.details \
         FROM unnest($3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::jsonb[]) \
         WITH ORDINALITY AS l (event_id, logged_at, level, kind, message, details, place) ORDER BY l.place",
    )
    .bind(terminal.get())
    .bind(At::from(now))
    .bind(lines.iter().map(|line| line.event_id.as_str()).collect::<Vec<_>>())
    .bind(each(lines, |line| At::from(line.timestamp)))
    .bind(each(lines, |line| line.level.as_str()))
    .bind(lines.iter().map(|line| line.kind.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.message.as_str()).collect::<Vec<_>>())
    .bind(each(lines, |line| {
        Some(Json(line.details.clone())).filter(|details| !details.0.is_null())
    }))
    .execute(tx)
    .await?;
    Ok(())
}
