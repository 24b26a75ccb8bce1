//! Presence: what the sweep reads and writes, our own outages, the history of status.

use std::sync::LazyLock;

use async_trait::async_trait;
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    alert::CauseSet,
    envelope::Envelope,
    heartbeat::Metrics,
    id::{EntityRef, TerminalId},
    lease::Fence,
    page::{Order, Page, PageRequest},
    presence::{
        BootId, Device, Outage, Presence, PresenceStore, Reported, StatusChange, StatusInterval,
        outage::moved_deadline,
        store::{DueRows, PresenceWrite, SweepPlan},
    },
    time::Timestamp,
};

use super::{
    SqliteStore,
    bulk::{Bulk, first_numbers},
    error::OrFault,
    fields::Fields,
    listing::{Listing, Query, by_id},
};

const KIND: &str = "presence";

/// The columns of a presence row: `p` is `terminal_presence`, `u` is `terminal_pulse`.
macro_rules! presence_columns {
    () => {
        "p.*, u.version, u.last_seen, u.next_s, u.deadline, u.seq, u.agent_time, u.cpu_percent, u.memory_percent,
         u.disk_percent, u.temperature_c, u.uptime_s, u.last_transaction, u.transaction_count, u.last_heartbeat_id"
    };
}
pub(super) use presence_columns;

/// Presence rows by terminal, with their `last_heartbeat_id`.
pub(super) static BY_TERMINAL: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::list(
        concat!(
            "SELECT ",
            presence_columns!(),
            " FROM terminal_presence p JOIN terminal_pulse u ON u.terminal_id = p.terminal_id WHERE p.terminal_id IN ("
        ),
        ")",
    )
});

#[async_trait]
impl PresenceStore for SqliteStore {
    async fn find_many(&self, terminals: &[TerminalId]) -> Result<Vec<Presence>, StoreError> {
        let mut ids = terminals.to_vec();
        ids.sort_unstable();
        ids.dedup();
        load(&mut *self.read().await?, &ids).await
    }

    async fn stamp_alive(&self, now: Timestamp) -> Result<Option<Outage>, StoreError> {
        let mut work = self.begin(None).await?;
        let last: Option<i64> = sqlx::query_scalar("SELECT at FROM liveness")
            .fetch_optional(work.conn())
            .await
            .or_fault("liveness", "")?;
        let last = last.map(Timestamp::from_micros);
        if last.is_some_and(|last| now <= last) {
            return Ok(None);
        }
        sqlx::query("REPLACE INTO liveness (id, at) VALUES (1, ?)")
            .bind(now.as_micros())
            .execute(work.conn())
            .await
            .or_fault("liveness", "")?;
        let outage = last.and_then(|last| Outage::between(last, now));
        if let Some(outage) = outage {
            sqlx::query("INSERT INTO outage (from_at, to_at) VALUES (?, ?)")
                .bind(outage.from.as_micros())
                .bind(outage.to.as_micros())
                .execute(work.conn())
                .await
                .or_fault("outage", "")?;
        }
        work.commit().await?;
        Ok(outage)
    }

