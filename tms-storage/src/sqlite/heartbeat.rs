//! Heartbeats: one transaction for a batch, and history by following each terminal's chain.

use std::{collections::HashMap, sync::LazyLock};

use async_trait::async_trait;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    heartbeat::{
        Answer, Heartbeat, HeartbeatRecord, HeartbeatStore,
        plan::{BatchPlan, BatchRules, plan},
    },
    id::TerminalId,
    page::{MAX_COUNTED, Page, PageRequest, PageStart},
    presence::{Device, store::PresenceWrite},
    time::Timestamp,
};

use super::{
    SqliteStore,
    bulk::{Binds, Bulk},
    cache::Known,
    error::OrFault,
    fields::Fields,
    listing::by_id,
    presence,
    presence_write::{write_changes, write_rows},
    work::Work,
};

const KIND: &str = "heartbeat";

static HISTORY: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO heartbeat_history (id, terminal_id, previous_id, received_at, agent_time, seq, device,
         device_code, cpu_percent, memory_percent, disk_percent, temperature_c, transaction_count) VALUES ",
        13,
        "",
    )
});

/// The chain of a terminal from a row on, newest first. Its rows come in the order of the chain, because each step
/// finds one row. Arrival order may differ a little from the order of `received_at`; hence the hour of patience.
macro_rules! chain {
    ($start:literal, $then:literal) => {
        concat!(
            "WITH RECURSIVE chain AS (
                 SELECT * FROM heartbeat_history WHERE terminal_id = ?1 AND id = (",
            $start,
            ")
                 UNION ALL
                 SELECT h.* FROM chain c JOIN heartbeat_history h ON h.id = c.previous_id
                 WHERE c.received_at >= ?3 - 3600000000
             ) ",
            $then
        )
    };
}

#[async_trait]
impl HeartbeatStore for SqliteStore {
    async fn record_batch(&self, beats: &[Heartbeat], rules: &BatchRules) -> Result<Vec<Answer>, StoreError> {
        if beats.is_empty() {
            return Ok(Vec::new());
        }
        let mut work = self.begin(None).await?;
        let met = meet(&mut work, beats).await?;
        let mut batch = Batch::new(met, beats, rules);
        if batch.plan.writes.is_empty() {
            return Ok(batch.plan.answers);
        }
        batch.write(work.conn(), beats).await?;
        let answers = std::mem::take(&mut batch.plan.answers);
        work.commit_then(|cache| {
            let next = batch.next;
            cache.put(batch.into_known(), next);
        })
        .await?;
        Ok(answers)
    }

    async fn history(
        &self,
        terminal: TerminalId,
        from: Timestamp,
        to: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<HeartbeatRecord>, StoreError> {
        let (after, offset) = match &page.start {
            PageStart::First => (None, 0),
            PageStart::After(cursor) => (Some(cursor.id), 0),
            PageStart::Offset(rows) => (None, *rows),
        };
        let mut conn = self.read().await?;
        let rows = sqlx::query(chain!(
            "SELECT CASE WHEN ?2 IS NULL THEN (SELECT last_heartbeat_id FROM terminal_pulse WHERE terminal_id = ?1)
             ELSE (SELECT previous_id FROM heartbeat_history WHERE id = ?2 AND terminal_id = ?1) END",
            "SELECT * FROM chain WHERE received_at >= ?3 AND received_at < ?4 LIMIT ?5 OFFSET ?6"
        ))
        .bind(terminal.get())
        .bind(after)
        .bind(from.as_micros())
        .bind(to.as_micros())
        .bind(i64::from(page.limit) + 1)
        .bind(i64::from(offset))
        .fetch_all(&mut *conn)
        .await
        .or_fault(KIND, terminal)?;
        let rows = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let total = if page.count {
            Some(count(&mut conn, terminal, from, to).await?)
        } else {
            None
        };
        let page = Page::from_rows(rows, page.limit, total, |(id, _)| by_id(*id));
        Ok(page.map(|(_, record)| record))
    }
}

async fn count(
    conn: &mut SqliteConnection,
    terminal: TerminalId,
    from: Timestamp,
    to: Timestamp,
) -> Result<u64, StoreError> {
    let total: i64 = sqlx::query_scalar(chain!(
        "SELECT last_heartbeat_id FROM terminal_pulse WHERE terminal_id = ?1 AND ?2 IS NULL",
        "SELECT count(*) FROM (SELECT 1 FROM chain WHERE received_at >= ?3 AND received_at < ?4 LIMIT ?5)"
    ))
    .bind(terminal.get())
    .bind(None::<i64>)
    .bind(from.as_micros())
    .bind(to.as_micros())
    .bind(i64::try_from(MAX_COUNTED).unwrap_or(i64::MAX) + 1)
    .fetch_one(conn)
    .await
    .or_fault(KIND, terminal)?;
    Ok(u64::try_from(total).unwrap_or(0))
}

/// The rows that a batch meets, and the id that its first heartbeat gets.
struct Met {
    rows: Vec<Known>,
    next: i64,
}

async fn meet(work: &mut Work<'_>, beats: &[Heartbeat]) -> Result<Met, StoreError> {
    let mut ids: Vec<TerminalId> = beats.iter().map(|beat| beat.terminal).collect();
    ids.sort_unstable();
    ids.dedup();
    let (conn, cache) = work.parts();
    let data_version = sqlx::query_scalar("PRAGMA data_version")
        .fetch_one(&mut *conn)
        .await
        .or_fault("database", "")?;
    cache.trust(data_version);
    let (mut rows, missing) = cache.take(&ids);
    let next = cache.take_next_heartbeat();
    let loaded = presence::BY_TERMINAL
        .of_terminals(conn, &missing)
        .await
        .or_fault("presence", "")?;
    for row in &loaded {
        rows.push(Known {
            row: presence::read(row)?,
            last_heartbeat: Fields::new(KIND, row).get("last_heartbeat_id")?,
        });
    }
    let next = match next {
        Some(next) => next,
        None => next_heartbeat(conn).await?,
    };
    Ok(Met { rows, next })
}

/// Returns an id that no heartbeat ever had, dropped ones included: a chain may still point at those.
async fn next_heartbeat(conn: &mut SqliteConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'heartbeat_history'")
        .fetch_one(conn)
        .await
        .or_fault(KIND, "")
}

/// One heartbeat as a row of history.
struct Link<'a> {
    id: i64,
    previous: Option<i64>,
    beat: &'a Heartbeat,
}

