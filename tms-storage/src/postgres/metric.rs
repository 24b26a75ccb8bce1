//! Measurements by the hour: rolled up where the heartbeats are.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use tms_core::{
    StoreError,
    id::TerminalId,
    lease::Fence,
    metric::{Hour, Measured, MetricStore, Rollup},
};

use super::{
    cells::{Cells, unsigned},
    envelope::check_fence,
    error::Fault,
    pool::PgStore,
    time::At,
};

/// How long rolling up an hour of a large fleet may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What an hour's heartbeats say; the columns in the order of the table's.
macro_rules! sums {
    () => {
        "count(*), min(cpu_percent), max(cpu_percent), sum(cpu_percent), count(cpu_percent), \
         min(memory_percent), max(memory_percent), sum(memory_percent), count(memory_percent), \
         min(disk_percent), max(disk_percent), sum(disk_percent), count(disk_percent), \
         min(temperature_c), max(temperature_c), sum(temperature_c), count(temperature_c)"
    };
}

macro_rules! columns {
    () => {
        "heartbeats, cpu_min, cpu_max, cpu_sum, cpu_count, memory_min, memory_max, memory_sum, memory_count, \
         disk_min, disk_max, disk_sum, disk_count, temperature_min, temperature_max, temperature_sum, temperature_count"
    };
}

#[async_trait]
impl MetricStore for PgStore {
    async fn next_hour(&self) -> Result<Option<Hour>, StoreError> {
        self.bounded(async {
            let next: Option<At> = sqlx::query_scalar("SELECT next_hour FROM metric_progress")
                .fetch_optional(self.pool())
                .await?;
            Ok(next.map(|next| Hour::of(next.time())))
        })
        .await
    }

    async fn roll_up(&self, hour: Hour, fence: Fence) -> Result<u64, StoreError> {
        self.bounded_by(PATIENCE, async {
            match self.try_roll_up(hour, fence).await {
                Err(fault) if fault.is_missing_partition() => {
                    let day = Some(hour.begin());
                    self.add_partitions(day, day).await?;
                    self.try_roll_up(hour, fence).await
                }
                outcome => outcome,
            }
        })
        .await
    }

    async fn hours(&self, terminal: TerminalId, from: Hour, to: Hour) -> Result<Vec<(Hour, Rollup)>, StoreError> {
        self.bounded(async {
            // One statement, one moment: what is rolled up meanwhile is told once.
            let rows = sqlx::query(concat!(
                "WITH progress AS (SELECT coalesce((SELECT next_hour FROM metric_progress), '-infinity') AS next) \
                 SELECT hour_at, ",
                columns!(),
                " FROM metric_hour WHERE terminal_id = $1 AND hour_at >= $2 \
                 AND hour_at < least($3, (SELECT next FROM progress)) \
                 UNION ALL \
                 SELECT to_timestamp(floor(extract(epoch FROM received_at) / 3600) * 3600) AS hour, ",
                sums!(),
                " FROM heartbeat_history WHERE terminal_id = $1 AND received_at < $3 \
                 AND received_at >= greatest($2, (SELECT next FROM progress)) GROUP BY hour ORDER BY 1"
            ))
            .bind(terminal.get())
            .bind(At::from(from.begin()))
            .bind(At::from(to.begin()))
            .fetch_all(self.pool())
            .await?;
            rows.iter()
                .map(|row| {
                    let mut cells = Cells::of("hour of metrics", row);
                    Ok((Hour::of(cells.time()?), read(&mut cells)?))
                })
                .collect()
        })
        .await
    }
}

impl PgStore {
    async fn try_roll_up(&self, hour: Hour, fence: Fence) -> Result<u64, Fault> {
        let mut tx = self.begin_without_events().await?;
        let millis = PATIENCE.as_millis();
        sqlx::query(AssertSqlSafe(format!("SET LOCAL statement_timeout = '{millis}ms'")))
            .execute(&mut *tx)
            .await?;
        // One at a time, so that two leaders who overlap do not meet in the rows.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('tms_roll_up', 0))")
            .execute(&mut *tx)
            .await?;
        let (from, to) = (At::from(hour.begin()), At::from(hour.end()));
        sqlx::query("DELETE FROM metric_hour WHERE hour_at = $1")
            .bind(from)
            .execute(&mut *tx)
            .await?;
        let rolled = sqlx::query(concat!(
            "INSERT INTO metric_hour (terminal_id, hour_at, ",
            columns!(),
            ") SELECT terminal_id, $1, ",
            sums!(),
            " FROM heartbeat_history WHERE received_at >= $1 AND received_at < $2 GROUP BY terminal_id"
        ))
        .bind(from)
        .bind(to)
        .execute(&mut *tx)
        .await?;
        // Last, because it holds up who takes the lease over.
        check_fence(&mut tx, fence).await?;
        sqlx::query(
            "INSERT INTO metric_progress AS p (one, next_hour) VALUES (true, $1) \
             ON CONFLICT (one) DO UPDATE SET next_hour = greatest(p.next_hour, excluded.next_hour)",
        )
        .bind(to)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rolled.rows_affected())
    }
}

fn read(cells: &mut Cells<'_>) -> Result<Rollup, Fault> {
    Ok(Rollup {
        heartbeats: count(cells.get()?),
        cpu_percent: measured(cells)?,
        memory_percent: measured(cells)?,
        disk_percent: measured(cells)?,
        temperature_c: measured(cells)?,
    })
}

fn measured(cells: &mut Cells<'_>) -> Result<Option<Measured>, Fault> {
    let (min, max): (Option<i16>, Option<i16>) = (cells.get()?, cells.get()?);
    let (sum, values): (Option<i64>, i64) = (cells.get()?, cells.get()?);
    let Some(((min, max), sum)) = min.zip(max).zip(sum) else {
        return Ok(None);
    };
    Ok(Some(Measured {
        min,
        max,
        sum,
        count: count(values),
    }))
}

fn count(raw: i64) -> u32 {
    u32::try_from(unsigned(raw)).unwrap_or(u32::MAX)
}
