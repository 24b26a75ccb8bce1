//! Presence: what the sweep and an operator's act write, and the status history.

use async_trait::async_trait;
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::TerminalId,
    lease::Fence,
    page::{Page, PageRequest, PageStart},
    presence::{
        Outage, Presence, PresenceStore, StatusChange, StatusInterval,
        store::{DueRows, PresenceWrite, SweepPlan},
    },
    time::Timestamp,
};

use super::{
    cells::Cells,
    envelope::check_fence,
    error::Fault,
    listing::{COUNT, Conditions, count, cursor_time, page_by_time, place, place_text, push_limit},
    pool::PgStore,
    presence_row::{self, presence_columns},
    status_change,
    time::At,
};

#[async_trait]
impl PresenceStore for PgStore {
    async fn find_many(&self, terminals: &[TerminalId]) -> Result<Vec<Presence>, StoreError> {
        self.bounded(async {
            let ids: Vec<_> = terminals.iter().map(|id| id.get()).collect();
            let mut connection = self.heartbeat_connection().await?;
            presence_row::load(&mut connection, &ids).await
        })
        .await
    }

    async fn stamp_alive(&self, now: Timestamp) -> Result<Option<Outage>, StoreError> {
        self.bounded(async {
            let mut tx = self.duty().begin().await?;
            let last: Option<At> = sqlx::query_scalar("SELECT last_alive FROM liveness WHERE one FOR UPDATE")
                .fetch_one(&mut *tx)
                .await?;
            let last = last.map(At::time);
            if last.is_none_or(|last| last < now) {
                sqlx::query("UPDATE liveness SET last_alive = $1 WHERE one")
                    .bind(At::from(now))
                    .execute(&mut *tx)
                    .await?;
            }
            let outage = last.and_then(|last| Outage::between(last, now));
            if let Some(outage) = outage {
                sqlx::query("INSERT INTO outage (from_at, to_at) VALUES ($1, $2)")
                    .bind(At::from(outage.from))
                    .bind(At::from(outage.to))
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
            Ok(outage)
        })
        .await
    }

    async fn outages(&self, since: Timestamp) -> Result<Vec<Outage>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query("SELECT from_at, to_at FROM outage WHERE to_at > $1 ORDER BY from_at")
                .bind(At::from(since))
                .fetch_all(self.pool())
                .await?;
            let read = |row| {
                let mut cells = Cells::of("outage", row);
                Ok(Outage {
                    from: cells.time()?,
                    to: cells.time()?,
                })
            };
            rows.iter().map(read).collect()
        })
        .await
    }

    async fn due(&self, now: Timestamp, outages: &[Outage], limit: u32) -> Result<DueRows, StoreError> {
        self.bounded(self.find_due(now, outages, limit)).await
    }

    async fn apply_sweep(&self, plan: &SweepPlan, fence: Fence) -> Result<u64, StoreError> {
        let written = self.bounded(self.write_sweep(plan, fence)).await;
        self.presence_cache
            .forget(plan.writes.iter().map(|write| write.row.terminal));
        written
    }

    async fn unsettled(&self, limit: u32) -> Result<Vec<Presence>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(concat!(
                "SELECT ",
                presence_columns!(),
                " FROM terminal_presence p WHERE p.raised <> p.alerted ORDER BY p.terminal_id LIMIT $1"
            ))
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
            rows.iter().map(presence_row::read).collect()
        })
        .await
    }

    async fn judged_by_rules(&self, after: Option<TerminalId>, limit: u32) -> Result<Vec<Presence>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(concat!(
                "SELECT ",
                presence_columns!(),
                " FROM terminal_presence p WHERE p.terminal_id > $1 AND p.is_active AND (p.raised <> 0 OR p.breached <> 0 \
                 OR p.is_lost OR p.device IN ('error', 'absent')) ORDER BY p.terminal_id LIMIT $2"
            ))
            .bind(after.map_or(0, TerminalId::get))
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
            rows.iter().map(presence_row::read).collect()
        })
        .await
    }

    async fn save(
        &self,
        write: &PresenceWrite,
        change: Option<StatusChange>,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let saved = self.bounded(self.save_row(write, change, with)).await;
        self.presence_cache.forget(std::iter::once(write.row.terminal));
        saved
    }

    async fn status_history(
        &self,
        terminal: TerminalId,
        page: &PageRequest,
    ) -> Result<Page<StatusInterval>, StoreError> {
        self.bounded(self.read_status_history(terminal, page)).await
    }
}

