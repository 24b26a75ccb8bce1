//! Maintenance times.

use async_trait::async_trait;
use sqlx::{QueryBuilder, postgres::PgRow};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{CustomerId, MaintenanceId, TerminalId},
    maintenance::{Maintenance, MaintenanceStore, NewMaintenance},
    page::{Page, PageRequest, PageStart},
    time::Timestamp,
};

use super::{
    cells::Cells,
    error::Fault,
    listing::{COUNT, Conditions, count, page_by_id, push_limit},
    pool::PgStore,
    time::{At, maybe},
};

macro_rules! columns {
    () => {
        "m.id, m.terminal_id, m.from_at, m.until_at, m.reason, m.created_by, m.created_at"
    };
}

fn read(row: &PgRow) -> Result<Maintenance, Fault> {
    let mut cells = Cells::of("maintenance", row);
    Ok(Maintenance {
        id: cells.id(MaintenanceId::new)?,
        plan: NewMaintenance {
            terminal: cells.id(TerminalId::new)?,
            from: cells.time()?,
            until: cells.maybe_time()?,
            reason: cells.get()?,
        },
        created_by: cells.get()?,
        created_at: cells.time()?,
    })
}

#[async_trait]
impl MaintenanceStore for PgStore {
    async fn insert(
        &self,
        plan: &NewMaintenance,
        created_by: &str,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Maintenance, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            let row = sqlx::query(concat!(
                "INSERT INTO maintenance AS m (terminal_id, from_at, until_at, reason, created_by, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) RETURNING ",
                columns!()
            ))
            .bind(plan.terminal.get())
            .bind(At::from(plan.from))
            .bind(maybe(plan.until))
            .bind(&plan.reason)
            .bind(created_by)
            .bind(At::from(now))
            .fetch_one(&mut *act.tx)
            .await?;
            let made = read(&row)?;
            act.finish(Some(made.id.get())).await?;
            Ok(made)
        })
        .await
    }

    async fn find(&self, id: MaintenanceId) -> Result<Option<Maintenance>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(concat!("SELECT ", columns!(), " FROM maintenance m WHERE m.id = $1"))
                .bind(id.get())
                .fetch_optional(self.pool())
                .await?;
            row.as_ref().map(read).transpose()
        })
        .await
    }

    async fn list(
        &self,
        customer: Option<CustomerId>,
        terminal: Option<TerminalId>,
        page: &PageRequest,
    ) -> Result<Page<Maintenance>, StoreError> {
        self.bounded(async {
            let mut connection = self.pool().acquire().await?;
            let scope = |all: &mut Conditions<'_>| {
                if let Some(terminal) = terminal {
                    all.and("m.terminal_id = ").push_bind(terminal.get());
                }
                if let Some(customer) = customer {
                    all.and("EXISTS (SELECT 1 FROM terminal t WHERE t.id = m.terminal_id AND t.customer_id = ")
                        .push_bind(customer.get())
                        .push(")");
                }
            };
            let total = if page.count {
                let mut counting = QueryBuilder::new(COUNT);
                counting.push("maintenance m");
                scope(&mut Conditions::of(&mut counting));
                Some(count(&mut connection, &mut counting).await?)
            } else {
                None
            };
            let mut query = QueryBuilder::new(concat!("SELECT ", columns!(), " FROM maintenance m"));
            let mut all = Conditions::of(&mut query);
            scope(&mut all);
            if let PageStart::After(cursor) = &page.start {
                all.and("m.id < ").push_bind(cursor.id);
            }
            query.push(" ORDER BY m.id DESC");
            push_limit(&mut query, page);
            let rows = query.build().fetch_all(&mut *connection).await?;
            page_by_id(&rows, page, total, read, |time| time.id.get())
        })
        .await
    }

    async fn end(&self, id: MaintenanceId, at: Timestamp, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            // `least` leaves out what is null.
            let found = sqlx::query("UPDATE maintenance SET until_at = least(until_at, $2) WHERE id = $1")
                .bind(id.get())
                .bind(At::from(at))
                .execute(&mut *act.tx)
                .await?;
            if found.rows_affected() == 0 {
                return Err(Fault::missing("maintenance", id));
            }
            act.finish(Some(id.get())).await
        })
        .await
    }

    async fn out_of_step(
        &self,
        now: Timestamp,
        only: Option<TerminalId>,
        limit: u32,
    ) -> Result<Vec<(TerminalId, bool)>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(
                "WITH wanted AS (SELECT DISTINCT terminal_id FROM maintenance WHERE from_at <= $1 \
                 AND coalesce(until_at, 'infinity'::timestamptz) > $1 AND ($3::bigint IS NULL OR terminal_id = $3)) \
                 SELECT p.terminal_id, true AS should FROM wanted w JOIN terminal_presence p USING (terminal_id) \
                 WHERE p.is_active AND NOT p.in_maintenance \
                 UNION ALL \
                 SELECT p.terminal_id, false FROM terminal_presence p WHERE p.in_maintenance AND p.is_active \
                 AND ($3::bigint IS NULL OR p.terminal_id = $3) \
                 AND NOT EXISTS (SELECT 1 FROM wanted w WHERE w.terminal_id = p.terminal_id) \
                 ORDER BY 1 LIMIT $2",
            )
            .bind(At::from(now))
            .bind(i64::from(limit))
            .bind(only.map(TerminalId::get))
            .fetch_all(self.pool())
            .await?;
            let read = |row| {
                let mut cells = Cells::of("maintenance", row);
                Ok((cells.id(TerminalId::new)?, cells.get()?))
            };
            rows.iter().map(read).collect()
        })
        .await
    }
}
