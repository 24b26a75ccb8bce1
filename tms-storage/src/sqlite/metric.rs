//! Measurements by the hour. An hour is read by a reader and written in small parts, so that heartbeats never wait long.

use std::sync::LazyLock;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use tms_core::{
    StoreError,
    id::TerminalId,
    lease::Fence,
    metric::{Hour, Measured, MetricStore, Rollup},
};

use super::{
    SqliteStore,
    bulk::{Binds, Bulk},
    error::OrFault,
    fields::Fields,
};

const KIND: &str = "hour of metrics";
/// Rows that one transaction writes.
const AT_ONCE: usize = 2_000;

/// What an hour's heartbeats say.
macro_rules! sums {
    () => {
        "count(*) AS heartbeats, min(cpu_percent) AS cpu_min, max(cpu_percent) AS cpu_max,
         sum(cpu_percent) AS cpu_sum, count(cpu_percent) AS cpu_count, min(memory_percent) AS memory_min,
         max(memory_percent) AS memory_max, sum(memory_percent) AS memory_sum, count(memory_percent) AS memory_count,
         min(disk_percent) AS disk_min, max(disk_percent) AS disk_max, sum(disk_percent) AS disk_sum,
         count(disk_percent) AS disk_count, min(temperature_c) AS temperature_min,
         max(temperature_c) AS temperature_max, sum(temperature_c) AS temperature_sum,
         count(temperature_c) AS temperature_count"
    };
}

macro_rules! columns {
    () => {
        "heartbeats, cpu_min, cpu_max, cpu_sum, cpu_count, memory_min, memory_max, memory_sum, memory_count, disk_min,
         disk_max, disk_sum, disk_count, temperature_min, temperature_max, temperature_sum, temperature_count"
    };
}

static HOURS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        concat!(
            "REPLACE INTO metric_hour (terminal_id, hour_at, ",
            columns!(),
            ") VALUES "
        ),
        19,
        "",
    )
});

#[async_trait]
impl MetricStore for SqliteStore {
    async fn next_hour(&self) -> Result<Option<Hour>, StoreError> {
        let next: Option<i64> = sqlx::query_scalar("SELECT next_hour FROM metric_progress")
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(KIND, "")?;
        Ok(next.map(|next| Hour::of(tms_core::time::Timestamp::from_micros(next))))
    }

    async fn roll_up(&self, hour: Hour, fence: Fence) -> Result<u64, StoreError> {
        let (from, to) = (hour.begin().as_micros(), hour.end().as_micros());
        let (rows, next_id) = self.read_hour(from, to).await?;
        for part in rows.chunks(AT_ONCE) {
            let mut work = self.begin(Some(fence)).await?;
            HOURS
                .execute(work.conn(), part, |row, binds| bind(row, from, binds))
                .await
                .or_fault(KIND, "")?;
            work.commit().await?;
            tokio::task::yield_now().await;
        }
        let mut work = self.begin(Some(fence)).await?;
        sqlx::query(
            "INSERT INTO metric_progress (id, next_hour, from_id) VALUES (1, ?1, ?2)
             ON CONFLICT (id) DO UPDATE SET next_hour = excluded.next_hour, from_id = excluded.from_id
             WHERE excluded.next_hour > next_hour",
        )
        .bind(to)
        .bind(next_id)
        .execute(work.conn())
        .await
        .or_fault(KIND, "")?;
        work.commit().await?;
        Ok(u64::try_from(rows.len()).unwrap_or(0))
    }