    async fn outages(&self, since: Timestamp) -> Result<Vec<Outage>, StoreError> {
        let rows = sqlx::query("SELECT from_at, to_at FROM outage WHERE to_at > ? ORDER BY from_at, id")
            .bind(since.as_micros())
            .fetch_all(&mut *self.read().await?)
            .await
            .or_fault("outage", "")?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new("outage", row);
                Ok(Outage {
                    from: fields.time("from_at")?,
                    to: fields.time("to_at")?,
                })
            })
            .collect()
    }

    async fn due(&self, now: Timestamp, outages: &[Outage], limit: u32) -> Result<DueRows, StoreError> {
        let mut conn = self.read().await?;
        // One snapshot for all of it.
        let mut tx = sqlx::Connection::begin(&mut *conn).await.or_fault(KIND, "")?;
        let connected: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM terminal_presence WHERE is_active = 1 AND is_lost = 0 AND first_seen IS NOT NULL",
        )
        .fetch_one(&mut *tx)
        .await
        .or_fault(KIND, "")?;
        let mut ids = due_for_loss(&mut tx, now, outages).await?;
        let due_for_loss = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        ids.truncate(most);
        let mut thresholds = breaching(&mut tx, limit).await?;
        thresholds.retain(|id| ids.binary_search(id).is_err());
        thresholds.truncate(most - ids.len());
        ids.extend(thresholds);
        ids.sort_unstable();
        let rows = load(&mut tx, &ids).await?;
        Ok(DueRows {
            rows,
            connected: u64::try_from(connected).unwrap_or(0),
            due_for_loss,
        })
    }

    async fn apply_sweep(&self, plan: &SweepPlan, fence: Fence) -> Result<u64, StoreError> {
        let mut work = self.begin(Some(fence)).await?;
        let written = work.write_unchanged(&plan.writes, &plan.changes).await?;
        work.commit().await?;
        Ok(written)
    }

    async fn unsettled(&self, limit: u32) -> Result<Vec<Presence>, StoreError> {
        let mut conn = self.read().await?;
        let rows = sqlx::query(
            "SELECT terminal_id FROM terminal_presence WHERE raised <> alerted ORDER BY terminal_id LIMIT ?",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut *conn)
        .await
        .or_fault(KIND, "")?;
        load(&mut conn, &ids_of(&rows)?).await
    }

    async fn judged_by_rules(&self, after: Option<TerminalId>, limit: u32) -> Result<Vec<Presence>, StoreError> {
        let mut conn = self.read().await?;
        let rows = sqlx::query(
            "SELECT terminal_id FROM terminal_presence WHERE terminal_id > ?1 AND is_active = 1
                 AND (raised <> 0 OR breach_bits <> 0 OR is_lost = 1 OR device IN ('error', 'absent'))
             ORDER BY terminal_id LIMIT ?2",
        )
        .bind(after.map_or(0, TerminalId::get))
        .bind(i64::from(limit))
        .fetch_all(&mut *conn)
        .await
        .or_fault(KIND, "")?;
        load(&mut conn, &ids_of(&rows)?).await
    }

    async fn save(
        &self,
        write: &PresenceWrite,
        change: Option<StatusChange>,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        let changes: Vec<StatusChange> = change.into_iter().collect();
        if work.write_unchanged(std::slice::from_ref(write), &changes).await? == 0 {
            return Err(StoreError::Stale(EntityRef::new(KIND, write.row.terminal)));
        }
        work.seal(&with, Some(write.row.terminal.get())).await
    }

    async fn status_history(
        &self,
        terminal: TerminalId,
        page: &PageRequest,
    ) -> Result<Page<StatusInterval>, StoreError> {
        let listing = Listing {
            kind: "status change",
            around: ("", ""),
            columns: "id, status, began_at, ended_at, next_status",
            from: "status_change",
            key: None,
            id: "id",
            order: Order::Descending,
        };
        let of_terminal = |query: &mut Query| {
            query.push(" AND terminal_id = ").push_bind(terminal.get());
        };
        let mut conn = self.read().await?;
        let page = listing.page(&mut conn, page, &of_terminal, interval, |(id, _)| by_id(*id));
        Ok(page.await?.map(|(_, interval)| interval))
    }
}

/// Loads rows by terminal, in order of id.
pub(super) async fn load(
    conn: &mut sqlx::SqliteConnection,
    terminals: &[TerminalId],
) -> Result<Vec<Presence>, StoreError> {
    let rows = BY_TERMINAL.of_terminals(conn, terminals).await.or_fault(KIND, "")?;
    let mut rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    rows.sort_unstable_by_key(|row| row.terminal);
    Ok(rows)
}

/// Returns the terminals whose silence is loss, outages considered, in order of id.
async fn due_for_loss(
    tx: &mut Transaction<'_, Sqlite>,
    now: Timestamp,
    outages: &[Outage],
) -> Result<Vec<TerminalId>, StoreError> {
    let rows = sqlx::query(
        "SELECT u.terminal_id, u.last_seen, u.deadline FROM terminal_pulse u
         JOIN terminal_presence p ON p.terminal_id = u.terminal_id
         WHERE u.deadline < ? AND p.is_active = 1 AND p.is_lost = 0 ORDER BY u.terminal_id",
    )
    .bind(now.as_micros())
    .fetch_all(&mut **tx)
    .await
    .or_fault(KIND, "")?;
    let mut due = Vec::new();
    for row in &rows {
        let fields = Fields::new(KIND, row);
        let (Some(last_seen), Some(deadline)) = (fields.maybe_time("last_seen")?, fields.maybe_time("deadline")?)
        else {
            continue;
        };
        if moved_deadline(last_seen, deadline, outages) < now {
            due.push(fields.terminal("terminal_id")?);
        }
    }
    Ok(due)
}

