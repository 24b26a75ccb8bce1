//! Alerts: reading them and what people do. Raising and ending them is `alert_apply`'s.

use std::sync::LazyLock;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use tms_core::{
    StoreError,
    alert::{
        Alert, AlertPlan, AlertStore, Cause, NewAlert, Resolved, Severity,
        store::{AlertFilter, AlertsApplied},
    },
    envelope::Envelope,
    id::{AlertId, CustomerId, Revision, TerminalId},
    lease::Fence,
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

use super::{
    SqliteStore, alert_apply, alert_save,
    bulk::Bulk,
    error::OrFault,
    fields::Fields,
    listing::{Listing, Query, by_id},
};

pub(super) const KIND: &str = "alert";

static OPEN_OF: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::list(
        "SELECT terminal_id, count(*) AS open FROM alert WHERE state <> 'resolved' AND terminal_id IN (",
        ") GROUP BY terminal_id ORDER BY terminal_id",
    )
});

#[async_trait]
impl AlertStore for SqliteStore {
    async fn apply(&self, plans: &[AlertPlan], fence: Fence) -> Result<AlertsApplied, StoreError> {
        let mut work = self.begin(Some(fence)).await?;
        let applied = alert_apply::apply(&mut work, plans).await?;
        work.commit().await?;
        Ok(applied)
    }

    async fn raise_server_alert(&self, alert: &NewAlert, fence: Fence) -> Result<bool, StoreError> {
        let mut work = self.begin(Some(fence)).await?;
        let was_raised = alert_apply::raise_server_alert(work.conn(), alert).await?;
        work.commit().await?;
        Ok(was_raised)
    }

    async fn resolve_server_alert(&self, cause: Cause, at: Timestamp, fence: Fence) -> Result<bool, StoreError> {
        let mut work = self.begin(Some(fence)).await?;
        let was_resolved = alert_apply::resolve_server_alert(work.conn(), cause, at).await?;
        work.commit().await?;
        Ok(was_resolved)
    }

    async fn find(&self, id: AlertId) -> Result<Option<Alert>, StoreError> {
        let row = sqlx::query("SELECT * FROM alert WHERE id = ?")
            .bind(id.get())
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(KIND, id)?;
        row.as_ref().map(read).transpose()
    }

    async fn list(&self, filter: &AlertFilter, order: Order, page: &PageRequest) -> Result<Page<Alert>, StoreError> {
        let listing = Listing {
            kind: KIND,
            around: ("", ""),
            columns: "*",
            from: "alert",
            key: None,
            id: "id",
            order,
        };
        let conditions = |query: &mut Query| narrow(query, filter);
        let mut conn = self.read().await?;
        listing
            .page(&mut conn, page, &conditions, read, |alert| by_id(alert.id.get()))
            .await
    }

    async fn save(&self, next: &Alert, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        let next = Alert {
            revision: seen,
            ..next.clone()
        };
        let mut work = self.act(&with).await?;
        alert_save::write(work.conn(), std::slice::from_ref(&next)).await?;
        work.seal(&with, Some(next.id.get())).await?;
        Ok(seen.next())
    }

    async fn save_many(&self, next: &[Alert], with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        alert_save::write(work.conn(), next).await?;
        work.seal(&with, None).await
    }

    async fn count_open(&self, customer: Option<CustomerId>) -> Result<Vec<(Severity, u64)>, StoreError> {
        let mut query = Query::new("SELECT severity, count(*) AS open FROM alert WHERE state <> 'resolved'");
        if let Some(customer) = customer {
            query.push(" AND customer_id = ").push_bind(customer.get());
        }
        query.push(" GROUP BY severity");
        let rows = query
            .build()
            .fetch_all(&mut *self.read().await?)
            .await
            .or_fault(KIND, "")?;
        let mut counts = rows
            .iter()
            .map(|row| {
                let fields = Fields::new(KIND, row);
                Ok((fields.named("severity")?, fields.number("open")?))
            })
            .collect::<Result<Vec<(Severity, u64)>, StoreError>>()?;
        counts.sort_unstable();
        Ok(counts)
    }

    async fn count_open_of(&self, terminals: &[TerminalId]) -> Result<Vec<(TerminalId, u64)>, StoreError> {
        let mut ids = terminals.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let rows = OPEN_OF
            .of_terminals(&mut *self.read().await?, &ids)
            .await
            .or_fault(KIND, "")?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(KIND, row);
                Ok((fields.terminal("terminal_id")?, fields.number("open")?))
            })
            .collect()
    }

    async fn drop_resolved(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let dropped = sqlx::query(
            "DELETE FROM alert WHERE id IN
                 (SELECT id FROM alert WHERE state = 'resolved' AND resolved_at < ? ORDER BY resolved_at LIMIT ?)",
        )
        .bind(before.as_micros())
        .bind(i64::from(limit))
        .execute(work.conn())
        .await
        .or_fault(KIND, "")?;
        work.commit().await?;
        Ok(dropped.rows_affected())
    }
}

fn narrow(query: &mut Query, filter: &AlertFilter) {
    if let Some(ids) = &filter.ids {
        // One parameter, however many they are.
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        query
            .push(" AND id IN (SELECT value FROM json_each(")
            .push_bind(serde_json::json!(ids).to_string())
            .push("))");
    }
    if let Some(customer) = filter.customer {
        query.push(" AND customer_id = ").push_bind(customer.get());
    }
    if let Some(terminal) = filter.terminal {
        query.push(" AND terminal_id = ").push_bind(terminal.get());
    }
    if let Some(is_resolved) = filter.is_resolved {
        query.push(if is_resolved {
            " AND state = 'resolved'"
        } else {
            " AND state <> 'resolved'"
        });
    }
    if let Some(severity) = filter.severity {
        query.push(" AND severity = ").push_bind(severity.as_str());
    }
    if let Some(cause) = filter.cause {
        query.push(" AND cause = ").push_bind(cause.as_str());
    }
    if let Some(from) = filter.from {
        query.push(" AND created_at >= ").push_bind(from.as_micros());
    }
    if let Some(to) = filter.to {
        query.push(" AND created_at < ").push_bind(to.as_micros());
    }
}

/// Reads an alert.
pub(super) fn read(row: &SqliteRow) -> Result<Alert, StoreError> {
    let fields = Fields::new(KIND, row);
    let acknowledged_by: Option<String> = fields.get("acknowledged_by")?;
    let resolved = match fields.maybe_named("resolution")? {
        None => None,
        Some(resolution) => Some(Resolved {
            resolution,
            by: fields.get("resolved_by")?,
            at: fields.time("resolved_at")?,
            notes: fields.get("resolution_notes")?,
        }),
    };
    Ok(Alert {
        id: fields.id("id", AlertId::new)?,
        terminal: fields.maybe_id("terminal_id", TerminalId::new)?,
        customer: fields.maybe_id("customer_id", CustomerId::new)?,
        cause: fields.named("cause")?,
        severity: fields.named("severity")?,
        state: fields.named("state")?,
        details: fields.json("details")?,
        occurrences: fields.get("occurrences")?,
        created_at: fields.time("created_at")?,
        acknowledged: acknowledged_by.zip(fields.maybe_time("acknowledged_at")?),
        resolved,
        revision: fields.revision("revision")?,
    })
}
