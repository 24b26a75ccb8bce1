//! Upkeep: retention, counts, and whether the file can be trusted.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row;
use tms_core::{
    StoreError,
    settings::Retention,
    time::Timestamp,
    upkeep::{
        Health, SchemaState, UpkeepStore,
        store::{AuditGrants, Dropped},
    },
};

use super::{SqliteStore, error::OrFault, open::migrator};

const DAY: i64 = 86_400_000_000;
/// Rows that one transaction drops, so that heartbeats never wait long for their turn.
const AT_ONCE: i64 = 5_000;
/// Event ids of log lines are remembered so many days (DECISIONS 20).
const DEDUP_DAYS: u32 = 30;
const DROP_QUARTERS: &str =
    "DELETE FROM status_quarter WHERE at IN (SELECT at FROM status_quarter WHERE at < ?1 LIMIT ?2)";
const DROP_HOURS: &str = "DELETE FROM metric_hour WHERE (terminal_id, hour_at) IN
    (SELECT terminal_id, hour_at FROM metric_hour WHERE hour_at < ?1 LIMIT ?2)";
const DROP_DEDUP: &str = "DELETE FROM log_dedup WHERE (terminal_id, event_id) IN
    (SELECT terminal_id, event_id FROM log_dedup WHERE received_at < ?1 LIMIT ?2)";

/// The counts as the terminals themselves tell them.
macro_rules! present {
    () => {
        "SELECT customer_id, status, count(*) FROM terminal WHERE lifecycle <> 'retired' GROUP BY customer_id, status"
    };
}

/// Finds the first row that stays of a table whose rows lie in the order of time, and drops what lies before it. Where all
/// are old, those that come meanwhile are spared.
macro_rules! in_order {
    ($table:literal, $time:literal) => {
        (
            concat!(
                "SELECT coalesce((SELECT id FROM ",
                $table,
                " WHERE ",
                $time,
                " >= ? ORDER BY id LIMIT 1), (SELECT max(id) + 1 FROM ",
                $table,
                "), 0)"
            ),
            concat!(
                "DELETE FROM ",
                $table,
                " WHERE id IN (SELECT id FROM ",
                $table,
                " WHERE id < ?1 ORDER BY id LIMIT ?2)"
            ),
        )
    };
}

/// Drops what an index by time finds.
macro_rules! by_time {
    ($table:literal, $time:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE id IN (SELECT id FROM ",
            $table,
            " WHERE ",
            $time,
            " < ?1 LIMIT ?2)"
        )
    };
}

const HEARTBEATS: (&str, &str) = in_order!("heartbeat_history", "received_at");
const LOGS: (&str, &str) = in_order!("terminal_log", "received_at");
const DROP_CHANGES: &str = by_time!("status_change", "ended_at");
const DROP_OUTAGES: &str = by_time!("outage", "to_at");

