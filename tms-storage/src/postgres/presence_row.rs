//! The presence row between the core and its table, and the statement that writes whole rows.

use sqlx::{PgConnection, postgres::PgRow};
use tms_core::{
    alert::CauseSet,
    heartbeat::Metrics,
    id::{CustomerId, TerminalId},
    presence::{BootId, Counters, Device, Presence, Reported, store::PresenceWrite},
};

use super::{
    cells::{Cells, unsigned},
    error::Fault,
    time::{At, maybe},
};

/// The columns that [`read`] reads, of a table named `p`.
macro_rules! presence_columns {
    () => {
        "p.terminal_id, p.customer_id, p.version, p.interval_s, p.is_active, p.in_maintenance, p.config_version, \
         p.first_seen, p.last_seen, p.next_s, p.deadline, p.is_lost, p.device, p.device_code, p.boot, p.seq, \
         p.past_boots, p.agent_time, p.cpu_percent, p.memory_percent, p.disk_percent, p.temperature_c, \
         p.firmware_version, p.agent_version, p.ip_address, p.reported_config_version, p.uptime_s, \
         p.last_transaction, p.transaction_count, p.status, p.status_since, p.breaches, p.raised, p.alerted"
    };
}
pub(super) use presence_columns;

/// Reads a row of [`presence_columns`].
pub(super) fn read(row: &PgRow) -> Result<Presence, Fault> {
    read_cells(&mut Cells::of("presence", row))
}

/// Reads the next cells as [`presence_columns`].
pub(super) fn read_cells(cells: &mut Cells<'_>) -> Result<Presence, Fault> {
    Ok(Presence {
        terminal: cells.id(TerminalId::new)?,
        customer: cells.id(CustomerId::new)?,
        version: cells.get()?,
        interval_s: cells.narrow()?,
        is_active: cells.get()?,
        in_maintenance: cells.get()?,
        config_version: cells.get()?,
        first_seen: cells.maybe_time()?,
        last_seen: cells.maybe_time()?,
        next_s: cells.narrow()?,
        deadline: cells.maybe_time()?,
        is_lost: cells.get()?,
        device: device(cells)?,
        boot: cells.maybe_checked(BootId::parse)?,
        seq: cells.get()?,
        past_boots: cells.checked(boots)?,
        agent_time: cells.maybe_time()?,
        metrics: metrics(cells)?,
        reported: Reported {
            firmware_version: cells.get()?,
            agent_version: cells.get()?,
            ip_address: cells.address()?,
            config_version: cells.get()?,
        },
        counters: Counters {
            uptime_s: cells.get()?,
            last_transaction: cells.maybe_time()?,
            transaction_count: cells.get()?,
        },
        status: cells.parse()?,
        status_since: cells.time()?,
        breaches: cells.parse()?,
        raised: CauseSet::from_bits(cells.get()?),
        alerted: CauseSet::from_bits(cells.get()?),
    })
}

/// Reads the name and the code of a device.
pub(super) fn device(cells: &mut Cells<'_>) -> Result<Device, Fault> {
    let name = cells.get::<&str>()?;
    let code = cells.get::<Option<i32>>()?.unwrap_or(0);
    Device::from_parts(name, code).map_err(|error| Fault::corrupt("device", error))
}

/// Reads four measurements.
pub(super) fn metrics(cells: &mut Cells<'_>) -> Result<Metrics, Fault> {
    Ok(Metrics {
        cpu_percent: cells.get()?,
        memory_percent: cells.get()?,
        disk_percent: cells.get()?,
        temperature_c: cells.get()?,
    })
}

/// Past boots stand in one text, separated by blanks, which no boot id has.
fn boots(text: &str) -> Result<Vec<BootId>, tms_core::text::InvalidText> {
    text.split_ascii_whitespace().map(BootId::parse).collect()
}

fn joined(boots: &[BootId]) -> String {
    let names: Vec<_> = boots.iter().map(BootId::as_str).collect();
    names.join(" ")
}

