//! The statement that stores the usual heartbeats of a batch: narrow, one round trip, and all or nothing.

use sqlx::PgConnection;
use tms_core::{
    heartbeat::{Heartbeat, plan::BatchPlan},
    presence::store::PresenceWrite,
};

use super::{error::Fault, time::At};

/// Stands for null in arrays of numbers: an array without nulls gives each element in constant time.
const NO_NUMBER: i64 = i64::MIN;
const NO_METRIC: i16 = i16::MIN;

/// A plan, sorted by how it is written.
#[derive(Debug, Default)]
pub(super) struct Sorted<'a> {
    /// Rows with one heartbeat that changes what every heartbeat changes: history is made of the row itself.
    pub(super) light: Vec<&'a PresenceWrite>,
    /// All other rows.
    pub(super) full: Vec<&'a PresenceWrite>,
    /// The heartbeats of the other rows that go into history.
    pub(super) history: Vec<&'a Heartbeat>,
}

impl<'a> Sorted<'a> {
    pub(super) fn of(plan: &'a BatchPlan, beats: &'a [Heartbeat]) -> Self {
        let mut sorted = Self::default();
        let place = |beat: &Heartbeat| {
            plan.writes
                .binary_search_by_key(&beat.terminal, |write| write.row.terminal)
        };
        let kept = || plan.history.iter().filter_map(|index| beats.get(*index));
        let mut is_light = vec![true; plan.writes.len()];
        let mut has_beat = vec![false; plan.writes.len()];
        for beat in kept() {
            let Ok(place) = place(beat) else { continue };
            let (Some(light), Some(seen), Some(write)) =
                (is_light.get_mut(place), has_beat.get_mut(place), plan.writes.get(place))
            else {
                continue;
            };
            *light &= !*seen && write.is_light() && fits(write, beat);
            *seen = true;
        }
        for (write, light) in plan.writes.iter().zip(&is_light) {
            if *light { &mut sorted.light } else { &mut sorted.full }.push(write);
        }
        if !sorted.full.is_empty() {
            let is_other = |beat: &&Heartbeat| place(beat).ok().and_then(|at| is_light.get(at)) != Some(&true);
            sorted.history.extend(kept().filter(is_other));
        }
        sorted
    }
}

/// Tells whether history can be made of the row, and whether no value is taken for null.
fn fits(write: &PresenceWrite, beat: &Heartbeat) -> bool {
    let row = &write.row;
    let number = |value: Option<i64>| value != Some(NO_NUMBER);
    let metric = |value: Option<i16>| value != Some(NO_METRIC);
    let m = &row.metrics;
    row.last_seen == Some(beat.received_at)
        && row.agent_time.is_some()
        && row.deadline.is_some()
        && number(row.seq)
        && number(row.counters.uptime_s)
        && number(row.counters.transaction_count)
        && metric(m.cpu_percent)
        && metric(m.memory_percent)
        && metric(m.disk_percent)
        && metric(m.temperature_c)
}

/// Elements are taken by number rather than by `unnest`, which costs three times as much for so many arrays.
const WRITE: &str = "\
WITH written AS (
    UPDATE terminal_presence p SET
        version = b.seen + 1, last_seen = b.last_seen, deadline = b.deadline, agent_time = b.agent_time,
        seq = b.seq, uptime_s = b.uptime_s, last_transaction = b.last_transaction,
        transaction_count = b.transaction_count, next_s = b.next_s, cpu_percent = b.cpu_percent,
        memory_percent = b.memory_percent, disk_percent = b.disk_percent, temperature_c = b.temperature_c
    FROM (
        SELECT ($1::bigint[])[i] AS terminal_id, ($2::bigint[])[i] AS seen, ($3::timestamptz[])[i] AS last_seen,
            ($4::timestamptz[])[i] AS deadline, ($5::timestamptz[])[i] AS agent_time,
            nullif(($6::bigint[])[i], '-9223372036854775808'::bigint) AS seq,
            nullif(($7::bigint[])[i], '-9223372036854775808'::bigint) AS uptime_s,
            nullif(($8::timestamptz[])[i], '-infinity') AS last_transaction,
            nullif(($9::bigint[])[i], '-9223372036854775808'::bigint) AS transaction_count,
            ($10::bigint[])[i] AS next_s,
            nullif(($11::smallint[])[i], '-32768'::smallint) AS cpu_percent,
            nullif(($12::smallint[])[i], '-32768'::smallint) AS memory_percent,
            nullif(($13::smallint[])[i], '-32768'::smallint) AS disk_percent,
            nullif(($14::smallint[])[i], '-32768'::smallint) AS temperature_c
        FROM generate_series(1, cardinality($1::bigint[])) AS i
    ) b
    WHERE p.terminal_id = b.terminal_id AND p.version = b.seen
    RETURNING p.terminal_id, p.last_seen, p.agent_time, p.seq, p.transaction_count, p.device_code, p.cpu_percent,
        p.memory_percent, p.disk_percent, p.temperature_c, p.device
), kept AS (
    INSERT INTO heartbeat_history (terminal_id, received_at, agent_time, seq, transaction_count, device_code,
        cpu_percent, memory_percent, disk_percent, temperature_c, device)
    SELECT terminal_id, last_seen, agent_time, seq, transaction_count, nullif(device_code, 0), cpu_percent,
        memory_percent, disk_percent, temperature_c, device
    FROM written
    RETURNING 1
)
SELECT tms_expect((SELECT count(*) FROM kept), cardinality($1::bigint[]))";