#[async_trait]
impl UpkeepStore for SqliteStore {
    async fn ensure_partitions(&self, _now: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn drop_history(&self, keep: &Retention, now: Timestamp) -> Result<Dropped, StoreError> {
        // The day of `now` and so many before it stay.
        let before = |days: u32| (now.day() - i64::from(days)) * DAY;
        let mut rows = 0;
        for ((first, drop), days) in [(HEARTBEATS, keep.metrics_days), (LOGS, keep.logs_days)] {
            let first: i64 = sqlx::query_scalar(first)
                .bind(before(days))
                .fetch_one(&mut *self.read().await?)
                .await
                .or_fault("history", "")?;
            rows += self.drop_in_parts(drop, first).await?;
        }
        for (drop, days) in [
            (DROP_HOURS, keep.metrics_hourly_days),
            (DROP_QUARTERS, keep.status_changes_days),
            (DROP_CHANGES, keep.status_changes_days),
            (DROP_OUTAGES, keep.status_changes_days),
            (DROP_DEDUP, DEDUP_DAYS.min(keep.logs_days)),
        ] {
            rows += self.drop_in_parts(drop, before(days)).await?;
        }
        Ok(Dropped { partitions: 0, rows })
    }

    async fn compact_counts(&self) -> Result<(), StoreError> {
        // One writer changes the counts themselves; there is nothing to fold.
        Ok(())
    }

    async fn recount(&self) -> Result<bool, StoreError> {
        let mut work = self.begin(None).await?;
        let is_wrong: bool = sqlx::query_scalar(concat!(
            "WITH present (customer_id, status, terminals) AS (",
            present!(),
            "), kept AS (SELECT * FROM terminal_count WHERE terminals <> 0)
             SELECT EXISTS (SELECT * FROM kept EXCEPT SELECT * FROM present)
                 OR EXISTS (SELECT * FROM present EXCEPT SELECT * FROM kept)"
        ))
        .fetch_one(work.conn())
        .await
        .or_fault("count", "")?;
        if is_wrong {
            for statement in [
                "DELETE FROM terminal_count",
                concat!(
                    "INSERT INTO terminal_count (customer_id, status, terminals) ",
                    present!()
                ),
            ] {
                sqlx::query(statement)
                    .execute(work.conn())
                    .await
                    .or_fault("count", "")?;
            }
            work.commit().await?;
        }
        Ok(is_wrong)
    }

    async fn clock_skew(&self, _now: Timestamp) -> Result<Duration, StoreError> {
        Ok(Duration::ZERO)
    }

    async fn health(&self) -> Result<Health, StoreError> {
        let row = sqlx::query(
            "SELECT sqlite_version(), (SELECT max(version) FROM _sqlx_migrations WHERE success),
                    (SELECT journal_mode FROM pragma_journal_mode)",
        )
        .fetch_one(&mut *self.read().await?)
        .await
        .or_fault("database", "")?;
        let version: String = row.try_get(0).or_fault("database", "")?;
        let applied: Option<i64> = row.try_get(1).or_fault("database", "")?;
        let journal: String = row.try_get(2).or_fault("database", "")?;
        let mut hazards = Vec::new();
        if journal != "wal" {
            hazards.push(format!(
                "journal_mode is {journal}, not wal: keep the database on a local disk"
            ));
        }
        Ok(Health {
            schema: compare(applied),
            hazards,
            audit: AuditGrants::Right,
            closed: Vec::new(),
            version: format!("SQLite {version}"),
        })
    }
}

impl SqliteStore {
    async fn drop_in_parts(&self, statement: &'static str, before: i64) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let mut work = self.begin(None).await?;
            let dropped = sqlx::query(statement)
                .bind(before)
                .bind(AT_ONCE)
                .execute(work.conn())
                .await
                .or_fault("history", "")?
                .rows_affected();
            work.commit().await?;
            total += dropped;
            if dropped < AT_ONCE.unsigned_abs() {
                return Ok(total);
            }
            tokio::task::yield_now().await;
        }
    }
}

fn compare(applied: Option<i64>) -> SchemaState {
    let own = migrator().iter().map(|migration| migration.version).max();
    match applied.cmp(&own) {
        std::cmp::Ordering::Less => SchemaState::Older,
        std::cmp::Ordering::Equal => SchemaState::Current,
        std::cmp::Ordering::Greater => SchemaState::Newer,
    }
}

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;
    use crate::sqlite::event;

    /// What holds the only writer finds its rows by an index, however many stay.
    #[tokio::test]
    async fn retention_walks_through_no_table() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tms.sqlite3")).await.unwrap();
        for statement in [
            HEARTBEATS.1,
            LOGS.1,
            DROP_HOURS,
            DROP_QUARTERS,
            DROP_CHANGES,
            DROP_OUTAGES,
            DROP_DEDUP,
            event::DROP,
        ] {
            let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")))
                .fetch_all(&store.writer)
                .await
                .unwrap();
            let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
            assert!(!steps.is_empty(), "{statement}");
            assert!(
                !steps.iter().any(|step| step.starts_with("SCAN")),
                "{statement}: {steps:?}"
            );
        }
    }
}