/// Loads the rows of these terminals, in order of id.
pub(super) async fn load(connection: &mut PgConnection, terminals: &[i64]) -> Result<Vec<Presence>, Fault> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        presence_columns!(),
        " FROM terminal_presence p WHERE p.terminal_id = ANY($1) ORDER BY p.terminal_id"
    ))
    .bind(terminals)
    .fetch_all(connection)
    .await?;
    rows.iter().map(read).collect()
}

/// Loads the rows of these terminals and locks them in order of id, as every writer of several rows does.
pub(super) async fn lock(connection: &mut PgConnection, terminals: &[i64]) -> Result<Vec<Presence>, Fault> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        presence_columns!(),
        " FROM terminal_presence p WHERE p.terminal_id = ANY($1) ORDER BY p.terminal_id FOR NO KEY UPDATE"
    ))
    .bind(terminals)
    .fetch_all(connection)
    .await?;
    rows.iter().map(read).collect()
}

const WRITE: &str = "\
WITH next AS (
    SELECT * FROM unnest(
        $1::bigint[], $2::bigint[], $3::bigint[], $4::bool[], $5::bool[], $6::bigint[],
        $7::timestamptz[], $8::timestamptz[], $9::bigint[], $10::timestamptz[], $11::bool[], $12::text[], $13::int[],
        $14::text[], $15::bigint[], $16::text[], $17::timestamptz[], $18::smallint[], $19::smallint[], $20::smallint[],
        $21::smallint[], $22::text[], $23::text[], $24::text[], $25::bigint[], $26::bigint[], $27::timestamptz[],
        $28::bigint[], $29::text[], $30::timestamptz[], $31::text[], $32::int[], $33::int[], $34::int[]
    ) AS n (
        terminal_id, seen, interval_s, is_active, in_maintenance, config_version,
        first_seen, last_seen, next_s, deadline, is_lost, device, device_code,
        boot, seq, past_boots, agent_time, cpu_percent, memory_percent, disk_percent,
        temperature_c, firmware_version, agent_version, ip_address, reported_config_version, uptime_s, last_transaction,
        transaction_count, status, status_since, breaches, breached, raised, alerted
    )
), written AS (
    UPDATE terminal_presence p SET
        version = n.seen + 1, interval_s = n.interval_s, is_active = n.is_active,
        in_maintenance = n.in_maintenance, config_version = n.config_version, first_seen = n.first_seen,
        last_seen = n.last_seen, next_s = n.next_s, deadline = n.deadline, is_lost = n.is_lost, device = n.device,
        device_code = n.device_code, boot = n.boot, seq = n.seq, past_boots = n.past_boots, agent_time = n.agent_time,
        cpu_percent = n.cpu_percent, memory_percent = n.memory_percent, disk_percent = n.disk_percent,
        temperature_c = n.temperature_c, firmware_version = n.firmware_version, agent_version = n.agent_version,
        ip_address = n.ip_address, reported_config_version = n.reported_config_version, uptime_s = n.uptime_s,
        last_transaction = n.last_transaction, transaction_count = n.transaction_count, status = n.status,
        status_since = n.status_since, breaches = n.breaches, breached = n.breached, raised = n.raised,
        alerted = n.alerted
    FROM next n
    WHERE p.terminal_id = n.terminal_id AND p.version = n.seen
    RETURNING p.terminal_id, p.status, p.firmware_version
), copied AS (
    UPDATE terminal t SET status = w.status, firmware_version = w.firmware_version
    FROM written w
    WHERE t.id = w.terminal_id
      AND (t.status <> w.status OR t.firmware_version IS DISTINCT FROM w.firmware_version)
)
SELECT count(*) FROM written";

