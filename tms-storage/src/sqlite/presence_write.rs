//! Writing presence rows and what follows from them: history of status, status of the terminal, counts, events.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    sync::LazyLock,
};

use sqlx::SqliteConnection;
use tms_core::{
    StoreError,
    event::Event,
    id::{CustomerId, TerminalId},
    presence::{Phase, Presence, Status, StatusChange, store::PresenceWrite},
    time::Timestamp,
};

use super::{
    bulk::{Binds, Bulk},
    error::OrFault,
    fields::Fields,
    room,
    work::{Work, write_events},
};

const KIND: &str = "presence";

/// What every heartbeat changes.
static PULSES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "REPLACE INTO terminal_pulse (terminal_id, version, last_seen, next_s, deadline, seq, agent_time, cpu_percent,
         memory_percent, disk_percent, temperature_c, uptime_s, last_transaction, transaction_count,
         last_heartbeat_id) VALUES ",
        15,
        "",
    )
});

/// The rest of a presence row.
static ROWS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO terminal_presence (terminal_id, customer_id, interval_s, is_active, in_maintenance,
         config_version, first_seen, is_lost, device, device_code, boot, past_boots, firmware_version, agent_version,
         ip_address, reported_config, status, status_since, breaches, breach_bits, raised, alerted) VALUES ",
        22,
        " ON CONFLICT (terminal_id) DO UPDATE SET customer_id = excluded.customer_id,
         interval_s = excluded.interval_s, is_active = excluded.is_active, in_maintenance = excluded.in_maintenance,
         config_version = excluded.config_version, first_seen = excluded.first_seen, is_lost = excluded.is_lost,
         device = excluded.device, device_code = excluded.device_code, boot = excluded.boot,
         past_boots = excluded.past_boots, firmware_version = excluded.firmware_version,
         agent_version = excluded.agent_version, ip_address = excluded.ip_address,
         reported_config = excluded.reported_config, status = excluded.status, status_since = excluded.status_since,
         breaches = excluded.breaches, breach_bits = excluded.breach_bits, raised = excluded.raised,
         alerted = excluded.alerted",
    )
});

/// What lists of terminals filter and sort by, where it differs.
static SHOWN: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "WITH shown (id, status, firmware) AS (VALUES ",
        3,
        ") UPDATE terminal SET status = shown.status, firmware_version = shown.firmware FROM shown
         WHERE terminal.id = shown.id
           AND (terminal.status <> shown.status OR terminal.firmware_version IS NOT shown.firmware)",
    )
});

static CHANGES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO status_change (terminal_id, customer_id, status, began_at, ended_at, next_status, phase) VALUES ",
        7,
        "",
    )
});

static COUNTS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO terminal_count (customer_id, status, terminals) VALUES ",
        3,
        " ON CONFLICT (customer_id, status) DO UPDATE SET terminals = terminals + excluded.terminals",
    )
});

static HEADS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::list(
        "SELECT terminal_id, version, last_heartbeat_id FROM terminal_pulse WHERE terminal_id IN (",
        ")",
    )
});

/// What is stored of a row besides what a plan carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// The version.
    pub(super) version: i64,
    /// The newest heartbeat.
    pub(super) last_heartbeat: Option<i64>,
}

/// A row to write, with the newest heartbeat of its terminal.
pub(super) type Row<'a> = (&'a PresenceWrite, Option<i64>);

/// Returns what is stored of these terminals.
pub(super) async fn heads(
    conn: &mut SqliteConnection,
    terminals: &[TerminalId],
) -> Result<HashMap<TerminalId, Head>, StoreError> {
    let rows = HEADS.of_terminals(conn, terminals).await.or_fault(KIND, "")?;
    rows.iter()
        .map(|row| {
            let fields = Fields::new(KIND, row);
            let head = Head {
                version: fields.get("version")?,
                last_heartbeat: fields.get("last_heartbeat_id")?,
            };
            Ok((fields.terminal("terminal_id")?, head))
        })
        .collect()
}

