//! Upkeep: partitions, retention, counts, and whether the database can be trusted.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use tms_core::{
    StoreError,
    settings::Retention,
    time::Timestamp,
    upkeep::{Health, SchemaState, UpkeepStore, store::Dropped},
};

use super::{
    cells::unsigned,
    error::Fault,
    migrate,
    partition::{date, ensure_around},
    pool::PgStore,
    time::At,
};

/// How long one piece of upkeep may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the names of lines are remembered, in days.
const LOG_NAMES_DAYS: u32 = 30;
/// How many rows are deleted at a time where there are no partitions.
const STEP: i64 = 10_000;

#[async_trait]
impl UpkeepStore for PgStore {
    async fn ensure_partitions(&self, now: Timestamp) -> Result<(), StoreError> {
        self.bounded(ensure_around(self.pool(), now)).await
    }

    async fn drop_history(&self, keep: &Retention, now: Timestamp) -> Result<Dropped, StoreError> {
        self.bounded_by(PATIENCE, async {
            let mut dropped = Dropped::default();
            for (table, days) in [
                ("heartbeat_history", keep.metrics_days),
                ("metric_hour", keep.metrics_hourly_days),
                ("status_change", keep.status_changes_days),
                ("terminal_log", keep.logs_days),
            ] {
                dropped.partitions += self.drop_partitions(table, kept_from(now, days)).await?;
            }
            let outages = sqlx::query("DELETE FROM outage WHERE to_at < $1")
                .bind(At::from(kept_from(now, keep.status_changes_days)))
                .execute(self.pool())
                .await?;
            dropped.rows += outages.rows_affected();
            let quarters = sqlx::query("DELETE FROM status_quarter WHERE at < $1")
                .bind(At::from(kept_from(now, keep.status_changes_days)))
                .execute(self.pool())
                .await?;
            dropped.rows += quarters.rows_affected();
            // Names of lines are not counted: nobody can read them.
            self.drop_log_names(kept_from(now, LOG_NAMES_DAYS.min(keep.logs_days)))
                .await?;
            Ok(dropped)
        })
        .await
    }

    async fn compact_counts(&self) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query(
                "WITH gone AS (DELETE FROM terminal_count_delta RETURNING customer_id, status, n) \
                 INSERT INTO terminal_count AS c (customer_id, status, n) \
                 SELECT customer_id, status, sum(n) FROM gone GROUP BY customer_id, status \
                 ORDER BY customer_id, status \
                 ON CONFLICT (customer_id, status) DO UPDATE SET n = c.n + excluded.n",
            )
            .execute(self.pool())
            .await?;
            Ok(())
        })
        .await
    }

    async fn recount(&self) -> Result<bool, StoreError> {
        self.bounded_by(PATIENCE, async {
            let mut tx = self.begin().await?;
            sqlx::query("SET LOCAL statement_timeout = '60s'")
                .execute(&mut *tx)
                .await?;
            // Two at a time would mend the same difference twice.
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('tms_recount', 0))")
                .execute(&mut *tx)
                .await?;
            let mended = sqlx::query(
                "INSERT INTO terminal_count_delta (customer_id, status, n) \
                 SELECT customer_id, status, sum(n) FROM (\
                 SELECT customer_id, status, count(*) AS n FROM terminal WHERE lifecycle <> 'retired' \
                 GROUP BY customer_id, status \
                 UNION ALL SELECT customer_id, status, -n FROM terminal_count \
                 UNION ALL SELECT customer_id, status, -n FROM terminal_count_delta) AS difference \
                 GROUP BY customer_id, status HAVING sum(n) <> 0",
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(mended.rows_affected() > 0)
        })
        .await
    }

    async fn clock_skew(&self, now: Timestamp) -> Result<Duration, StoreError> {
        self.bounded(async {
            let theirs: At = sqlx::query_scalar("SELECT clock_timestamp()")
                .fetch_one(self.pool())
                .await?;
            let theirs = theirs.time();
            Ok(theirs.since(now).max(now.since(theirs)))
        })
        .await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        self.bounded(async {
            let (version, fsync, pages, commit): (String, String, String, String) = sqlx::query_as(
                "SELECT current_setting('server_version'), current_setting('fsync'), \
                 current_setting('full_page_writes'), current_setting('synchronous_commit')",
            )
            .fetch_one(self.pool())
            .await?;
            let version = version.split_whitespace().next().unwrap_or_default();
            Ok(Health {
                schema: self.schema().await?,
                hazards: hazards(&fsync, &pages, &commit),
                audit: self.audit_grants().await?,
                closed: self.closed_tables().await?,
                version: format!("PostgreSQL {version}"),
            })
        })
        .await
    }
}

/// Returns the start of the first day that is kept.
fn kept_from(now: Timestamp, days: u32) -> Timestamp {
    Timestamp::from_secs((now.day() - i64::from(days)) * 86_400)
}

fn hazards(fsync: &str, pages: &str, commit: &str) -> Vec<String> {
    let mut hazards = Vec::new();
    let mut check = |is_safe: bool, setting: &str| {
        if !is_safe {
            hazards.push(format!(
                "{setting} is off, so that a crash loses work that was acknowledged: run \
                 `ALTER SYSTEM SET {setting} = on; SELECT pg_reload_conf();` as a superuser"
            ));
        }
    };
    check(fsync == "on", "fsync");
    check(pages == "on", "full_page_writes");
    check(commit != "off", "synchronous_commit");
    hazards
}

impl PgStore {
    /// Drops one partition at a time. Where somebody reads the table, the rest waits for the next time: who waits for the
    /// lock would make heartbeats wait behind it.
    async fn drop_partitions(&self, table: &str, keep_from: Timestamp) -> Result<u64, Fault> {
        let mut dropped = 0;
        loop {
            let step: Result<i64, _> = sqlx::query_scalar("SELECT tms_drop_partitions($1, $2)")
                .bind(table)
                .bind(date(keep_from))
                .fetch_one(self.pool())
                .await;
            match step.map_err(Fault::from) {
                Ok(0) => return Ok(dropped),
                Ok(step) => dropped += unsigned(step),
                Err(fault) if fault.is_lock_timeout() => return Ok(dropped),
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn drop_log_names(&self, before: Timestamp) -> Result<(), Fault> {
        loop {
            let gone = sqlx::query(
                "DELETE FROM log_dedup WHERE ctid = ANY (ARRAY(SELECT ctid FROM log_dedup WHERE received_at < $1 LIMIT $2))",
            )
            .bind(At::from(before))
            .bind(STEP)
            .execute(self.pool())
            .await?;
            if gone.rows_affected() < unsigned(STEP) {
                return Ok(());
            }
        }
    }

    /// Compares the applied migrations with those of this release.
    async fn schema(&self) -> Result<SchemaState, Fault> {
        let table = &self.migrations_table;
        let is_there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(table)
            .fetch_one(self.pool())
            .await?;
        if !is_there {
            return Ok(SchemaState::Older);
        }
        let applied: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT version FROM {table} WHERE success ORDER BY version"
        )))
        .fetch_all(self.pool())
        .await?;
        let newest = migrate::newest_version();
        if migrate::versions().any(|version| !applied.contains(&version)) {
            Ok(SchemaState::Older)
        } else if applied.iter().any(|version| *version > newest) {
            Ok(SchemaState::Newer)
        } else {
            Ok(SchemaState::Current)
        }
    }
}
