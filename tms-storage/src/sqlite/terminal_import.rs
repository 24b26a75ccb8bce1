//! Many terminals registered and saved in one transaction, hundreds of rows a statement.

use std::{collections::HashMap, sync::LazyLock};

use sqlx::SqliteConnection;
use tms_core::{
    StoreError,
    id::{EntityRef, TerminalId},
    presence::{Presence, store::PresenceWrite},
    terminal::{Lifecycle, Terminal, TerminalDraft, import::TerminalImport},
    text::SerialNumber,
    time::Timestamp,
};

use super::{
    alert_save,
    bulk::{Binds, Bulk},
    error::OrFault,
    fields::Fields,
    presence,
    presence_write::{Counts, Row, heads, write_rows},
    terminal::{KIND, fresh, read, terminal_columns},
    work::Work,
};

static BY_SERIAL: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::list(
        concat!(
            "SELECT ",
            terminal_columns!(),
            " FROM terminal t WHERE t.serial_number IN ("
        ),
        ")",
    )
});

static STORED: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::list("SELECT id, revision, lifecycle FROM terminal WHERE id IN (", ")"));

static INSERT: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO terminal (serial_number, customer_id, model, store_name, store_code, installation_address,
         heartbeat_interval_s, auto_update_enabled, installed_date, warranty_end_date, search_key, lifecycle, status,
         created_at, updated_at, revision) VALUES ",
        16,
        " RETURNING id, customer_id, heartbeat_interval_s",
    )
});

static UPDATE: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "WITH next (id, at, serial_number, customer_id, model, store_name, store_code, address, interval_s,
         auto_update, installed, warranty, search_key) AS (VALUES ",
        13,
        ") UPDATE terminal SET serial_number = next.serial_number, customer_id = next.customer_id,
         model = next.model, store_name = next.store_name, store_code = next.store_code,
         installation_address = next.address, heartbeat_interval_s = next.interval_s,
         auto_update_enabled = next.auto_update, installed_date = next.installed, warranty_end_date = next.warranty,
         search_key = next.search_key, updated_at = next.at, revision = revision + 1
         FROM next WHERE terminal.id = next.id",
    )
});

/// Finds terminals by serial number.
pub(super) async fn find(conn: &mut SqliteConnection, serials: &[SerialNumber]) -> Result<Vec<Terminal>, StoreError> {
    let rows = BY_SERIAL
        .fetch(conn, serials, |serial, binds| {
            binds.add(serial.to_string());
        })
        .await
        .or_fault(KIND, "")?;
    rows.iter().map(read).collect()
}

/// Writes an import; the envelope is the caller's.
pub(super) async fn write(work: &mut Work<'_>, import: &TerminalImport, now: Timestamp) -> Result<(), StoreError> {
    let mut counts = Counts::default();
    save(work, &import.update, &mut counts).await?;
    register(work, &import.create, now, &mut counts).await?;
    counts.expect_room(work.conn()).await?;
    counts.write(work.conn()).await
}

async fn save(work: &mut Work<'_>, update: &[Terminal], counts: &mut Counts) -> Result<(), StoreError> {
    let stored = expect(work.conn(), update).await?;
    UPDATE
        .execute(work.conn(), update, |next, binds| {
            binds.add(next.id.get()).time(next.updated_at);
            bind_draft(&next.draft, binds);
        })
        .await
        .or_fault_referring(KIND, "", "customer")?;
    let ids: Vec<_> = update.iter().map(|next| next.id).collect();
    let (conn, cache) = work.parts();
    let mut rows: HashMap<TerminalId, Presence> = presence::load(conn, &ids)
        .await?
        .into_iter()
        .map(|row| (row.terminal, row))
        .collect();
    let heads = heads(conn, &ids).await?;
    let mut writes = Vec::with_capacity(update.len());
    let mut moved = Vec::new();
    for next in update {
        let missing = || StoreError::Missing(EntityRef::new("presence", next.id));
        let before = rows.remove(&next.id).ok_or_else(missing)?;
        if before.customer != next.draft.customer {
            moved.push(next.id);
        }
        if before.customer != next.draft.customer && stored.get(&next.id) != Some(&Lifecycle::Retired) {
            counts.add(before.customer, before.status, -1);
            counts.add(next.draft.customer, before.status, 1);
        }
        let seen = before.version;
        let row = Presence {
            version: seen + 1,
            interval_s: next.draft.heartbeat_interval_s,
            customer: next.draft.customer,
            ..before
        };
        cache.forget(next.id);
        let is_full = true;
        writes.push((
            PresenceWrite { row, seen, is_full },
            heads.get(&next.id).and_then(|head| head.last_heartbeat),
        ));
    }
    let rows: Vec<Row<'_>> = writes.iter().map(|(write, last)| (write, *last)).collect();
    write_rows(conn, &rows).await?;
    alert_save::follow(conn, &moved).await
}

/// Checks the revisions and returns how far each terminal is in its life.
async fn expect(
    conn: &mut SqliteConnection,
    update: &[Terminal],
) -> Result<HashMap<TerminalId, Lifecycle>, StoreError> {
    let rows = STORED
        .fetch(conn, update, |next, binds| {
            binds.add(next.id.get());
        })
        .await
        .or_fault(KIND, "")?;
    let mut stored = HashMap::with_capacity(rows.len());
    for row in &rows {
        let fields = Fields::new(KIND, row);
        let value = (fields.revision("revision")?, fields.named("lifecycle")?);
        stored.insert(fields.terminal("id")?, value);
    }
    for next in update {
        let entity = || EntityRef::new(KIND, next.id);
        match stored.get(&next.id) {
            None => return Err(StoreError::Missing(entity())),
            Some((revision, _)) if *revision != next.revision => return Err(StoreError::Stale(entity())),
            Some(_) => {}
        }
    }
    Ok(stored.into_iter().map(|(id, (_, lifecycle))| (id, lifecycle)).collect())
}

/// Registers new terminals; the envelope and the counts are the caller's to write.
pub(super) async fn register(
    work: &mut Work<'_>,
    create: &[TerminalDraft],
    now: Timestamp,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    let made = INSERT
        .fetch(work.conn(), create, |draft, binds| {
            bind_draft(draft, binds);
            binds
                .add(Lifecycle::Registered.as_str())
                .add("offline")
                .time(now)
                .time(now)
                .add(1_i64);
        })
        .await
        .or_fault_referring(KIND, "", "customer")?;
    let mut writes = Vec::with_capacity(made.len());
    for row in &made {
        let fields = Fields::new(KIND, row);
        let interval_s = fields.number("heartbeat_interval_s")?;
        let row = Presence::new(fields.terminal("id")?, fields.customer("customer_id")?, interval_s, now);
        counts.add(row.customer, row.status, 1);
        writes.push(fresh(row));
    }
    let rows: Vec<Row<'_>> = writes.iter().map(|write| (write, None)).collect();
    write_rows(work.conn(), &rows).await
}

fn bind_draft(draft: &TerminalDraft, binds: &mut Binds) {
    binds
        .add(draft.serial.to_string())
        .add(draft.customer.get())
        .add(draft.model.clone())
        .add(draft.store_name.clone())
        .add(draft.store_code.clone())
        .add(draft.installation_address.clone())
        .add(draft.heartbeat_interval_s)
        .add(draft.auto_update_enabled)
        .add(draft.installed_date)
        .add(draft.warranty_end_date)
        .add(draft.search_key());
}