/// Writes rows whatever is stored of them; new ones too.
pub(super) async fn write_rows(conn: &mut SqliteConnection, rows: &[Row<'_>]) -> Result<(), StoreError> {
    PULSES
        .execute(conn, rows, |(write, last), binds| bind_pulse(&write.row, *last, binds))
        .await
        .or_fault(KIND, "")?;
    let full: Vec<&Presence> = rows
        .iter()
        .filter(|(write, _)| !write.is_light())
        .map(|(write, _)| &write.row)
        .collect();
    ROWS.execute(conn, &full, |row, binds| bind_row(row, binds))
        .await
        .or_fault(KIND, "")?;
    SHOWN
        .execute(conn, &full, |row, binds| {
            binds
                .add(row.terminal.get())
                .add(row.status.as_str())
                .add(row.reported.firmware_version.clone());
        })
        .await
        .or_fault("terminal", "")
}

/// Writes status changes as history, as counts and as events. The counts leave out terminals for which `is_counted`
/// says no.
pub(super) async fn write_changes(
    conn: &mut SqliteConnection,
    changes: &[StatusChange],
    is_counted: impl Fn(TerminalId) -> bool,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    CHANGES
        .execute(conn, changes, |change, binds| {
            binds
                .add(change.terminal.get())
                .add(change.customer.get())
                .add(change.from.as_str())
                .time(change.began_at)
                .time(change.at)
                .add(change.to.as_str())
                .add(change.phase_beside_status().map(Phase::as_str));
        })
        .await
        .or_fault("status change", "")?;
    let mut counts = Counts::default();
    for change in changes.iter().filter(|change| is_counted(change.terminal)) {
        counts.add(change.customer, change.from, -1);
        counts.add(change.customer, change.to, 1);
    }
    counts.write(conn).await?;
    let events: Vec<Event> = changes.iter().filter_map(StatusChange::event).collect();
    write_events(conn, &events).await
}

/// Changes of counts, summed before they are written.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<(CustomerId, &'static str), i64>);

impl Counts {
    /// Notes that `by` terminals of a customer came to (or left) a status.
    pub(super) fn add(&mut self, customer: CustomerId, status: Status, by: i64) {
        *self.0.entry((customer, status.as_str())).or_default() += by;
    }

    /// Refuses what would give a customer more terminals than it may have.
    pub(super) async fn expect_room(&self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        let mut gains: BTreeMap<CustomerId, i64> = BTreeMap::new();
        for ((customer, _), by) in &self.0 {
            *gains.entry(*customer).or_default() += by;
        }
        for (customer, by) in gains {
            if let Ok(more @ 1..) = u64::try_from(by) {
                room::expect(conn, customer, more).await?;
            }
        }
        Ok(())
    }

    /// Writes what does not cancel out.
    pub(super) async fn write(self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        let changed: Vec<_> = self.0.into_iter().filter(|(_, by)| *by != 0).collect();
        COUNTS
            .execute(conn, &changed, |((customer, status), by), binds| {
                binds.add(customer.get()).add(*status).add(*by);
            })
            .await
            .or_fault("customer", "")
    }
}

impl Work<'_> {
    /// Writes one row whatever is stored of it.
    pub(super) async fn write_row(
        &mut self,
        write: &PresenceWrite,
        last_heartbeat: Option<i64>,
    ) -> Result<(), StoreError> {
        let (conn, cache) = self.parts();
        cache.forget(write.row.terminal);
        write_rows(conn, &[(write, last_heartbeat)]).await
    }

    /// Writes those rows whose stored version is the one seen, and their status changes; returns how many.
    pub(super) async fn write_unchanged(
        &mut self,
        writes: &[PresenceWrite],
        changes: &[StatusChange],
    ) -> Result<u64, StoreError> {
        let ids: Vec<TerminalId> = writes.iter().map(|write| write.row.terminal).collect();
        let (conn, cache) = self.parts();
        let heads = heads(conn, &ids).await?;
        let mut rows: Vec<Row<'_>> = Vec::with_capacity(writes.len());
        let mut written: HashMap<TerminalId, bool> = HashMap::with_capacity(writes.len());
        for write in writes {
            let head = heads.get(&write.row.terminal).filter(|head| head.version == write.seen);
            if let Some(head) = head {
                cache.forget(write.row.terminal);
                written.insert(write.row.terminal, write.row.is_active);
                rows.push((write, head.last_heartbeat));
            }
        }
        write_rows(conn, &rows).await?;
        let changes: Vec<StatusChange> = changes
            .iter()
            .filter(|change| written.contains_key(&change.terminal))
            .copied()
            .collect();
        write_changes(conn, &changes, |id| written.get(&id).copied().unwrap_or(false)).await?;
        Ok(u64::try_from(rows.len()).unwrap_or(0))
    }
}

fn bind_pulse(row: &Presence, last_heartbeat: Option<i64>, binds: &mut Binds) {
    binds
        .add(row.terminal.get())
        .add(row.version)
        .maybe_time(row.last_seen)
        .add(i64::from(row.next_s))
        .maybe_time(row.deadline)
        .add(row.seq)
        .maybe_time(row.agent_time)
        .add(row.metrics.cpu_percent)
        .add(row.metrics.memory_percent)
        .add(row.metrics.disk_percent)
        .add(row.metrics.temperature_c)
        .add(row.counters.uptime_s)
        .add(row.counters.last_transaction.map(Timestamp::as_micros))
        .add(row.counters.transaction_count)
        .add(last_heartbeat);
}

fn bind_row(row: &Presence, binds: &mut Binds) {
    binds
        .add(row.terminal.get())
        .add(row.customer.get())
        .add(i64::from(row.interval_s))
        .add(row.is_active)
        .add(row.in_maintenance)
        .add(row.config_version)
        .maybe_time(row.first_seen)
        .add(row.is_lost)
        .add(row.device.name())
        .add(row.device.code())
        .add(row.boot.as_ref().map(tms_core::presence::BootId::as_str))
        .add(joined(&row.past_boots))
        .add(row.reported.firmware_version.clone())
        .add(row.reported.agent_version.clone())
        .add(row.reported.ip_address.map(|address| address.to_string()))
        .add(row.reported.config_version)
        .add(row.status.as_str())
        .time(row.status_since)
        .add(row.breaches.to_string())
        .add(row.breaches.causes().bits())
        .add(row.raised.bits())
        .add(row.alerted.bits());
}

/// Boots have no blanks, so blanks part them.
fn joined(boots: &[tms_core::presence::BootId]) -> String {
    boots.iter().fold(String::new(), |mut text, boot| {
        let gap = if text.is_empty() { "" } else { " " };
        // Writing to a string never fails.
        let _ = write!(text, "{gap}{boot}");
        text
    })
}
