//! Sums for reports: rows are read in one pass and added up by the core.

use std::{sync::LazyLock, time::Duration};

use async_trait::async_trait;
use futures::TryStreamExt;
use tms_core::{
    StoreError,
    id::CustomerId,
    lease::Fence,
    metric::Hour,
    report::{
        Times, Window,
        figures::{CustomerAlerts, CustomerTrouble, Issue},
        store::{ReportStore, Whose},
        tally::{Cuts, Gather, Spans},
    },
    terminal::store::StatusCounts,
    time::{Timestamp, micros},
};

use super::{SqliteStore, bulk::Bulk, error::OrFault, fields::Fields};

const KIND: &str = "status change";

static QUARTERS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "REPLACE INTO status_quarter (at, online_us, offline_us, error_us, maintenance_us, unheard_us, retired_us,
         outage_us) VALUES ",
        8,
        "",
    )
});

/// The closed intervals that touch the window, then the open one of each terminal: one statement, one moment.
macro_rules! status_time {
    ($whose:literal) => {
        concat!(
            "SELECT coalesce(phase, status) AS phase, began_at, ended_at FROM status_change
             WHERE ended_at > ?1 AND began_at < ?2 AND ",
            $whose,
            " UNION ALL
             SELECT CASE WHEN is_active = 0 THEN 'retired' WHEN status = 'offline' AND first_seen IS NULL
                 THEN 'unheard' ELSE status END, status_since, NULL FROM terminal_presence
             WHERE status_since < ?2 AND ",
            $whose
        )
    };
}

#[async_trait]
impl ReportStore for SqliteStore {
    async fn status_time(&self, whose: Whose, cuts: &Cuts) -> Result<Vec<Spans>, StoreError> {
        let (statement, id) = match whose {
            Whose::Everybody => (status_time!("?3 = 0"), 0),
            Whose::Customer(id) => (status_time!("customer_id = ?3"), id.get()),
            Whose::Terminal(id) => (status_time!("terminal_id = ?3"), id.get()),
        };
        let mut conn = self.read().await?;
        let mut rows = sqlx::query(statement)
            .bind(cuts.from().as_micros())
            .bind(cuts.to().as_micros())
            .bind(id)
            .fetch(&mut *conn);
        let mut gather = Gather::new(cuts);
        while let Some(row) = rows.try_next().await.or_fault(KIND, "")? {
            let fields = Fields::new(KIND, &row);
            gather.add(
                fields.named("phase")?,
                fields.time("began_at")?,
                fields.maybe_time("ended_at")?,
            );
        }
        Ok(gather.finish())
    }

    async fn next_hour(&self) -> Result<Option<Hour>, StoreError> {
        let next: Option<i64> = sqlx::query_scalar("SELECT next_hour FROM status_progress")
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(KIND, "")?;
        Ok(next.map(|next| Hour::of(Timestamp::from_micros(next))))
    }

    async fn save_quarters(&self, rows: &[(Timestamp, Times)], next: Hour, fence: Fence) -> Result<(), StoreError> {
        let mut work = self.begin(Some(fence)).await?;
        QUARTERS
            .execute(work.conn(), rows, |(at, times), binds| {
                binds.time(*at);
                for time in [
                    times.online,
                    times.offline,
                    times.error,
                    times.maintenance,
                    times.unheard,
                    times.retired,
                    times.outage,
                ] {
                    binds.add(micros(time));
                }
            })
            .await
            .or_fault(KIND, "")?;
        sqlx::query(
            "INSERT INTO status_progress (id, next_hour) VALUES (1, ?1)
             ON CONFLICT (id) DO UPDATE SET next_hour = max(next_hour, excluded.next_hour)",
        )
        .bind(next.begin().as_micros())
        .execute(work.conn())
        .await
        .or_fault(KIND, "")?;
        work.commit().await
    }

    async fn quarters(&self, window: Window) -> Result<Vec<(Timestamp, Times)>, StoreError> {
        let rows = sqlx::query("SELECT * FROM status_quarter WHERE at >= ?1 AND at < ?2 ORDER BY at")
            .bind(window.from.as_micros())
            .bind(window.to.as_micros())
            .fetch_all(&mut *self.read().await?)
            .await
            .or_fault(KIND, "")?;
        let read = |row| {
            let fields = Fields::new(KIND, row);
            let time = |column| Ok::<_, StoreError>(Duration::from_micros(fields.number(column)?));
            let times = Times {
                online: time("online_us")?,
                offline: time("offline_us")?,
                error: time("error_us")?,
                maintenance: time("maintenance_us")?,
                unheard: time("unheard_us")?,
                retired: time("retired_us")?,
                outage: time("outage_us")?,
            };
            Ok((fields.time("at")?, times))
        };
        rows.iter().map(read).collect()
    }

