//! What another installation gave out, taken in within one transaction.

use std::{collections::HashSet, sync::LazyLock};

use async_trait::async_trait;
use sqlx::SqliteConnection;
use tms_core::{
    StoreError,
    alert::Resolution,
    envelope::Envelope,
    id::{CustomerId, Revision},
    notification::document,
    operator::User,
    settings::Settings,
    text::SerialNumber,
    time::Timestamp,
    transfer::{
        AlertEntry, ChannelEntry, Fixture, LogLine, MaintenanceEntry, Taken, TerminalEntry, TransferStore, UserEntry,
        store::Ending,
    },
};

use super::{
    SqliteStore,
    bulk::Bulk,
    customer,
    error::OrFault,
    fields::Fields,
    presence_write::Counts,
    terminal_import::{find, register},
    terminal_log::append_lines,
    work::Work,
};
use crate::taken_in::{Companies, Fleet};

static BY_NAME: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::list("SELECT id, company_name FROM customer WHERE company_name IN (", ")"));

#[async_trait]
impl TransferStore for SqliteStore {
    async fn take_in(
        &self,
        fixture: &Fixture,
        ending: Ending,
        now: Timestamp,
        with: Envelope,
    ) -> Result<Taken, StoreError> {
        let mut work = self.act(&with).await?;
        let mut taken = Taken::default();
        for draft in &fixture.customers {
            taken.customers += u64::from(customer::add_new(work.conn(), draft, now).await?);
        }
        let names: Vec<String> = fixture.customers_named().into_iter().map(str::to_owned).collect();
        let companies = companies(work.conn(), &names).await?;
        for user in &fixture.users {
            taken.users += u64::from(add_user(work.conn(), user, &companies, now).await?);
        }
        taken.terminals = add_terminals(&mut work, &fixture.terminals, &companies, now).await?;
        let fleet = fleet(work.conn(), fixture).await?;
        for time in &fixture.maintenances {
            taken.maintenances += u64::from(add_maintenance(work.conn(), time, &fleet, now).await?);
        }
        for channel in &fixture.channels {
            taken.channels += u64::from(add_channel(work.conn(), channel, &companies, now).await?);
        }
        for alert in &fixture.alerts {
            taken.alerts += u64::from(add_alert(work.conn(), alert, &fleet).await?);
        }
        taken.logs = add_logs(work.conn(), &fixture.logs, &fleet, now).await?;
        if let Some(settings) = &fixture.settings {
            taken.settings = add_settings(work.conn(), settings).await?;
        }
        if ending == Ending::Keep {
            work.seal(&with, None).await?;
        }
        Ok(taken)
    }
}

async fn companies(conn: &mut SqliteConnection, names: &[String]) -> Result<Companies, StoreError> {
    let rows = BY_NAME
        .fetch(conn, names, |name, binds| {
            binds.add(name.clone());
        })
        .await
        .or_fault("customer", "")?;
    let read = |row| {
        let fields = Fields::new("customer", row);
        Ok((fields.get("company_name")?, fields.customer("id")?))
    };
    rows.iter().map(read).collect()
}

async fn add_user(
    conn: &mut SqliteConnection,
    user: &UserEntry,
    companies: &Companies,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let customer = companies.of_user(user)?;
    let profile = &user.profile;
    let done = sqlx::query(
        "INSERT INTO operator_user (username, full_name, email, role, customer_id, password_hash, is_disabled,
         search_key, created_at, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&user.username)
    .bind(&profile.full_name)
    .bind(&profile.email)
    .bind(profile.role.as_str())
    .bind(customer.map(CustomerId::get))
    .bind(user.password_hash.as_ref().map_or("", |hash| hash.expose()))
    .bind(profile.is_disabled)
    .bind(User::search_key(&user.username, profile))
    .bind(now.as_micros())
    .bind(Revision::FIRST.0)
    .execute(conn)
    .await
    .or_fault("user", &user.username)?;
    Ok(done.rows_affected() > 0)
}

async fn add_terminals(
    work: &mut Work<'_>,
    entries: &[TerminalEntry],
    companies: &Companies,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let serials: Vec<SerialNumber> = entries.iter().map(|entry| entry.draft.serial.clone()).collect();
    let there = find(work.conn(), &serials).await?;
    let there: HashSet<SerialNumber> = there.into_iter().map(|terminal| terminal.draft.serial).collect();
    let fresh: Vec<&TerminalEntry> = entries
        .iter()
        .filter(|entry| !there.contains(&entry.draft.serial))
        .collect();
    let drafts = companies.drafts(&fresh)?;
    let mut counts = Counts::default();
    register(work, &drafts, now, &mut counts).await?;
    for (entry, draft) in fresh.iter().zip(&drafts) {
        if entry.has_more() {
            complete(work.conn(), entry).await?;
        }
        if entry.is_retired {
            counts.add(draft.customer, tms_core::presence::Status::Offline, -1);
        }
    }
    counts.write(work.conn()).await?;
    Ok(u64::try_from(fresh.len()).unwrap_or(u64::MAX))
}

