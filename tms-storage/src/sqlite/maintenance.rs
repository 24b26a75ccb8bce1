//! Maintenance times.

use async_trait::async_trait;
use sqlx::{Row, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{CustomerId, EntityRef, MaintenanceId, TerminalId},
    maintenance::{Maintenance, MaintenanceStore, NewMaintenance},
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

use super::{
    SqliteStore,
    error::OrFault,
    fields::Fields,
    listing::{Listing, Query, by_id},
};

const KIND: &str = "maintenance";

#[async_trait]
impl MaintenanceStore for SqliteStore {
    async fn insert(
        &self,
        plan: &NewMaintenance,
        created_by: &str,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Maintenance, StoreError> {
        let mut work = self.act(&with).await?;
        let row = sqlx::query(
            "INSERT INTO maintenance (terminal_id, from_at, until_at, reason, created_by, created_at)
             VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
        )
        .bind(plan.terminal.get())
        .bind(plan.from.as_micros())
        .bind(plan.until.map(Timestamp::as_micros))
        .bind(&plan.reason)
        .bind(created_by)
        .bind(now.as_micros())
        .fetch_one(work.conn())
        .await
        .or_fault("terminal", plan.terminal)?;
        let maintenance = read(&row)?;
        work.seal(&with, Some(maintenance.id.get())).await?;
        Ok(maintenance)
    }

    async fn find(&self, id: MaintenanceId) -> Result<Option<Maintenance>, StoreError> {
        let row = sqlx::query("SELECT * FROM maintenance WHERE id = ?")
            .bind(id.get())
            .fetch_optional(&mut *self.read().await?)
            .await
            .or_fault(KIND, id)?;
        row.as_ref().map(read).transpose()
    }

    async fn list(
        &self,
        customer: Option<CustomerId>,
        terminal: Option<TerminalId>,
        page: &PageRequest,
    ) -> Result<Page<Maintenance>, StoreError> {
        let listing = Listing {
            kind: KIND,
            around: ("", ""),
            columns: "m.*",
            from: "maintenance m",
            key: None,
            id: "m.id",
            order: Order::Descending,
        };
        let conditions = |query: &mut Query| {
            if let Some(customer) = customer {
                query
                    .push(" AND m.terminal_id IN (SELECT id FROM terminal WHERE customer_id = ")
                    .push_bind(customer.get())
                    .push(")");
            }
            if let Some(terminal) = terminal {
                query.push(" AND m.terminal_id = ").push_bind(terminal.get());
            }
        };
        let mut conn = self.read().await?;
        listing
            .page(&mut conn, page, &conditions, read, |found| by_id(found.id.get()))
            .await
    }

    async fn end(&self, id: MaintenanceId, at: Timestamp, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        let row = sqlx::query("SELECT * FROM maintenance WHERE id = ?")
            .bind(id.get())
            .fetch_optional(work.conn())
            .await
            .or_fault(KIND, id)?;
        let row = row.ok_or_else(|| StoreError::Missing(EntityRef::new(KIND, id)))?;
        if read(&row)?.plan.until.is_some_and(|until| until <= at) {
            return Ok(());
        }
        sqlx::query("UPDATE maintenance SET until_at = ? WHERE id = ?")
            .bind(at.as_micros())
            .bind(id.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, id)?;
        work.seal(&with, Some(id.get())).await
    }

    async fn out_of_step(
        &self,
        now: Timestamp,
        only: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(TerminalId, bool)>, StoreError> {
        let rows = sqlx::query(
            "WITH held (terminal_id) AS (
                 SELECT DISTINCT terminal_id FROM maintenance
                 WHERE coalesce(until_at, 9223372036854775807) > ?1 AND from_at <= ?1
                     AND (?3 IS NULL OR terminal_id = ?3)
             )
             SELECT p.terminal_id, 1 AS should FROM held h JOIN terminal_presence p USING (terminal_id)
             WHERE p.is_active = 1 AND p.in_maintenance = 0
             UNION ALL
             SELECT p.terminal_id, 0 FROM terminal_presence p
             WHERE p.in_maintenance = 1 AND p.is_active = 1 AND (?3 IS NULL OR p.terminal_id = ?3)
                 AND p.terminal_id NOT IN (SELECT terminal_id FROM held)
             ORDER BY 1 LIMIT ?2",
        )
        .bind(now.as_micros())
        .bind(i64::from(limit))
        .bind(only.map(TerminalId::get))
        .fetch_all(&mut *self.read().await?)
        .await
        .or_fault(KIND, "")?;
        rows.iter()
            .map(|row| {
                let id = Fields::new(KIND, row).terminal("terminal_id")?;
                Ok((id, row.try_get(1).or_fault(KIND, id)?))
            })
            .collect()
    }
}

fn read(row: &SqliteRow) -> Result<Maintenance, StoreError> {
    let fields = Fields::new(KIND, row);
    Ok(Maintenance {
        id: fields.id("id", MaintenanceId::new)?,
        plan: NewMaintenance {
            terminal: fields.terminal("terminal_id")?,
            from: fields.time("from_at")?,
            until: fields.maybe_time("until_at")?,
            reason: fields.get("reason")?,
        },
        created_by: fields.get("created_by")?,
        created_at: fields.time("created_at")?,
    })
}
