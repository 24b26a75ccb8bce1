//! What another installation gave out, taken in within one transaction.

use std::{collections::HashMap, sync::LazyLock};

use async_trait::async_trait;
use sqlx::SqliteConnection;
use tms_core::{
    StoreError,
    alert::Resolution,
    envelope::Envelope,
    id::{CustomerId, EntityRef, Revision, TerminalId},
    operator::User,
    settings::Settings,
    terminal::{Lifecycle, TerminalDraft},
    terminal_log::LogEntry,
    text::SerialNumber,
    time::Timestamp,
    transfer::{AlertEntry, Fixture, LogLine, Taken, TerminalEntry, TransferStore, UserEntry, store::Ending},
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

/// Whose a terminal is, and its id.
type Known = HashMap<SerialNumber, (TerminalId, CustomerId)>;

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
        let known = known(work.conn(), fixture).await?;
        for alert in &fixture.alerts {
            taken.alerts += u64::from(add_alert(work.conn(), alert, &known).await?);
        }
        taken.logs = add_logs(work.conn(), &fixture.logs, &known, now).await?;
        if let Some(settings) = &fixture.settings {
            taken.settings = add_settings(work.conn(), settings).await?;
        }
        if ending == Ending::Keep {
            work.seal(&with, None).await?;
        }
        Ok(taken)
    }
}

async fn companies(conn: &mut SqliteConnection, names: &[String]) -> Result<HashMap<String, CustomerId>, StoreError> {
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

fn company(companies: &HashMap<String, CustomerId>, name: &str) -> Result<CustomerId, StoreError> {
    let missing = || StoreError::Missing(EntityRef::new("customer", name));
    companies.get(name).copied().ok_or_else(missing)
}

async fn add_user(
    conn: &mut SqliteConnection,
    user: &UserEntry,
    companies: &HashMap<String, CustomerId>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let customer = user
        .customer
        .as_deref()
        .map(|name| company(companies, name))
        .transpose()?;
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
    companies: &HashMap<String, CustomerId>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let serials: Vec<SerialNumber> = entries.iter().map(|entry| entry.serial.clone()).collect();
    let there = find(work.conn(), &serials).await?;
    let there: HashMap<_, _> = there.into_iter().map(|t| (t.draft.serial, t.id)).collect();
    let fresh: Vec<&TerminalEntry> = entries
        .iter()
        .filter(|entry| !there.contains_key(&entry.serial))
        .collect();
    let drafts = fresh
        .iter()
        .map(|entry| Ok(entry.draft(company(companies, &entry.customer)?)));
    let drafts: Vec<TerminalDraft> = drafts.collect::<Result<_, StoreError>>()?;
    let mut counts = Counts::default();
    register(work, &drafts, now, &mut counts).await?;
    for (entry, draft) in fresh.iter().zip(&drafts) {
        if entry.is_retired || entry.mac_address.is_some() || entry.firmware_version.is_some() {
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
    let lifecycle = if entry.is_retired {
        Lifecycle::Retired
    } else {
        Lifecycle::Registered
    };
    let id: i64 = sqlx::query_scalar(
        "UPDATE terminal SET lifecycle = ?, mac_address = ?, firmware_version = ? WHERE serial_number = ? RETURNING id",
    )
    .bind(lifecycle.as_str())
    .bind(&entry.mac_address)
    .bind(&entry.firmware_version)
    .bind(entry.serial.as_str())
    .fetch_one(&mut *conn)
    .await
    .or_fault("terminal", &entry.serial)?;
    sqlx::query("UPDATE terminal_presence SET firmware_version = ?, is_active = ? WHERE terminal_id = ?")
        .bind(&entry.firmware_version)
        .bind(!entry.is_retired)
        .bind(id)
        .execute(conn)
        .await
        .or_fault("presence", id)?;
    Ok(())
}

/// Finds the terminals of alerts and logs.
async fn known(conn: &mut SqliteConnection, fixture: &Fixture) -> Result<Known, StoreError> {
    if fixture.alerts.is_empty() && fixture.logs.is_empty() {
        return Ok(Known::new());
    }
    let serials: Vec<SerialNumber> = fixture.serials_named().into_iter().cloned().collect();
    let found = find(conn, &serials).await?;
    Ok(found
        .into_iter()
        .map(|t| (t.draft.serial, (t.id, t.draft.customer)))
        .collect())
}

fn whose(known: &Known, serial: &SerialNumber) -> Result<(TerminalId, CustomerId), StoreError> {
    let missing = || StoreError::Missing(EntityRef::new("terminal", serial));
    known.get(serial).copied().ok_or_else(missing)
}

async fn add_alert(conn: &mut SqliteConnection, alert: &AlertEntry, known: &Known) -> Result<bool, StoreError> {
    let (terminal, customer) = whose(known, &alert.serial)?;
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
    known: &Known,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut by_terminal: HashMap<TerminalId, Vec<LogEntry>> = HashMap::new();
    for line in lines {
        let (terminal, _) = whose(known, &line.serial)?;
        by_terminal.entry(terminal).or_default().push(line.entry.clone());
    }
    let mut written = 0;
    for (terminal, entries) in by_terminal {
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