/// Writes what a terminal that was just registered does not have.
async fn complete(conn: &mut SqliteConnection, entry: &TerminalEntry) -> Result<(), StoreError> {
    let id: i64 = sqlx::query_scalar(
        "UPDATE terminal SET lifecycle = ?, mac_address = ?, firmware_version = ? WHERE serial_number = ? RETURNING id",
    )
    .bind(entry.lifecycle().as_str())
    .bind(&entry.mac_address)
    .bind(&entry.firmware_version)
    .bind(entry.draft.serial.as_str())
    .fetch_one(&mut *conn)
    .await
    .or_fault("terminal", &entry.draft.serial)?;
    sqlx::query("UPDATE terminal_presence SET firmware_version = ?, is_active = ? WHERE terminal_id = ?")
        .bind(&entry.firmware_version)
        .bind(!entry.is_retired)
        .bind(id)
        .execute(conn)
        .await
        .or_fault("presence", id)?;
    Ok(())
}

/// Finds the terminals of maintenance, alerts and logs.
async fn fleet(conn: &mut SqliteConnection, fixture: &Fixture) -> Result<Fleet, StoreError> {
    let mut fleet = Fleet::default();
    if fixture.needs_terminals() {
        let serials: Vec<SerialNumber> = fixture.serials_named().into_iter().cloned().collect();
        let found = find(conn, &serials).await?;
        fleet.extend(found.into_iter().map(|t| (t.draft.serial, (t.id, t.draft.customer))));
    }
    Ok(fleet)
}

async fn add_maintenance(
    conn: &mut SqliteConnection,
    time: &MaintenanceEntry,
    fleet: &Fleet,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (terminal, _) = fleet.get(&time.serial)?;
    let done = sqlx::query(
        "INSERT INTO maintenance (terminal_id, from_at, until_at, reason, created_by, created_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6
         WHERE NOT EXISTS (SELECT 1 FROM maintenance WHERE terminal_id = ?1 AND from_at = ?2)",
    )
    .bind(terminal.get())
    .bind(time.from.as_micros())
    .bind(time.until.map(Timestamp::as_micros))
    .bind(&time.reason)
    .bind(&time.created_by)
    .bind(now.as_micros())
    .execute(conn)
    .await
    .or_fault("maintenance", &time.serial)?;
    Ok(done.rows_affected() > 0)
}

async fn add_channel(
    conn: &mut SqliteConnection,
    channel: &ChannelEntry,
    companies: &Companies,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let draft = companies.channel(channel)?;
    let done = sqlx::query(
        "INSERT INTO notification_channel (name, is_enabled, document, created_at, updated_at, revision)
         VALUES (?1, ?2, ?3, ?4, ?4, ?5) ON CONFLICT DO NOTHING",
    )
    .bind(&draft.name)
    .bind(draft.is_enabled)
    .bind(document::write(&draft).to_string())
    .bind(now.as_micros())
    .bind(Revision::FIRST.0)
    .execute(conn)
    .await
    .or_fault("notification channel", &draft.name)?;
    Ok(done.rows_affected() > 0)
}

async fn add_alert(conn: &mut SqliteConnection, alert: &AlertEntry, fleet: &Fleet) -> Result<bool, StoreError> {
    let (terminal, customer) = fleet.get(&alert.serial)?;
    let (acknowledged, resolved) = (alert.acknowledged.as_ref(), alert.resolved.as_ref());
    let done = sqlx::query(
        "INSERT INTO alert (terminal_id, customer_id, cause, severity, state, details, occurrences, created_at,
         acknowledged_by, acknowledged_at, resolution, resolved_by, resolved_at, resolution_notes, revision)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
         WHERE NOT EXISTS (SELECT 1 FROM alert WHERE terminal_id = ?1 AND cause = ?3 AND created_at = ?7)
         ON CONFLICT DO NOTHING",
    )
    .bind(terminal.get())
    .bind(customer.get())
    .bind(alert.cause.as_str())
    .bind(alert.severity.as_str())
    .bind(alert.state().as_str())
    .bind(alert.details.to_string())
    .bind(alert.created_at.as_micros())
    .bind(acknowledged.map(|(by, _)| by))
    .bind(acknowledged.map(|(_, at)| at.as_micros()))
    .bind(resolved.map(|end| Resolution::as_str(end.resolution)))
    .bind(resolved.and_then(|end| end.by.clone()))
    .bind(resolved.map(|end| end.at.as_micros()))
    .bind(resolved.and_then(|end| end.notes.clone()))
    .bind(Revision::FIRST.0)
    .execute(conn)
    .await
    .or_fault("alert", &alert.serial)?;
    Ok(done.rows_affected() > 0)
}

async fn add_logs(
    conn: &mut SqliteConnection,
    lines: &[LogLine],
    fleet: &Fleet,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut written = 0;
    for (terminal, entries) in fleet.lines(lines)? {
        written += append_lines(conn, terminal, &entries, now).await?;
    }
    Ok(written)
}

async fn add_settings(conn: &mut SqliteConnection, settings: &Settings) -> Result<bool, StoreError> {
    let done = sqlx::query("INSERT INTO settings (id, document, revision) VALUES (1, ?, ?) ON CONFLICT DO NOTHING")
        .bind(settings.to_document().to_string())
        .bind(Revision::FIRST.0)
        .execute(conn)
        .await
        .or_fault("settings", "")?;
    Ok(done.rows_affected() > 0)
}
