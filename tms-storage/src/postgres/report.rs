//! Sums for reports, made where the rows are.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, postgres::PgRow};
use tms_core::{
    StoreError,
    id::CustomerId,
    lease::Fence,
    metric::Hour,
    report::{
        Times, Window,
        figures::{CustomerAlerts, CustomerTrouble, Issue},
        store::{ReportStore, Whose},
        tally::{Cuts, Spans},
    },
    terminal::store::StatusCounts,
    time::{Timestamp, micros},
};

use tokio::sync::SemaphorePermit;

use super::{
    cells::{Cells, unsigned},
    envelope::check_fence,
    error::Fault,
    pool::{PgStore, Tx},
    time::At,
};

/// How long a report may take (DECISIONS 31).
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a report waits for others to end.
const TURN: Duration = Duration::from_secs(1);
/// A report whose statement was ended by the database says nothing of the server, unlike one that no end is heard of.
const WHOLE: Duration = Duration::from_secs(35);

/// The closed intervals that touch the window, then the open one of each terminal: one statement, one moment.
///
/// `date_part` gives a float of whole microseconds within half of one, which rounding makes exact.
macro_rules! status_time {
    ($closed:literal, $open:literal) => {
        concat!(
            "SELECT coalesce(phase, status), width_bucket(began_at, $1), width_bucket(ended_at, $1), count(*), \
             sum(((date_part('epoch', began_at) - $2) * 1e6)::bigint)::text, \
             sum(((date_part('epoch', ended_at) - $2) * 1e6)::bigint)::text \
             FROM status_change WHERE ended_at > $3 AND began_at < $4 AND ",
            $closed,
            " GROUP BY 1, 2, 3 UNION ALL \
             SELECT CASE WHEN NOT is_active THEN 'retired' WHEN status = 'offline' AND first_seen IS NULL \
             THEN 'unheard' ELSE status END, width_bucket(status_since, $1), cardinality($1), count(*), \
             sum(((date_part('epoch', status_since) - $2) * 1e6)::bigint)::text, '0' \
             FROM terminal_presence WHERE status_since < $4 AND ",
            $open,
            " GROUP BY 1, 2"
        )
    };
}

#[async_trait]
impl ReportStore for PgStore {
    async fn status_time(&self, whose: Whose, cuts: &Cuts) -> Result<Vec<Spans>, StoreError> {
        self.bounded_by(WHOLE, async {
            let mut report = self.begin_report().await?;
            let (statement, id) = match whose {
                Whose::Everybody => (status_time!("$5 = 0", "$5 = 0"), 0),
                Whose::Customer(id) => (
                    status_time!(
                        "customer_id = $5",
                        "terminal_id IN (SELECT id FROM terminal WHERE customer_id = $5)"
                    ),
                    id.get(),
                ),
                Whose::Terminal(id) => (status_time!("terminal_id = $5", "terminal_id = $5"), id.get()),
            };
            let moments: Vec<_> = cuts.as_slice().iter().map(|at| At::from(*at)).collect();
            let rows = sqlx::query(statement)
                .bind(moments)
                .bind(seconds(cuts))
                .bind(At::from(cuts.from()))
                .bind(At::from(cuts.to()))
                .bind(id)
                .fetch_all(&mut *report.tx)
                .await?;
            rows.iter().map(read_spans).collect()
        })
        .await
    }

    async fn next_hour(&self) -> Result<Option<Hour>, StoreError> {
        self.bounded(async {
            let next: Option<At> = sqlx::query_scalar("SELECT next_hour FROM status_progress")
                .fetch_optional(self.pool())
                .await?;
            Ok(next.map(|next| Hour::of(next.time())))
        })
        .await
    }

