//! Alerts as they are read, and as people change them.

use async_trait::async_trait;
use sqlx::{QueryBuilder, postgres::PgRow};
use tms_core::{
    StoreError,
    alert::{
        Alert, AlertPlan, AlertStore, Cause, NewAlert, Resolved, Severity,
        store::{AlertFilter, AlertsApplied},
    },
    envelope::Envelope,
    id::{AlertId, CustomerId, Revision, TerminalId},
    lease::Fence,
    page::{Order, Page, PageRequest, PageStart},
    time::Timestamp,
};

use super::{
    cells::{Cells, unsigned},
    error::Fault,
    listing::{COUNT, Conditions, behind, count, direction, page_by_id, push_limit},
    pool::PgStore,
    time::At,
};

macro_rules! alert_columns {
    () => {
        "id, terminal_id, customer_id, cause, severity, state, details, occurrences, created_at, acknowledged_by, \
         acknowledged_at, resolution, resolved_at, resolved_by, resolution_notes, revision"
    };
}
pub(super) use alert_columns;

pub(super) fn read(row: &PgRow) -> Result<Alert, Fault> {
    read_cells(&mut Cells::of("alert", row))
}

pub(super) fn read_cells(cells: &mut Cells<'_>) -> Result<Alert, Fault> {
    Ok(Alert {
        id: cells.id(AlertId::new)?,
        terminal: cells.maybe_id(TerminalId::new)?,
        customer: cells.maybe_id(CustomerId::new)?,
        cause: cells.parse()?,
        severity: cells.parse()?,
        state: cells.parse()?,
        details: cells.json()?,
        occurrences: cells.get()?,
        created_at: cells.time()?,
        acknowledged: cells.get::<Option<String>>()?.zip(cells.maybe_time()?),
        resolved: read_end(cells)?,
        revision: cells.revision()?,
    })
}

fn read_end(cells: &mut Cells<'_>) -> Result<Option<Resolved>, Fault> {
    let resolution = cells.maybe_parse()?;
    let at = cells.maybe_time()?;
    let (by, notes) = (cells.get()?, cells.get()?);
    Ok(resolution.zip(at).map(|(resolution, at)| Resolved {
        resolution,
        by,
        at,
        notes,
    }))
}

#[async_trait]
impl AlertStore for PgStore {
    async fn apply(&self, plans: &[AlertPlan], fence: Fence) -> Result<AlertsApplied, StoreError> {
        let applied = self.bounded(self.apply_plans(plans, fence)).await;
        self.presence_cache.forget(plans.iter().map(|plan| plan.terminal));
        applied
    }

    async fn raise_server_alert(&self, alert: &NewAlert, fence: Fence) -> Result<bool, StoreError> {
        self.bounded(self.raise_about_server(alert, fence)).await
    }

    async fn resolve_server_alert(&self, cause: Cause, at: Timestamp, fence: Fence) -> Result<bool, StoreError> {
        self.bounded(self.resolve_about_server(cause, at, fence)).await
    }

    async fn find(&self, id: AlertId) -> Result<Option<Alert>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!("SELECT ", alert_columns!(), " FROM alert WHERE id = $1"))
                .bind(id.get())
                .fetch_optional(self.pool())
                .await?;
            row.as_ref().map(read).transpose()
        })
        .await
    }

    async fn list(&self, filter: &AlertFilter, order: Order, page: &PageRequest) -> Result<Page<Alert>, StoreError> {
        self.bounded(async {
            let mut connection = self.pool().acquire().await?;
            let mut query = QueryBuilder::new(concat!("SELECT ", alert_columns!(), " FROM alert"));
            let mut all = Conditions::of(&mut query);
            conditions(filter, &mut all);
            if let PageStart::After(cursor) = &page.start {
                all.and("id").push(behind(order)).push_bind(cursor.id);
            }
            query.push(" ORDER BY id").push(direction(order));
            push_limit(&mut query, page);
            let rows = query.build().fetch_all(&mut *connection).await?;
            let total = match page.ended_total(rows.len()) {
                None if page.count => {
                    let mut counting = QueryBuilder::new(COUNT);
                    counting.push("alert");
                    conditions(filter, &mut Conditions::of(&mut counting));
                    Some(count(&mut connection, &mut counting).await?)
                }
                total => total,
            };
            page_by_id(&rows, page, total, read, |alert| alert.id.get())
        })
        .await
    }

    async fn save(&self, next: &Alert, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        self.bounded(self.save_alert(next, seen, with)).await
    }

    async fn save_many(&self, next: &[Alert], with: Envelope) -> Result<(), StoreError> {
        self.bounded(self.save_alerts(next, with)).await
    }

    async fn count_open(&self, customer: Option<CustomerId>) -> Result<Vec<(Severity, u64)>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(
                "SELECT severity, count(*) FROM alert WHERE state <> 'resolved' \
                 AND ($1::bigint IS NULL OR customer_id = $1) GROUP BY severity",
            )
            .bind(customer.map(CustomerId::get))
            .fetch_all(self.pool())
            .await?;
            let read = |row| {
                let mut cells = Cells::of("alert", row);
                Ok((cells.parse()?, unsigned(cells.get()?)))
            };
            let mut counts = rows.iter().map(read).collect::<Result<Vec<(Severity, u64)>, Fault>>()?;
            counts.sort_unstable();
            Ok(counts)
        })
        .await
    }

    async fn count_open_of(&self, terminals: &[TerminalId]) -> Result<Vec<(TerminalId, u64)>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(
                "SELECT terminal_id, count(*) FROM alert WHERE terminal_id = ANY($1) AND state <> 'resolved' \
                 GROUP BY terminal_id ORDER BY terminal_id",
            )
            .bind(terminals.iter().map(|id| id.get()).collect::<Vec<_>>())
            .fetch_all(self.pool())
            .await?;
            let read = |row| {
                let mut cells = Cells::of("alert", row);
                Ok((cells.id(TerminalId::new)?, unsigned(cells.get()?)))
            };
            rows.iter().map(read).collect()
        })
        .await
    }

    async fn drop_resolved(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.bounded(async {
            let gone = sqlx::query(
                "DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE state = 'resolved' AND resolved_at < $1 \
                 ORDER BY resolved_at LIMIT $2)",
            )
            .bind(At::from(before))
            .bind(i64::from(limit))
            .execute(self.pool())
            .await?;
            Ok(gone.rows_affected())
        })
        .await
    }
}

fn conditions(filter: &AlertFilter, all: &mut Conditions<'_>) {
    if let Some(ids) = &filter.ids {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        all.and("id = ANY(").push_bind(ids).push(")");
    }
    if let Some(customer) = filter.customer {
        all.and("customer_id = ").push_bind(customer.get());
    }
    if let Some(terminal) = filter.terminal {
        all.and("terminal_id = ").push_bind(terminal.get());
    }
    if let Some(is_resolved) = filter.is_resolved {
        // Spelled as the partial indexes are.
        all.and(if is_resolved {
            "state = 'resolved'"
        } else {
            "state <> 'resolved'"
        });
    }
    if let Some(severity) = filter.severity {
        all.and("severity = ").push_bind(severity.as_str());
    }
    if let Some(cause) = filter.cause {
        all.and("cause = ").push_bind(cause.as_str());
    }
    if let Some(from) = filter.from {
        all.and("created_at >= ").push_bind(At::from(from));
    }
    if let Some(to) = filter.to {
        all.and("created_at < ").push_bind(At::from(to));
    }
}
