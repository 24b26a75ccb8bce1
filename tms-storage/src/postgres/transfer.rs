//! What another installation gave out, taken in within one transaction, in statements of a few thousand rows.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use sqlx::{PgConnection, types::Json};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{CustomerId, Revision, TerminalId},
    operator::User,
    presence::Status,
    settings::Settings,
    terminal::{Lifecycle, TerminalDraft},
    terminal_log::LogEntry,
    text::SerialNumber,
    time::Timestamp,
    transfer::{AlertEntry, Fixture, LogLine, Taken, TerminalEntry, TransferStore, UserEntry, store::Ending},
};

use super::{
    customer,
    error::Fault,
    pool::PgStore,
    terminal_import::{Counts, each, register},
    terminal_log::append_lines,
    time::At,
};

/// How long a transfer may take; each of its statements is bounded by itself.
const PATIENCE: Duration = Duration::from_secs(600);
/// Rows of one statement.
const CHUNK: usize = 5_000;

/// Whose a terminal is, and its id.
type Known = HashMap<SerialNumber, (TerminalId, CustomerId)>;
type Companies = HashMap<String, CustomerId>;

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
        let mut act = self.act(with).await?;
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
        let known = known(tx, fixture).await?;
        for alerts in fixture.alerts.chunks(CHUNK) {
            taken.alerts += add_alerts(tx, alerts, &known).await?;
        }
        taken.logs = add_logs(tx, &fixture.logs, &known, now).await?;
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
        Ok((
            name,
            CustomerId::new(id).map_err(|error| Fault::corrupt("customer", error))?,
        ))
    };
    rows.into_iter().map(read).collect()
}

fn company(companies: &Companies, name: &str) -> Result<CustomerId, Fault> {
    companies
        .get(name)
        .copied()
        .ok_or_else(|| Fault::missing("customer", name))
}

async fn add_user(
    tx: &mut PgConnection,
    user: &UserEntry,
    companies: &Companies,
    now: Timestamp,
) -> Result<bool, Fault> {
    let customer = user
        .customer
        .as_deref()
        .map(|name| company(companies, name))
        .transpose()?;
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
        .bind(each(entries, |entry| entry.serial.as_str()))
        .fetch_all(&mut *tx)
        .await?;
    let there: std::collections::HashSet<String> = there.into_iter().collect();
    let fresh: Vec<&TerminalEntry> = entries
        .iter()
        .filter(|entry| !there.contains(entry.serial.as_str()))
        .collect();
    let drafts = fresh
        .iter()
        .map(|entry| Ok(entry.draft(company(companies, &entry.customer)?)));
    let drafts: Vec<TerminalDraft> = drafts.collect::<Result<_, Fault>>()?;
    let mut counts = Counts::default();
    register(tx, &drafts, now, &mut counts).await?;
    for (_, draft) in fresh.iter().zip(&drafts).filter(|(entry, _)| entry.is_retired) {
        counts.add(draft.customer, Status::Offline, -1);
    }
    counts.write(tx).await?;
    let has_more =
        |entry: &&TerminalEntry| entry.is_retired || entry.mac_address.is_some() || entry.firmware_version.is_some();
    complete(tx, &fresh.iter().copied().filter(has_more).collect::<Vec<_>>()).await?;
    Ok(u64::try_from(fresh.len()).unwrap_or(u64::MAX))
}

/// Writes what terminals that were just registered do not have.
async fn complete(tx: &mut PgConnection, entries: &[&TerminalEntry]) -> Result<(), Fault> {
    let lifecycle = |entry: &TerminalEntry| {
        let reached = if entry.is_retired {
            Lifecycle::Retired
        } else {
            Lifecycle::Registered
        };
        reached.as_str()
    };
    sqlx::query(
        "WITH n AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) \
         AS n (serial_number, lifecycle, mac_address, firmware_version)), \
         done AS (UPDATE terminal t SET lifecycle = n.lifecycle, mac_address = n.mac_address, \
         firmware_version = n.firmware_version FROM n WHERE t.serial_number = n.serial_number \
         RETURNING t.id, n.lifecycle, n.firmware_version) \
         UPDATE terminal_presence p SET firmware_version = done.firmware_version, \
         is_active = done.lifecycle <> 'retired' FROM done WHERE p.terminal_id = done.id",
    )
    .bind(each(entries, |entry| entry.serial.as_str()))
    .bind(each(entries, |entry| lifecycle(entry)))
    .bind(each(entries, |entry| entry.mac_address.clone()))
    .bind(each(entries, |entry| entry.firmware_version.clone()))
    .execute(tx)
    .await?;
    Ok(())
}

/// Finds the terminals of alerts and logs.
async fn known(tx: &mut PgConnection, fixture: &Fixture) -> Result<Known, Fault> {
    let mut known = Known::new();
    if fixture.alerts.is_empty() && fixture.logs.is_empty() {
        return Ok(known);
    }
    for serials in fixture.serials_named().chunks(CHUNK) {
        let rows: Vec<(String, i64, i64)> =
            sqlx::query_as("SELECT serial_number, id, customer_id FROM terminal WHERE serial_number = ANY($1)")
                .bind(each(serials, |serial| serial.as_str()))
                .fetch_all(&mut *tx)
                .await?;
        for (serial, id, customer) in rows {
            let corrupt = |error: tms_core::id::InvalidId| Fault::corrupt("terminal", error);
            let serial = SerialNumber::parse(&serial).map_err(|error| Fault::corrupt("terminal", error))?;
            let whose = (
                TerminalId::new(id).map_err(corrupt)?,
                CustomerId::new(customer).map_err(corrupt)?,
            );
            known.insert(serial, whose);
        }
    }
    Ok(known)
}

fn whose(known: &Known, serial: &SerialNumber) -> Result<(TerminalId, CustomerId), Fault> {
    known
        .get(serial)
        .copied()
        .ok_or_else(|| Fault::missing("terminal", serial))
}

async fn add_alerts(tx: &mut PgConnection, alerts: &[AlertEntry], known: &Known) -> Result<u64, Fault> {
    let owners = alerts.iter().map(|alert| whose(known, &alert.serial));
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

async fn add_logs(tx: &mut PgConnection, lines: &[LogLine], known: &Known, now: Timestamp) -> Result<u64, Fault> {
    let mut by_terminal: HashMap<TerminalId, Vec<LogEntry>> = HashMap::new();
    for line in lines {
        let (terminal, _) = whose(known, &line.serial)?;
        by_terminal.entry(terminal).or_default().push(line.entry.clone());
    }
    let mut written = 0;
    for (terminal, entries) in by_terminal {
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