    async fn save_quarters(&self, rows: &[(Timestamp, Times)], next: Hour, fence: Fence) -> Result<(), StoreError> {
        self.bounded(async {
            let mut tx = self.begin().await?;
            check_fence(&mut tx, fence).await?;
            let each =
                |of: fn(&Times) -> Duration| -> Vec<i64> { rows.iter().map(|(_, times)| micros(of(times))).collect() };
            sqlx::query(
                "INSERT INTO status_quarter (at, online_us, offline_us, error_us, maintenance_us, unheard_us, \
                 retired_us, outage_us) \
                 SELECT * FROM unnest($1::timestamptz[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], \
                 $6::bigint[], $7::bigint[], $8::bigint[]) \
                 ON CONFLICT (at) DO UPDATE SET online_us = excluded.online_us, offline_us = excluded.offline_us, \
                 error_us = excluded.error_us, maintenance_us = excluded.maintenance_us, \
                 unheard_us = excluded.unheard_us, retired_us = excluded.retired_us, outage_us = excluded.outage_us",
            )
            .bind(rows.iter().map(|(at, _)| At::from(*at)).collect::<Vec<_>>())
            .bind(each(|times| times.online))
            .bind(each(|times| times.offline))
            .bind(each(|times| times.error))
            .bind(each(|times| times.maintenance))
            .bind(each(|times| times.unheard))
            .bind(each(|times| times.retired))
            .bind(each(|times| times.outage))
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "INSERT INTO status_progress AS p (one, next_hour) VALUES (true, $1) \
                 ON CONFLICT (one) DO UPDATE SET next_hour = greatest(p.next_hour, excluded.next_hour)",
            )
            .bind(At::from(next.begin()))
            .execute(&mut *tx)
            .await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn quarters(&self, window: Window) -> Result<Vec<(Timestamp, Times)>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(
                "SELECT at, online_us, offline_us, error_us, maintenance_us, unheard_us, retired_us, outage_us \
                 FROM status_quarter WHERE at >= $1 AND at < $2 ORDER BY at",
            )
            .bind(At::from(window.from))
            .bind(At::from(window.to))
            .fetch_all(self.pool())
            .await?;
            rows.iter().map(read_quarter).collect()
        })
        .await
    }

    async fn issues(&self, customer: Option<CustomerId>, window: Window) -> Result<Vec<Issue>, StoreError> {
        self.bounded_by(WHOLE, async {
            let mut report = self.begin_report().await?;
            let rows = sqlx::query(
                "SELECT cause, count(*), count(DISTINCT terminal_id), count(resolved_at), \
                 coalesce(round(sum(extract(epoch FROM resolved_at - created_at)) * 1000000), 0)::bigint \
                 FROM alert WHERE created_at >= $1 AND created_at < $2 AND terminal_id IS NOT NULL \
                 AND ($3::bigint IS NULL OR customer_id = $3) GROUP BY cause ORDER BY 2 DESC, 1",
            )
            .bind(At::from(window.from))
            .bind(At::from(window.to))
            .bind(customer.map(CustomerId::get))
            .fetch_all(&mut *report.tx)
            .await?;
            let read = |row| {
                let mut cells = Cells::of("sum of a report", row);
                Ok(Issue {
                    cause: cells.parse()?,
                    raised: unsigned(cells.get()?),
                    terminals: unsigned(cells.get()?),
                    resolved: unsigned(cells.get()?),
                    lasted: Duration::from_micros(unsigned(cells.get()?)),
                })
            };
            rows.iter().map(read).collect()
        })
        .await
    }

    async fn customer_alerts(
        &self,
        customer: Option<CustomerId>,
        window: Window,
        limit: u32,
    ) -> Result<Vec<CustomerAlerts>, StoreError> {
        self.bounded_by(WHOLE, async {
            let mut report = self.begin_report().await?;
            let rows = sqlx::query(
                "WITH raised AS (\
                 SELECT customer_id, count(*) AS n, count(*) FILTER (WHERE state <> 'resolved') AS open FROM alert \
                 WHERE created_at >= $1 AND created_at < $2 AND terminal_id IS NOT NULL \
                 AND ($3::bigint IS NULL OR customer_id = $3) GROUP BY customer_id) \
                 SELECT c.id, c.company_name, coalesce(r.n, 0), coalesce(r.open, 0) \
                 FROM customer c LEFT JOIN raised r ON r.customer_id = c.id \
                 WHERE $3::bigint IS NULL OR c.id = $3 ORDER BY 3 DESC, 1 LIMIT $4",
            )
            .bind(At::from(window.from))
            .bind(At::from(window.to))
            .bind(customer.map(CustomerId::get))
            .bind(i64::from(limit))
            .fetch_all(&mut *report.tx)
            .await?;
            let read = |row| {
                let mut cells = Cells::of("sum of a report", row);
                Ok(CustomerAlerts {
                    customer: cells.id(CustomerId::new)?,
                    company_name: cells.get()?,
                    raised: unsigned(cells.get()?),
                    open: unsigned(cells.get()?),
                })
            };
            rows.iter().map(read).collect()
        })
        .await
    }

    async fn troubles(&self, customer: Option<CustomerId>, limit: u32) -> Result<Vec<CustomerTrouble>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(TROUBLES)
                .bind(customer.map(CustomerId::get))
                .bind(i64::from(limit))
                .fetch_all(self.pool())
                .await?;
            rows.iter().map(read_trouble).collect()
        })
        .await
    }
}