/// Writes whole rows whose stored version is the one seen, and brings the copies that the terminal has in line.
/// Returns how many were written.
pub(super) async fn write(connection: &mut PgConnection, writes: &[&PresenceWrite]) -> Result<u64, Fault> {
    fn each<T>(writes: &[&PresenceWrite], value: impl Fn(&Presence) -> T) -> Vec<T> {
        writes.iter().map(|write| value(&write.row)).collect()
    }
    if writes.is_empty() {
        return Ok(0);
    }
    let written: i64 = sqlx::query_scalar(WRITE)
        .bind(each(writes, |row| row.terminal.get()))
        .bind(writes.iter().map(|write| write.seen).collect::<Vec<_>>())
        .bind(each(writes, |row| i64::from(row.interval_s)))
        .bind(each(writes, |row| row.is_active))
        .bind(each(writes, |row| row.in_maintenance))
        .bind(each(writes, |row| row.config_version))
        .bind(each(writes, |row| maybe(row.first_seen)))
        .bind(each(writes, |row| maybe(row.last_seen)))
        .bind(each(writes, |row| i64::from(row.next_s)))
        .bind(each(writes, |row| maybe(row.deadline)))
        .bind(each(writes, |row| row.is_lost))
        .bind(each(writes, |row| row.device.name()))
        .bind(each(writes, |row| row.device.code()))
        .bind(each(writes, |row| row.boot.as_ref().map(ToString::to_string)))
        .bind(each(writes, |row| row.seq))
        .bind(each(writes, |row| joined(&row.past_boots)))
        .bind(each(writes, |row| maybe(row.agent_time)))
        .bind(each(writes, |row| row.metrics.cpu_percent))
        .bind(each(writes, |row| row.metrics.memory_percent))
        .bind(each(writes, |row| row.metrics.disk_percent))
        .bind(each(writes, |row| row.metrics.temperature_c))
        .bind(each(writes, |row| row.reported.firmware_version.clone()))
        .bind(each(writes, |row| row.reported.agent_version.clone()))
        .bind(each(writes, |row| row.reported.ip_address.map(|ip| ip.to_string())))
        .bind(each(writes, |row| row.reported.config_version))
        .bind(each(writes, |row| row.counters.uptime_s))
        .bind(each(writes, |row| maybe(row.counters.last_transaction)))
        .bind(each(writes, |row| row.counters.transaction_count))
        .bind(each(writes, |row| row.status.as_str()))
        .bind(each(writes, |row| At::from(row.status_since)))
        .bind(each(writes, |row| row.breaches.to_string()))
        .bind(each(writes, |row| row.breaches.causes().bits()))
        .bind(each(writes, |row| row.raised.bits()))
        .bind(each(writes, |row| row.alerted.bits()))
        .fetch_one(connection)
        .await?;
    Ok(unsigned(written))
}

/// Inserts the row of a new terminal.
pub(super) async fn insert(connection: &mut PgConnection, row: &Presence) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO terminal_presence \
         (terminal_id, customer_id, version, interval_s, is_active, in_maintenance, config_version, next_s, is_lost, \
          device, device_code, past_boots, firmware_version, agent_version, ip_address, reported_config_version, \
          status, status_since, breaches, breached, raised, alerted) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', $12, $13, $14, $15, $16, $17, '', 0, 0, 0)",
    )
    .bind(row.terminal.get())
    .bind(row.customer.get())
    .bind(row.version)
    .bind(i64::from(row.interval_s))
    .bind(row.is_active)
    .bind(row.in_maintenance)
    .bind(row.config_version)
    .bind(i64::from(row.next_s))
    .bind(row.is_lost)
    .bind(row.device.name())
    .bind(row.device.code())
    .bind(&row.reported.firmware_version)
    .bind(&row.reported.agent_version)
    .bind(row.reported.ip_address.map(|ip| ip.to_string()))
    .bind(row.reported.config_version)
    .bind(row.status.as_str())
    .bind(At::from(row.status_since))
    .execute(connection)
    .await?;
    Ok(())
}