impl PgStore {
    /// Rows that somebody is writing at this moment are skipped: they are not silent.
    async fn write_sweep(&self, plan: &SweepPlan, fence: Fence) -> Result<u64, Fault> {
        let days = || plan.changes.iter().map(|change| change.at);
        match self.try_write_sweep(plan, fence).await {
            Err(fault) if fault.is_missing_partition() => {
                self.add_partitions(days().min(), days().max()).await?;
                self.try_write_sweep(plan, fence).await
            }
            outcome => outcome,
        }
    }

    async fn try_write_sweep(&self, plan: &SweepPlan, fence: Fence) -> Result<u64, Fault> {
        let mut tx = self.begin().await?;
        check_fence(&mut tx, fence).await?;
        let ids: Vec<_> = plan.writes.iter().map(|write| write.row.terminal.get()).collect();
        let seen: Vec<_> = plan.writes.iter().map(|write| write.seen).collect();
        let free: Vec<i64> = sqlx::query_scalar(
            "SELECT p.terminal_id FROM terminal_presence p \
             JOIN unnest($1::bigint[], $2::bigint[]) AS w (terminal_id, seen) ON w.terminal_id = p.terminal_id \
             WHERE p.version = w.seen ORDER BY p.terminal_id FOR NO KEY UPDATE OF p SKIP LOCKED",
        )
        .bind(ids)
        .bind(seen)
        .fetch_all(&mut *tx)
        .await?;
        let is_free = |terminal: TerminalId| free.binary_search(&terminal.get()).is_ok();
        let writes: Vec<_> = plan.writes.iter().filter(|write| is_free(write.row.terminal)).collect();
        let changes: Vec<_> = plan
            .changes
            .iter()
            .filter(|change| is_free(change.terminal))
            .copied()
            .collect();
        let written = presence_row::write(&mut tx, &writes).await?;
        status_change::write(&mut tx, &changes).await?;
        tx.commit().await?;
        if !changes.is_empty() {
            self.tell_events();
        }
        Ok(written)
    }

    async fn save_row(&self, write: &PresenceWrite, change: Option<StatusChange>, with: Envelope) -> Result<(), Fault> {
        match self.try_save_row(write, change, with.clone()).await {
            Err(fault) if fault.is_missing_partition() => {
                let day = change.map(|change| change.at);
                self.add_partitions(day, day).await?;
                self.try_save_row(write, change, with).await
            }
            outcome => outcome,
        }
    }

    async fn try_save_row(
        &self,
        write: &PresenceWrite,
        change: Option<StatusChange>,
        with: Envelope,
    ) -> Result<(), Fault> {
        let mut act = self.act(with).await?;
        if presence_row::write(&mut act.tx, &[write]).await? != 1 {
            let known = presence_row::load(&mut act.tx, &[write.row.terminal.get()]).await?;
            return Err(match known.first() {
                Some(_) => Fault::stale("terminal", write.row.terminal),
                None => Fault::missing("terminal", write.row.terminal),
            });
        }
        status_change::write(&mut act.tx, change.as_slice()).await?;
        act.finish(Some(write.row.terminal.get())).await
    }

    async fn read_status_history(
        &self,
        terminal: TerminalId,
        page: &PageRequest,
    ) -> Result<Page<StatusInterval>, Fault> {
        let mut connection = self.pool().acquire().await?;
        let total = if page.count {
            let mut counting = sqlx::QueryBuilder::new(COUNT);
            counting.push("status_change h");
            Conditions::of(&mut counting)
                .and("h.terminal_id = ")
                .push_bind(terminal.get());
            Some(count(&mut connection, &mut counting).await?)
        } else {
            None
        };
        let mut query = sqlx::QueryBuilder::new(concat!(
            "SELECT ",
            place!("h"),
            ", h.status, h.began_at, h.ended_at, h.next_status FROM status_change h"
        ));
        let mut all = Conditions::of(&mut query);
        all.and("h.terminal_id = ").push_bind(terminal.get());
        if let PageStart::After(cursor) = &page.start {
            let time = At::from(cursor_time(cursor));
            all.and("h.ended_at <= ").push_bind(time);
            all.and("(h.ended_at, h.ctid) < (").push_bind(time);
            query.push(", ").push_bind(place_text(cursor.id)).push("::tid)");
        }
        query.push(" ORDER BY h.ended_at DESC, h.ctid DESC");
        push_limit(&mut query, page);
        let rows = query.build().fetch_all(&mut *connection).await?;
        let items = rows.iter().map(|row| {
            let mut cells = Cells::of("status change", row);
            let place = cells.get()?;
            let interval = StatusInterval {
                status: cells.parse()?,
                from: cells.time()?,
                to: cells.time()?,
                next: cells.parse()?,
            };
            Ok((interval, place))
        });
        let items = items.collect::<Result<_, Fault>>()?;
        Ok(page_by_time(items, page, total, |interval| interval.to))
    }
}