/// Writes light rows and their history. All or nothing, even without a transaction around it.
///
/// # Errors
/// A fault that [`Fault::is_contention`] when a row is not as it was seen any more.
pub(super) async fn write_light(connection: &mut PgConnection, writes: &[&PresenceWrite]) -> Result<(), Fault> {
    fn each<T>(writes: &[&PresenceWrite], value: impl Fn(&PresenceWrite) -> T) -> Vec<T> {
        writes.iter().map(|write| value(write)).collect()
    }
    let number = |value: Option<i64>| value.unwrap_or(NO_NUMBER);
    let metric = |value: Option<i16>| value.unwrap_or(NO_METRIC);
    let time = |value: Option<_>| value.map_or(At::NONE, At::from);
    if writes.is_empty() {
        return Ok(());
    }
    sqlx::query(WRITE)
        .bind(each(writes, |write| write.row.terminal.get()))
        .bind(each(writes, |write| write.seen))
        .bind(each(writes, |write| time(write.row.last_seen)))
        .bind(each(writes, |write| time(write.row.deadline)))
        .bind(each(writes, |write| time(write.row.agent_time)))
        .bind(each(writes, |write| number(write.row.seq)))
        .bind(each(writes, |write| number(write.row.counters.uptime_s)))
        .bind(each(writes, |write| time(write.row.counters.last_transaction)))
        .bind(each(writes, |write| number(write.row.counters.transaction_count)))
        .bind(each(writes, |write| i64::from(write.row.next_s)))
        .bind(each(writes, |write| metric(write.row.metrics.cpu_percent)))
        .bind(each(writes, |write| metric(write.row.metrics.memory_percent)))
        .bind(each(writes, |write| metric(write.row.metrics.disk_percent)))
        .bind(each(writes, |write| metric(write.row.metrics.temperature_c)))
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes heartbeats into history, in their order.
pub(super) async fn write_history(connection: &mut PgConnection, beats: &[&Heartbeat]) -> Result<(), Fault> {
    fn each<T>(beats: &[&Heartbeat], value: impl Fn(&Heartbeat) -> T) -> Vec<T> {
        beats.iter().map(|beat| value(beat)).collect()
    }
    if beats.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO heartbeat_history (terminal_id, received_at, agent_time, seq, transaction_count, device_code, \
         cpu_percent, memory_percent, disk_percent, temperature_c, device) \
         SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], $5::bigint[], \
         $6::int[], $7::smallint[], $8::smallint[], $9::smallint[], $10::smallint[], $11::text[])",
    )
    .bind(each(beats, |beat| beat.terminal.get()))
    .bind(each(beats, |beat| At::from(beat.received_at)))
    .bind(each(beats, |beat| At::from(beat.agent_time)))
    .bind(each(beats, |beat| beat.sequence.as_ref().map(|sequence| sequence.seq)))
    .bind(each(beats, |beat| beat.counters.transaction_count))
    .bind(each(beats, |beat| Some(beat.device.code()).filter(|code| *code != 0)))
    .bind(each(beats, |beat| beat.metrics.cpu_percent))
    .bind(each(beats, |beat| beat.metrics.memory_percent))
    .bind(each(beats, |beat| beat.metrics.disk_percent))
    .bind(each(beats, |beat| beat.metrics.temperature_c))
    .bind(each(beats, |beat| beat.device.name()))
    .execute(connection)
    .await?;
    Ok(())
}