/// From the counts that are kept by customer, so that it costs as much as there are customers, not terminals.
const TROUBLES: &str = "WITH kept AS (\
     SELECT customer_id, status, n FROM terminal_count WHERE $1::bigint IS NULL OR customer_id = $1 UNION ALL \
     SELECT customer_id, status, n FROM terminal_count_delta WHERE $1::bigint IS NULL OR customer_id = $1), \
     counted AS (SELECT customer_id, \
     coalesce(sum(n) FILTER (WHERE status = 'online'), 0)::bigint AS online, \
     coalesce(sum(n) FILTER (WHERE status = 'offline'), 0)::bigint AS offline, \
     coalesce(sum(n) FILTER (WHERE status = 'error'), 0)::bigint AS error, \
     coalesce(sum(n) FILTER (WHERE status = 'maintenance'), 0)::bigint AS maintenance \
     FROM kept GROUP BY customer_id), \
     raised AS (SELECT customer_id, count(*) AS open FROM alert WHERE state <> 'resolved' AND terminal_id IS NOT NULL \
     AND ($1::bigint IS NULL OR customer_id = $1) GROUP BY customer_id) \
     SELECT c.id, c.company_name, coalesce(n.online, 0), coalesce(n.offline, 0), coalesce(n.error, 0), \
     coalesce(n.maintenance, 0), coalesce(r.open, 0) \
     FROM customer c LEFT JOIN counted n ON n.customer_id = c.id LEFT JOIN raised r ON r.customer_id = c.id \
     WHERE ($1::bigint IS NULL OR c.id = $1) AND (n.offline + n.error > 0 OR r.open > 0) \
     ORDER BY coalesce(n.offline + n.error, 0) DESC, coalesce(r.open, 0) DESC, c.id LIMIT $2";

/// The transaction of a report that has its turn.
struct Report<'a> {
    tx: Tx,
    _turn: SemaphorePermit<'a>,
}

impl PgStore {
    /// Begins a transaction whose statements may take as long as a report may, when it has its turn: before that it takes
    /// no connection from others.
    async fn begin_report(&self) -> Result<Report<'_>, Fault> {
        let turn = tokio::time::timeout(TURN, self.reports.acquire()).await;
        let turn = turn.map_err(|_| StoreError::Unavailable("other reports are being made".into()))?;
        let turn = turn.map_err(|closed| StoreError::Unavailable(closed.into()))?;
        let mut tx = self.begin().await?;
        let millis = PATIENCE.as_millis();
        sqlx::query(AssertSqlSafe(format!("SET LOCAL statement_timeout = '{millis}ms'")))
            .execute(&mut *tx)
            .await?;
        Ok(Report { tx, _turn: turn })
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of this millennium keep within half of one"
)]
fn seconds(cuts: &Cuts) -> f64 {
    cuts.from().as_micros() as f64 / 1e6
}

fn read_spans(row: &PgRow) -> Result<Spans, Fault> {
    let mut cells = Cells::of("sum of a report", row);
    let place = |place: i32| usize::try_from(place).unwrap_or(0);
    Ok(Spans {
        phase: cells.parse()?,
        begin: place(cells.get()?),
        end: place(cells.get()?),
        count: unsigned(cells.get()?),
        begins_us: cells.parse()?,
        ends_us: cells.parse()?,
    })
}

fn read_trouble(row: &PgRow) -> Result<CustomerTrouble, Fault> {
    let mut cells = Cells::of("customer", row);
    let (customer, company_name) = (cells.id(CustomerId::new)?, cells.get()?);
    let mut count = || Ok::<_, Fault>(unsigned(cells.get()?));
    Ok(CustomerTrouble {
        customer,
        company_name,
        terminals: StatusCounts {
            online: count()?,
            offline: count()?,
            error: count()?,
            maintenance: count()?,
        },
        open: count()?,
    })
}

fn read_quarter(row: &PgRow) -> Result<(Timestamp, Times), Fault> {
    let mut cells = Cells::of("quarter of a report", row);
    let at = cells.time()?;
    let mut time = || Ok::<_, Fault>(Duration::from_micros(unsigned(cells.get()?)));
    let times = Times {
        online: time()?,
        offline: time()?,
        error: time()?,
        maintenance: time()?,
        unheard: time()?,
        retired: time()?,
        outage: time()?,
    };
    Ok((at, times))
}