/// Returns the terminals that await a threshold, in order of id.
async fn breaching(tx: &mut Transaction<'_, Sqlite>, limit: u32) -> Result<Vec<TerminalId>, StoreError> {
    let rows = sqlx::query(
        "SELECT terminal_id FROM terminal_presence
         WHERE (breach_bits & ~raised) <> 0 AND is_active = 1 AND is_lost = 0 AND in_maintenance = 0 ORDER BY terminal_id LIMIT ?",
    )
    .bind(i64::from(limit))
    .fetch_all(&mut **tx)
    .await
    .or_fault(KIND, "")?;
    ids_of(&rows)
}

fn ids_of(rows: &[SqliteRow]) -> Result<Vec<TerminalId>, StoreError> {
    let ids = first_numbers(rows).or_fault(KIND, "")?;
    ids.into_iter()
        .map(|id| TerminalId::new(id).map_err(|e| StoreError::Corrupt(EntityRef::new(KIND, id), e.into())))
        .collect()
}

fn interval(row: &SqliteRow) -> Result<(i64, StatusInterval), StoreError> {
    let fields = Fields::new("status change", row);
    let interval = StatusInterval {
        status: fields.named("status")?,
        from: fields.time("began_at")?,
        to: fields.time("ended_at")?,
        next: fields.named("next_status")?,
    };
    Ok((row.try_get("id").or_fault("status change", "")?, interval))
}

/// Reads a presence row.
pub(super) fn read(row: &SqliteRow) -> Result<Presence, StoreError> {
    let fields = Fields::new(KIND, row);
    let device = Device::from_parts(fields.get("device")?, fields.number("device_code")?)
        .map_err(|error| fields.corrupt("device", error))?;
    let past_boots: &str = fields.get("past_boots")?;
    let past_boots = past_boots.split_ascii_whitespace().map(BootId::parse);
    let boot: Option<&str> = fields.get("boot")?;
    Ok(Presence {
        terminal: fields.terminal("terminal_id")?,
        customer: fields.customer("customer_id")?,
        version: fields.get("version")?,
        interval_s: fields.number("interval_s")?,
        is_active: fields.get("is_active")?,
        in_maintenance: fields.get("in_maintenance")?,
        config_version: fields.get("config_version")?,
        first_seen: fields.maybe_time("first_seen")?,
        last_seen: fields.maybe_time("last_seen")?,
        next_s: fields.number("next_s")?,
        deadline: fields.maybe_time("deadline")?,
        is_lost: fields.get("is_lost")?,
        device,
        boot: boot
            .map(BootId::parse)
            .transpose()
            .map_err(|error| fields.corrupt("boot", error))?,
        seq: fields.get("seq")?,
        past_boots: past_boots
            .collect::<Result<_, _>>()
            .map_err(|error| fields.corrupt("past_boots", error))?,
        agent_time: fields.maybe_time("agent_time")?,
        metrics: metrics(fields)?,
        reported: Reported {
            firmware_version: fields.get("firmware_version")?,
            agent_version: fields.get("agent_version")?,
            ip_address: fields.maybe_address("ip_address")?,
            config_version: fields.get("reported_config")?,
        },
        counters: tms_core::presence::Counters {
            uptime_s: fields.get("uptime_s")?,
            last_transaction: fields.maybe_time("last_transaction")?,
            transaction_count: fields.get("transaction_count")?,
        },
        status: fields.named("status")?,
        status_since: fields.time("status_since")?,
        breaches: fields.named("breaches")?,
        raised: causes(fields, "raised")?,
        alerted: causes(fields, "alerted")?,
    })
}

/// Reads measurements.
pub(super) fn metrics(fields: Fields<'_>) -> Result<Metrics, StoreError> {
    Ok(Metrics {
        cpu_percent: fields.maybe_number("cpu_percent")?,
        memory_percent: fields.maybe_number("memory_percent")?,
        disk_percent: fields.maybe_number("disk_percent")?,
        temperature_c: fields.maybe_number("temperature_c")?,
    })
}

/// Reads a set of causes.
pub(super) fn causes(fields: Fields<'_>, column: &str) -> Result<CauseSet, StoreError> {
    Ok(CauseSet::from_bits(fields.number(column)?))
}