    async fn issues(&self, customer: Option<CustomerId>, window: Window) -> Result<Vec<Issue>, StoreError> {
        let rows = sqlx::query(
            "SELECT cause, count(*) AS raised, count(DISTINCT terminal_id) AS terminals, count(resolved_at) AS resolved,
                 coalesce(sum(resolved_at - created_at), 0) AS lasted
             FROM alert WHERE created_at >= ?1 AND created_at < ?2 AND terminal_id IS NOT NULL
                 AND (?3 IS NULL OR customer_id = ?3)
             GROUP BY cause ORDER BY raised DESC, cause",
        )
        .bind(window.from.as_micros())
        .bind(window.to.as_micros())
        .bind(customer.map(CustomerId::get))
        .fetch_all(&mut *self.read().await?)
        .await
        .or_fault("alert", "")?;
        let read = |row| {
            let fields = Fields::new("alert", row);
            Ok(Issue {
                cause: fields.named("cause")?,
                raised: fields.number("raised")?,
                terminals: fields.number("terminals")?,
                resolved: fields.number("resolved")?,
                lasted: Duration::from_micros(fields.number("lasted")?),
            })
        };
        rows.iter().map(read).collect()
    }

    async fn customer_alerts(
        &self,
        customer: Option<CustomerId>,
        window: Window,
        limit: u32,
    ) -> Result<Vec<CustomerAlerts>, StoreError> {
        let rows = sqlx::query(
            "WITH raised AS (
                 SELECT customer_id, count(*) AS n, sum(state <> 'resolved') AS open FROM alert
                 WHERE created_at >= ?1 AND created_at < ?2 AND terminal_id IS NOT NULL
                     AND (?3 IS NULL OR customer_id = ?3)
                 GROUP BY customer_id
             )
             SELECT c.id, c.company_name, coalesce(r.n, 0) AS raised, coalesce(r.open, 0) AS open
             FROM customer c LEFT JOIN raised r ON r.customer_id = c.id
             WHERE ?3 IS NULL OR c.id = ?3 ORDER BY raised DESC, c.id LIMIT ?4",
        )
        .bind(window.from.as_micros())
        .bind(window.to.as_micros())
        .bind(customer.map(CustomerId::get))
        .bind(limit)
        .fetch_all(&mut *self.read().await?)
        .await
        .or_fault("customer", "")?;
        let read = |row| {
            let fields = Fields::new("customer", row);
            Ok(CustomerAlerts {
                customer: fields.customer("id")?,
                company_name: fields.get("company_name")?,
                raised: fields.number("raised")?,
                open: fields.number("open")?,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn troubles(&self, customer: Option<CustomerId>, limit: u32) -> Result<Vec<CustomerTrouble>, StoreError> {
        let rows = sqlx::query(TROUBLES)
            .bind(customer.map(CustomerId::get))
            .bind(limit)
            .fetch_all(&mut *self.read().await?)
            .await
            .or_fault("customer", "")?;
        let read = |row| {
            let fields = Fields::new("customer", row);
            Ok(CustomerTrouble {
                customer: fields.customer("id")?,
                company_name: fields.get("company_name")?,
                terminals: StatusCounts {
                    online: fields.number("online")?,
                    offline: fields.number("offline")?,
                    error: fields.number("error")?,
                    maintenance: fields.number("maintenance")?,
                },
                open: fields.number("open")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

/// From the counts that are kept by customer, so that it costs as much as there are customers, not terminals.
const TROUBLES: &str = "WITH counted AS (
         SELECT customer_id,
             sum(CASE status WHEN 'online' THEN terminals ELSE 0 END) AS online,
             sum(CASE status WHEN 'offline' THEN terminals ELSE 0 END) AS offline,
             sum(CASE status WHEN 'error' THEN terminals ELSE 0 END) AS error,
             sum(CASE status WHEN 'maintenance' THEN terminals ELSE 0 END) AS maintenance
         FROM terminal_count WHERE ?1 IS NULL OR customer_id = ?1 GROUP BY customer_id
     ), raised AS (
         SELECT customer_id, count(*) AS open FROM alert
         WHERE state <> 'resolved' AND terminal_id IS NOT NULL AND (?1 IS NULL OR customer_id = ?1)
         GROUP BY customer_id
     )
     SELECT c.id, c.company_name, coalesce(n.online, 0) AS online, coalesce(n.offline, 0) AS offline,
         coalesce(n.error, 0) AS error, coalesce(n.maintenance, 0) AS maintenance, coalesce(r.open, 0) AS open
     FROM customer c LEFT JOIN counted n ON n.customer_id = c.id LEFT JOIN raised r ON r.customer_id = c.id
     WHERE (?1 IS NULL OR c.id = ?1) AND (n.offline + n.error > 0 OR r.open > 0)
     ORDER BY coalesce(n.offline + n.error, 0) DESC, coalesce(r.open, 0) DESC, c.id LIMIT ?2";
