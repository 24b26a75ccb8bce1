//! Heartbeats: a batch is read, planned by the core, and written; history is read back.

use async_trait::async_trait;
use sqlx::{Connection, PgConnection, QueryBuilder};
use tms_core::{
    StoreError,
    heartbeat::{
        Answer, Heartbeat, HeartbeatRecord, HeartbeatStore,
        plan::{BatchPlan, BatchRules, plan},
    },
    id::TerminalId,
    page::{Page, PageRequest, PageStart},
    time::Timestamp,
};

use super::{
    cells::Cells,
    error::Fault,
    heartbeat_write::{Sorted, write_history, write_light},
    listing::{COUNT, Conditions, count, cursor_time, page_by_time, place, place_text, push_limit},
    pool::PgStore,
    presence_row, status_change,
    time::At,
};

#[async_trait]
impl HeartbeatStore for PgStore {
    async fn record_batch(&self, beats: &[Heartbeat], rules: &BatchRules) -> Result<Vec<Answer>, StoreError> {
        self.bounded(self.record(beats, rules)).await
    }

    async fn history(
        &self,
        terminal: TerminalId,
        from: Timestamp,
        to: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<HeartbeatRecord>, StoreError> {
        self.bounded(self.read_history(terminal, from, to, page)).await
    }
}

impl PgStore {
    async fn record(&self, beats: &[Heartbeat], rules: &BatchRules) -> Result<Vec<Answer>, Fault> {
        if beats.is_empty() {
            return Ok(Vec::new());
        }
        let mut terminals: Vec<i64> = beats.iter().map(|beat| beat.terminal.get()).collect();
        terminals.sort_unstable();
        terminals.dedup();
        match self.record_unlocked(&terminals, beats, rules).await {
            Err(fault) if fault.is_missing_partition() => {
                let days = || beats.iter().map(|beat| beat.received_at);
                self.add_partitions(days().min(), days().max()).await?;
            }
            Err(fault) if fault.is_contention() => {}
            outcome => return outcome,
        }
        self.record_locked(&terminals, beats, rules).await
    }

    /// Reads without a lock and writes what is still as it was read: nobody else writes these rows but seldom.
    async fn record_unlocked(
        &self,
        terminals: &[i64],
        beats: &[Heartbeat],
        rules: &BatchRules,
    ) -> Result<Vec<Answer>, Fault> {
        let (mut rows, unknown) = self.presence_cache.recall(terminals);
        let was_recalled = !rows.is_empty();
        let mut connection = self.heartbeat_connection().await?;
        if !unknown.is_empty() {
            rows.extend(presence_row::load(&mut connection, &unknown).await?);
        }
        let plan = plan(rows, beats, rules);
        let sorted = Sorted::of(&plan, beats);
        let outcome = if sorted.full.is_empty() {
            write_light(&mut connection, &sorted.light).await
        } else {
            write_all(&mut connection, &plan, &sorted).await
        };
        if let Err(fault) = outcome {
            if fault.is_contention() {
                self.presence_cache.forget(beats.iter().map(|beat| beat.terminal));
                self.presence_cache.matched(!was_recalled);
            }
            return Err(fault);
        }
        if was_recalled {
            self.presence_cache.matched(true);
        }
        Ok(self.answers(plan))
    }

    async fn record_locked(
        &self,
        terminals: &[i64],
        beats: &[Heartbeat],
        rules: &BatchRules,
    ) -> Result<Vec<Answer>, Fault> {
        let mut connection = self.heartbeat_connection().await?;
        let mut tx = connection.begin().await?;
        let rows = presence_row::lock(&mut tx, terminals).await?;
        let plan = plan(rows, beats, rules);
        let sorted = Sorted::of(&plan, beats);
        write_rows(&mut tx, &plan, &sorted).await?;
        tx.commit().await?;
        Ok(self.answers(plan))
    }

    /// Follows a commit.
    fn answers(&self, plan: BatchPlan) -> Vec<Answer> {
        self.presence_cache.remember(plan.writes.iter().map(|write| &write.row));
        if !plan.changes.is_empty() {
            self.tell_events();
        }
        plan.answers
    }

    async fn read_history(
        &self,
        terminal: TerminalId,
        from: Timestamp,
        to: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<HeartbeatRecord>, Fault> {
        let bounds = |all: &mut Conditions<'_>| {
            all.and("h.terminal_id = ").push_bind(terminal.get());
            all.and("h.received_at >= ").push_bind(At::from(from));
            all.and("h.received_at < ").push_bind(At::from(to));
        };
        let mut connection = self.pool().acquire().await?;
        let total = if page.count {
            let mut counting = QueryBuilder::new(COUNT);
            counting.push("heartbeat_history h");
            bounds(&mut Conditions::of(&mut counting));
            Some(count(&mut connection, &mut counting).await?)
        } else {
            None
        };
        let mut query = QueryBuilder::new(concat!(
            "SELECT ",
            place!("h"),
            ", h.received_at, h.agent_time, h.seq, h.device, h.device_code, h.cpu_percent, h.memory_percent, \
             h.disk_percent, h.temperature_c, h.transaction_count FROM heartbeat_history h"
        ));
        let mut all = Conditions::of(&mut query);
        bounds(&mut all);
        if let PageStart::After(cursor) = &page.start {
            let time = At::from(cursor_time(cursor));
            all.and("h.received_at <= ").push_bind(time);
            all.and("(h.received_at, h.ctid) < (").push_bind(time);
            query.push(", ").push_bind(place_text(cursor.id)).push("::tid)");
        }
        query.push(" ORDER BY h.received_at DESC, h.ctid DESC");
        push_limit(&mut query, page);
        let rows = query.build().fetch_all(&mut *connection).await?;
        let items = rows.iter().map(|row| {
            let mut cells = Cells::of("heartbeat", row);
            let place = cells.get()?;
            Ok((read_record(&mut cells)?, place))
        });
        Ok(page_by_time(
            items.collect::<Result<_, Fault>>()?,
            page,
            total,
            |record| record.received_at,
        ))
    }
}

fn read_record(cells: &mut Cells<'_>) -> Result<HeartbeatRecord, Fault> {
    Ok(HeartbeatRecord {
        received_at: cells.time()?,
        agent_time: cells.time()?,
        seq: cells.get()?,
        device: presence_row::device(cells)?,
        metrics: presence_row::metrics(cells)?,
        transaction_count: cells.get()?,
    })
}

/// Writes a plan in a transaction of its own.
async fn write_all(connection: &mut PgConnection, plan: &BatchPlan, sorted: &Sorted<'_>) -> Result<(), Fault> {
    let mut tx = connection.begin().await?;
    write_rows(&mut tx, plan, sorted).await?;
    Ok(tx.commit().await?)
}

/// Writes a plan. Rows that are not as they were seen end it as contention.
async fn write_rows(tx: &mut PgConnection, plan: &BatchPlan, sorted: &Sorted<'_>) -> Result<(), Fault> {
    write_light(tx, &sorted.light).await?;
    let written = presence_row::write(tx, &sorted.full).await?;
    if u64::try_from(sorted.full.len()) != Ok(written) {
        return Err(Fault::Contention);
    }
    write_history(tx, &sorted.history).await?;
    status_change::write(tx, &plan.changes).await
}