/// A plan, and the chains that it makes longer.
struct Batch {
    plan: BatchPlan,
    chains: HashMap<TerminalId, Option<i64>>,
    next: i64,
}

impl Batch {
    fn new(met: Met, beats: &[Heartbeat], rules: &BatchRules) -> Self {
        let chains = met
            .rows
            .iter()
            .map(|known| (known.row.terminal, known.last_heartbeat))
            .collect();
        let rows = met.rows.into_iter().map(|known| known.row).collect();
        Self {
            plan: plan(rows, beats, rules),
            chains,
            next: met.next,
        }
    }

    async fn write(&mut self, conn: &mut SqliteConnection, beats: &[Heartbeat]) -> Result<(), StoreError> {
        let links = self.links(beats);
        HISTORY.execute(conn, &links, bind_link).await.or_fault(KIND, "")?;
        let rows: Vec<_> = self
            .plan
            .writes
            .iter()
            .map(|write| (write, self.last_of(write)))
            .collect();
        write_rows(conn, &rows).await?;
        write_changes(conn, &self.plan.changes, |_| true).await
    }

    fn links<'a>(&mut self, beats: &'a [Heartbeat]) -> Vec<Link<'a>> {
        let mut links = Vec::with_capacity(self.plan.history.len());
        for beat in self.plan.history.iter().filter_map(|index| beats.get(*index)) {
            let id = self.next;
            self.next += 1;
            let previous = self.chains.insert(beat.terminal, Some(id)).flatten();
            links.push(Link { id, previous, beat });
        }
        links
    }

    fn last_of(&self, write: &PresenceWrite) -> Option<i64> {
        self.chains.get(&write.row.terminal).copied().flatten()
    }

    fn into_known(self) -> impl Iterator<Item = Known> {
        let chains = self.chains;
        self.plan.writes.into_iter().map(move |write| Known {
            last_heartbeat: chains.get(&write.row.terminal).copied().flatten(),
            row: write.row,
        })
    }
}

fn bind_link(link: &Link<'_>, binds: &mut Binds) {
    let beat = link.beat;
    binds
        .add(link.id)
        .add(beat.terminal.get())
        .add(link.previous)
        .time(beat.received_at)
        .time(beat.agent_time)
        .add(beat.sequence.as_ref().map(|sequence| sequence.seq))
        .add(beat.device.name())
        .add(beat.device.code())
        .add(beat.metrics.cpu_percent)
        .add(beat.metrics.memory_percent)
        .add(beat.metrics.disk_percent)
        .add(beat.metrics.temperature_c)
        .add(beat.counters.transaction_count);
}

fn record(row: &SqliteRow) -> Result<(i64, HeartbeatRecord), StoreError> {
    let fields = Fields::new(KIND, row);
    let device = Device::from_parts(fields.get("device")?, fields.number("device_code")?)
        .map_err(|error| fields.corrupt("device", error))?;
    let record = HeartbeatRecord {
        received_at: fields.time("received_at")?,
        agent_time: fields.time("agent_time")?,
        seq: fields.get("seq")?,
        device,
        metrics: presence::metrics(fields)?,
        transaction_count: fields.get("transaction_count")?,
    };
    Ok((row.try_get("id").or_fault(KIND, "")?, record))
}
