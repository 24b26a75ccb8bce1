//! What another installation gave out, taken in within one transaction, in statements of a few thousand rows.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use sqlx::{PgConnection, types::Json};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{CustomerId, Revision, TerminalId},
    notification::document,
    operator::User,
    presence::Status,
    settings::Settings,
    text::SerialNumber,
    time::Timestamp,
    transfer::{
        AlertEntry, ChannelEntry, Fixture, LogLine, MaintenanceEntry, Taken, TerminalEntry, TransferStore, UserEntry,
        store::Ending,
    },
};

use super::{
    customer,
    error::Fault,
    pool::PgStore,
    terminal_import::{Counts, each, register},
    terminal_log::append_lines,
    time::At,
};
use crate::taken_in::{Companies, Fleet};

/// How long a transfer may take; each of its statements is bounded by itself.
const PATIENCE: Duration = Duration::from_secs(600);
/// Rows of one statement.
const CHUNK: usize = 5_000;

#[async_trait]
impl TransferStore for PgStore {
    async fn take_in(
        &self,
        fixture: &Fixture,
        ending: Ending,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Taken, StoreError> {
        if !fixture.logs.is_empty() {
            // Lines stand in the partition of the day on which they come.
            self.bounded(self.add_partitions(Some(now), Some(now))).await?;
        }
        self.bounded_by(PATIENCE, self.take_in_all(fixture, ending, now, with))
            .await
    }
}

impl PgStore {
    async fn take_in_all(
        &self,
        fixture: &Fixture,
        ending: Ending,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Taken, Fault> {
        let mut act = self.act_without_events(with).await?;
        let (tx, mut taken) = (&mut *act.tx, Taken::default());
        for draft in &fixture.customers {
            taken.customers += u64::from(customer::add_new(tx, draft, now).await?);
        }
        let companies = companies(tx, &fixture.customers_named()).await?;
        for user in &fixture.users {
            taken.users += u64::from(add_user(tx, user, &companies, now).await?);
        }
        for entries in fixture.terminals.chunks(CHUNK) {
            taken.terminals += add_terminals(tx, entries, &companies, now).await?;
        }
        let fleet = fleet(tx, fixture).await?;
        for times in fixture.maintenances.chunks(CHUNK) {
            taken.maintenances += add_maintenances(tx, times, &fleet, now).await?;
        }
        for channel in &fixture.channels {
            taken.channels += u64::from(add_channel(tx, channel, &companies, now).await?);
        }
        for alerts in fixture.alerts.chunks(CHUNK) {
            taken.alerts += add_alerts(tx, alerts, &fleet).await?;
        }
        taken.logs = add_logs(tx, &fixture.logs, &fleet, now).await?;
        if let Some(settings) = &fixture.settings {
            taken.settings = add_settings(tx, settings).await?;
        }
        if ending == Ending::Keep {
            act.finish(None).await?;
        }
        Ok(taken)
    }
}

async fn companies(tx: &mut PgConnection, names: &[&str]) -> Result<Companies, Fault> {
    let rows: Vec<(i64, String)> = sqlx::query_as("SELECT id, company_name FROM customer WHERE company_name = ANY($1)")
        .bind(names)
        .fetch_all(tx)
        .await?;
    let read = |(id, name)| {
        let id = CustomerId::new(id).map_err(|error| Fault::corrupt("customer", error))?;
        Ok((name, id))
    };
    rows.into_iter().map(read).collect()
}

async fn add_user(
    tx: &mut PgConnection,
    user: &UserEntry,
    companies: &Companies,
    now: Timestamp,
) -> Result<bool, Fault> {
    let customer = companies.of_user(user)?;
    let profile = &user.profile;
    let done = sqlx::query(
        "INSERT INTO operator_user (username, full_name, email, role, customer_id, password_hash, is_disabled, \
         search_key, created_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) ON CONFLICT DO NOTHING",
    )
    .bind(&user.username)
    .bind(&profile.full_name)
    .bind(&profile.email)
    .bind(profile.role.as_str())
    .bind(customer.map(CustomerId::get))
    .bind(user.password_hash.as_ref().map_or("", |hash| hash.expose()))
    .bind(profile.is_disabled)
    .bind(User::search_key(&user.username, profile))
    .bind(At::from(now))
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

async fn add_terminals(
    tx: &mut PgConnection,
    entries: &[TerminalEntry],
    companies: &Companies,
    now: Timestamp,
) -> Result<u64, Fault> {
    let there: Vec<String> = sqlx::query_scalar("SELECT serial_number FROM terminal WHERE serial_number = ANY($1)")
        .bind(each(entries, |entry| entry.draft.serial.as_str()))
        .fetch_all(&mut *tx)
        .await?;
    let there: HashSet<String> = there.into_iter().collect();
    let fresh: Vec<&TerminalEntry> = entries
        .iter()
        .filter(|entry| !there.contains(entry.draft.serial.as_str()))
        .collect();
    let drafts = companies.drafts(&fresh)?;
    let mut counts = Counts::default();
    register(tx, &drafts, now, &mut counts).await?;
    for (_, draft) in fresh.iter().zip(&drafts).filter(|(entry, _)| entry.is_retired) {
        counts.add(draft.customer, Status::Offline, -1);
    }
    counts.write(tx).await?;
    let more: Vec<_> = fresh.iter().copied().filter(|entry| entry.has_more()).collect();
    complete(tx, &more).await?;
    Ok(u64::try_from(fresh.len()).unwrap_or(u64::MAX))
}

/// Writes what terminals that were just registered do not have.
async fn complete(tx: &mut PgConnection, entries: &[&TerminalEntry]) -> Result<(), Fault> {
    sqlx::query(
        "WITH n AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) \
         AS n (serial_number, lifecycle, mac_address, firmware_version)), \
         done AS (UPDATE terminal t SET lifecycle = n.lifecycle, mac_address = n.mac_address, \
         firmware_version = n.firmware_version FROM n WHERE t.serial_number = n.serial_number \
         RETURNING t.id, n.lifecycle, n.firmware_version) \
         UPDATE terminal_presence p SET firmware_version = done.firmware_version, \
         is_active = done.lifecycle <> 'retired' FROM done WHERE p.terminal_id = done.id",
    )
    .bind(each(entries, |entry| entry.draft.serial.as_str()))
    .bind(each(entries, |entry| entry.lifecycle().as_str()))
    .bind(each(entries, |entry| entry.mac_address.clone()))
    .bind(each(entries, |entry| entry.firmware_version.clone()))
    .execute(tx)
    .await?;
    Ok(())
}

/// Finds the terminals of maintenance, alerts and logs.
async fn fleet(tx: &mut PgConnection, fixture: &Fixture) -> Result<Fleet, Fault> {
    let mut fleet = Fleet::default();
    if !fixture.needs_terminals() {
        return Ok(fleet);
    }
    for serials in fixture.serials_named().chunks(CHUNK) {
        let rows: Vec<(String, i64, i64)> =
            sqlx::query_as("SELECT serial_number, id, customer_id FROM terminal WHERE serial_number = ANY($1)")
                .bind(each(serials, |serial| serial.as_str()))
                .fetch_all(&mut *tx)
                .await?;
        let read = |(serial, id, customer): (String, i64, i64)| {
            let corrupt = |error: tms_core::id::InvalidId| Fault::corrupt("terminal", error);
            let serial = SerialNumber::parse(&serial).map_err(|error| Fault::corrupt("terminal", error))?;
            let whose = (
                TerminalId::new(id).map_err(corrupt)?,
                CustomerId::new(customer).map_err(corrupt)?,
            );
            Ok((serial, whose))
        };
        fleet.extend(rows.into_iter().map(read).collect::<Result<Vec<_>, Fault>>()?);
    }
    Ok(fleet)
}

async fn add_maintenances(
    tx: &mut PgConnection,
    times: &[MaintenanceEntry],
    fleet: &Fleet,
    now: Timestamp,
) -> Result<u64, Fault> {
    let terminals = times.iter().map(|time| fleet.get(&time.serial));
    let terminals = terminals.map(|found| found.map(|(terminal, _)| terminal.get()));
    let done = sqlx::query(
        "INSERT INTO maintenance (terminal_id, from_at, until_at, reason, created_by, created_at) \
         SELECT n.terminal_id, n.from_at, n.until_at, n.reason, n.created_by, $6 \
         FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[]) \
         WITH ORDINALITY AS n (terminal_id, from_at, until_at, reason, created_by, place) \
         WHERE NOT EXISTS (SELECT FROM maintenance m WHERE m.terminal_id = n.terminal_id AND m.from_at = n.from_at) \
         ORDER BY n.place",
    )
    .bind(terminals.collect::<Result<Vec<_>, _>>()?)
    .bind(each(times, |time| At::from(time.from)))
    .bind(each(times, |time| time.until.map(At::from)))
    .bind(each(times, |time| time.reason.as_str()))
    .bind(each(times, |time| time.created_by.as_str()))
    .bind(At::from(now))
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

async fn add_channel(
    tx: &mut PgConnection,
    channel: &ChannelEntry,
    companies: &Companies,
    now: Timestamp,
) -> Result<bool, Fault> {
    let draft = companies.channel(channel)?;
    let done = sqlx::query(
        "INSERT INTO notification_channel (name, is_enabled, document, created_at, updated_at, revision) \
         VALUES ($1, $2, $3, $4, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(&draft.name)
    .bind(draft.is_enabled)
    .bind(Json(document::write(&draft)))
    .bind(At::from(now))
    .bind(Revision::FIRST.0)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

async fn add_alerts(tx: &mut PgConnection, alerts: &[AlertEntry], fleet: &Fleet) -> Result<u64, Fault> {
    let owners = alerts.iter().map(|alert| fleet.get(&alert.serial));
    let owners: Vec<(TerminalId, CustomerId)> = owners.collect::<Result<_, _>>()?;
    let done = sqlx::query(
        "INSERT INTO alert (terminal_id, customer_id, cause, severity, state, details, occurrences, created_at, \
         acknowledged_by, acknowledged_at, resolution, resolved_by, resolved_at, resolution_notes, revision) \
         SELECT n.terminal_id, n.customer_id, n.cause, n.severity, n.state, n.details, 1, n.created_at, \
         n.acknowledged_by, n.acknowledged_at, n.resolution, n.resolved_by, n.resolved_at, n.notes, $14 \
         FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::jsonb[], \
         $7::timestamptz[], $8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::timestamptz[], $13::text[]) \
         WITH ORDINALITY AS n (terminal_id, customer_id, cause, severity, state, details, created_at, \
         acknowledged_by, acknowledged_at, resolution, resolved_by, resolved_at, notes, place) \
         WHERE NOT EXISTS (SELECT FROM alert a WHERE a.terminal_id = n.terminal_id AND a.cause = n.cause \
         AND a.created_at = n.created_at) ORDER BY n.place ON CONFLICT DO NOTHING",
    )
    .bind(each(&owners, |(terminal, _)| terminal.get()))
    .bind(each(&owners, |(_, customer)| customer.get()))
    .bind(each(alerts, |alert| alert.cause.as_str()))
    .bind(each(alerts, |alert| alert.severity.as_str()))
    .bind(each(alerts, |alert| alert.state().as_str()))
    .bind(each(alerts, |alert| Json(alert.details.clone())))
    .bind(each(alerts, |alert| At::from(alert.created_at)))
    .bind(each(alerts, |alert| {
        alert.acknowledged.as_ref().map(|(by, _)| by.clone())
    }))
    .bind(each(alerts, |alert| {
        alert.acknowledged.as_ref().map(|(_, at)| At::from(*at))
    }))
    .bind(each(alerts, |alert| {
        alert.resolved.as_ref().map(|end| end.resolution.as_str())
    }))
    .bind(each(alerts, |alert| {
        alert.resolved.as_ref().and_then(|end| end.by.clone())
    }))
    .bind(each(alerts, |alert| {
        alert.resolved.as_ref().map(|end| At::from(end.at))
    }))
    .bind(each(alerts, |alert| {
        alert.resolved.as_ref().and_then(|end| end.notes.clone())
    }))
    .bind(Revision::FIRST.0)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}

async fn add_logs(tx: &mut PgConnection, lines: &[LogLine], fleet: &Fleet, now: Timestamp) -> Result<u64, Fault> {
    let mut written = 0;
    for (terminal, entries) in fleet.lines(lines)? {
        for entries in entries.chunks(CHUNK) {
            written += append_lines(tx, terminal, entries, now).await?;
        }
    }
    Ok(written)
}

async fn add_settings(tx: &mut PgConnection, settings: &Settings) -> Result<bool, Fault> {
    let done =
        sqlx::query("INSERT INTO settings (one, document, revision) VALUES (true, $1, $2) ON CONFLICT DO NOTHING")
            .bind(Json(settings.to_document()))
            .bind(Revision::FIRST.0)
            .execute(tx)
            .await?;
    Ok(done.rows_affected() > 0)
}