    async fn hours(&self, terminal: TerminalId, from: Hour, to: Hour) -> Result<Vec<(Hour, Rollup)>, StoreError> {
        // One statement, one moment: what is rolled up meanwhile is told once. Heartbeats are found by the terminal's
        // chain, whose order may differ a little from that of their times; hence the hour of patience.
        let rows = sqlx::query(concat!(
            "WITH RECURSIVE progress AS (SELECT coalesce((SELECT next_hour FROM metric_progress), 0) AS next),
             chain AS (
                 SELECT * FROM heartbeat_history
                 WHERE id = (SELECT last_heartbeat_id FROM terminal_pulse WHERE terminal_id = ?1)
                 UNION ALL
                 SELECT h.* FROM chain c JOIN heartbeat_history h ON h.id = c.previous_id
                 WHERE c.received_at >= max(?2, (SELECT next FROM progress)) - 3600000000
             )
             SELECT hour_at, ",
            columns!(),
            " FROM metric_hour WHERE terminal_id = ?1 AND hour_at >= ?2
                 AND hour_at < min(?3, (SELECT next FROM progress))
             UNION ALL
             SELECT received_at / 3600000000 * 3600000000 AS hour_at, ",
            sums!(),
            " FROM chain WHERE received_at < ?3 AND received_at >= max(?2, (SELECT next FROM progress))
             GROUP BY 1 ORDER BY 1"
        ))
        .bind(terminal.get())
        .bind(from.begin().as_micros())
        .bind(to.begin().as_micros())
        .fetch_all(&mut *self.read().await?)
        .await
        .or_fault(KIND, terminal)?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(KIND, row);
                Ok((Hour::of(fields.time("hour_at")?), rollup(fields)?))
            })
            .collect()
    }
}

impl SqliteStore {
    /// Reads what the heartbeats of an hour say by terminal, and the first heartbeat that may be of the next one.
    async fn read_hour(&self, from: i64, to: i64) -> Result<(Vec<(i64, Rollup)>, i64), StoreError> {
        let mut conn = self.read().await?;
        // An hour before the present one is rolled up anew only by a leader that is about to lose the lead.
        let first: i64 =
            sqlx::query_scalar("SELECT coalesce((SELECT from_id FROM metric_progress WHERE next_hour <= ?1), 0)")
                .bind(from)
                .fetch_one(&mut *conn)
                .await
                .or_fault(KIND, "")?;
        let rows = sqlx::query(concat!(
            "SELECT terminal_id, ",
            sums!(),
            " FROM heartbeat_history WHERE id >= ?1 AND received_at >= ?2 AND received_at < ?3 GROUP BY terminal_id"
        ))
        .bind(first)
        .bind(from)
        .bind(to)
        .fetch_all(&mut *conn)
        .await
        .or_fault(KIND, "")?;
        // Arrival order may differ a little from that of the times: heartbeats of the next hour come after the first one
        // of this hour.
        let next: i64 = sqlx::query_scalar(
            "SELECT coalesce((SELECT id FROM heartbeat_history WHERE id >= ?1 AND received_at >= ?2 ORDER BY id LIMIT 1), ?1)",
        )
        .bind(first)
        .bind(from)
        .fetch_one(&mut *conn)
        .await
        .or_fault(KIND, "")?;
        let read = |row: &SqliteRow| {
            let fields = Fields::new(KIND, row);
            Ok((fields.get("terminal_id")?, rollup(fields)?))
        };
        Ok((rows.iter().map(read).collect::<Result<_, StoreError>>()?, next))
    }
}

fn bind((terminal, rollup): &(i64, Rollup), hour: i64, binds: &mut Binds) {
    binds.add(*terminal).add(hour).add(rollup.heartbeats);
    for measured in [
        rollup.cpu_percent,
        rollup.memory_percent,
        rollup.disk_percent,
        rollup.temperature_c,
    ] {
        binds
            .add(measured.map(|measured| measured.min))
            .add(measured.map(|measured| measured.max))
            .add(measured.map(|measured| measured.sum))
            .add(measured.map_or(0, |measured| measured.count));
    }
}

fn rollup(fields: Fields<'_>) -> Result<Rollup, StoreError> {
    Ok(Rollup {
        heartbeats: fields.number("heartbeats")?,
        cpu_percent: measured(fields, ["cpu_min", "cpu_max", "cpu_sum", "cpu_count"])?,
        memory_percent: measured(fields, ["memory_min", "memory_max", "memory_sum", "memory_count"])?,
        disk_percent: measured(fields, ["disk_min", "disk_max", "disk_sum", "disk_count"])?,
        temperature_c: measured(
            fields,
            [
                "temperature_min",
                "temperature_max",
                "temperature_sum",
                "temperature_count",
            ],
        )?,
    })
}

fn measured(fields: Fields<'_>, [min, max, sum, count]: [&str; 4]) -> Result<Option<Measured>, StoreError> {
    let (Some(min), Some(max), Some(sum)) = (fields.maybe_number(min)?, fields.maybe_number(max)?, fields.get(sum)?)
    else {
        return Ok(None);
    };
    Ok(Some(Measured {
        min,
        max,
        sum,
        count: fields.number(count)?,
    }))
}
