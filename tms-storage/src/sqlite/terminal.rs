//! Terminals: the cold half, written together with the presence row and the counts.

use std::sync::LazyLock;

use async_trait::async_trait;
use sqlx::{
    Sqlite, SqliteConnection,
    query::Query as Statement,
    sqlite::{SqliteArguments, SqliteRow},
};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{CustomerId, EntityRef, Revision, TerminalId},
    page::{Order, Page, PageRequest},
    presence::{
        Presence,
        store::{PresenceWrite, Retirement},
    },
    terminal::{
        Host, Lifecycle, Terminal, TerminalDraft, TerminalStore, TerminalView,
        import::TerminalImport,
        store::{StatusCounts, TerminalFilter, TerminalSort},
    },
    text::SerialNumber,
    time::Timestamp,
};

use super::{
    SqliteStore, alert_save,
    bulk::Bulk,
    credential,
    error::OrFault,
    fields::Fields,
    presence,
    presence_write::{Counts, heads, write_changes},
    terminal_import, terminal_list,
    work::Work,
};

pub(super) const KIND: &str = "terminal";

/// The columns of a terminal: `t` is `terminal`. What the presence row has too is left to it.
macro_rules! terminal_columns {
    () => {
        "t.id, t.serial_number, t.customer_id AS owner_id, t.model, t.store_name, t.store_code,
         t.installation_address, t.heartbeat_interval_s, t.auto_update_enabled, t.installed_date,
         t.warranty_end_date, t.lifecycle, t.mac_address, t.hostname, t.os, t.created_at, t.updated_at, t.revision"
    };
}

/// The columns of a view: `t`, `p`, `u` and `c` are the terminal, both halves of its presence row and its customer.
macro_rules! view_columns {
    () => {
        concat!(
            super::terminal::terminal_columns!(),
            ", ",
            super::presence::presence_columns!(),
            ", c.company_name, (SELECT count(*) FROM alert a WHERE a.terminal_id = t.id AND a.state <> 'resolved')
             AS active_alerts"
        )
    };
}

/// What a view joins to `t`.
macro_rules! view_joins {
    () => {
        " JOIN terminal_presence p ON p.terminal_id = t.id JOIN terminal_pulse u ON u.terminal_id = t.id
          JOIN customer c ON c.id = t.customer_id"
    };
}
pub(super) use {terminal_columns, view_columns, view_joins};

static VIEWS_BY_ID: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::list(
        concat!(
            "SELECT ",
            view_columns!(),
            " FROM terminal t",
            view_joins!(),
            " WHERE t.id IN ("
        ),
        ")",
    )
});

#[async_trait]
impl TerminalStore for SqliteStore {
    async fn find(&self, id: TerminalId) -> Result<Option<TerminalView>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            view_columns!(),
            " FROM terminal t",
            view_joins!(),
            " WHERE t.id = ?"
        ))
        .bind(id.get())
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault(KIND, id)?;
        row.as_ref().map(read_view).transpose()
    }

    async fn find_by_serial(&self, serial: &SerialNumber) -> Result<Option<TerminalView>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT ",
            view_columns!(),
            " FROM terminal t",
            view_joins!(),
            " WHERE t.serial_number = ?"
        ))
        .bind(serial.as_str())
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault(KIND, serial)?;
        row.as_ref().map(read_view).transpose()
    }

    async fn find_many(&self, terminals: &[TerminalId]) -> Result<Vec<TerminalView>, StoreError> {
        let mut ids = terminals.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let rows = VIEWS_BY_ID
            .of_terminals(&mut *self.read().await?, &ids)
            .await
            .or_fault(KIND, "")?;
        let mut views = rows.iter().map(read_view).collect::<Result<Vec<_>, _>>()?;
        views.sort_unstable_by_key(|view| view.terminal.id);
        Ok(views)
    }

    async fn list(
        &self,
        filter: &TerminalFilter,
        sort: TerminalSort,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<TerminalView>, StoreError> {
        terminal_list::list(&mut *self.read().await?, filter, sort, order, page).await
    }

    async fn insert(&self, draft: &TerminalDraft, now: Timestamp, with: Envelope) -> Result<Terminal, StoreError> {
        let mut work = self.act(&with).await?;
        let terminal = insert_row(work.conn(), draft, Lifecycle::Registered, &Host::default(), now).await?;
        let row = Presence::new(terminal.id, draft.customer, draft.heartbeat_interval_s, now);
        let mut counts = Counts::default();
        counts.add(row.customer, row.status, 1);
        counts.expect_room(work.conn()).await?;
        work.write_row(&fresh(row), None).await?;
        counts.write(work.conn()).await?;
        work.seal(&with, Some(terminal.id.get())).await?;
        Ok(terminal)
    }

    async fn save(&self, next: &Terminal, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        let mut work = self.act(&with).await?;
        expect_revision(work.conn(), next.id, seen).await?;
        let revision = seen.next();
        update_row(work.conn(), next, revision).await?;
        reach_presence(&mut work, next).await?;
        work.seal(&with, Some(next.id.get())).await?;
        Ok(revision)
    }

    async fn find_by_serials(&self, serials: &[SerialNumber]) -> Result<Vec<Terminal>, StoreError> {
        terminal_import::find(&mut *self.read().await?, serials).await
    }

    async fn import(&self, import: &TerminalImport, now: Timestamp, with: Envelope) -> Result<(), StoreError> {
        let mut work = self.act(&with).await?;
        terminal_import::write(&mut work, import, now).await?;
        work.seal(&with, None).await
    }

    async fn retire(
        &self,
        id: TerminalId,
        seen: Revision,
        retirement: &Retirement,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let Retirement { write, change } = retirement;
        let mut work = self.act(&with).await?;
        let before = expect_revision(work.conn(), id, seen).await?;
        let stored = stored_presence(work.conn(), id).await?;
        if stored.version != write.seen {
            return Err(StoreError::Stale(EntityRef::new("presence", id)));
        }
        let last = heads(work.conn(), &[id])
            .await?
            .get(&id)
            .and_then(|head| head.last_heartbeat);
        work.write_row(write, last).await?;
        sqlx::query("UPDATE terminal SET lifecycle = ?, updated_at = ?, revision = ? WHERE id = ?")
            .bind(Lifecycle::Retired.as_str())
            .bind(change.at.as_micros())
            .bind(seen.next().0)
            .bind(id.get())
            .execute(work.conn())
            .await
            .or_fault(KIND, id)?;
        if before != Lifecycle::Retired {
            let mut counts = Counts::default();
            counts.add(stored.customer, stored.status, -1);
            counts.write(work.conn()).await?;
        }
        // It has left the counts with the status that it keeps.
        write_changes(work.conn(), std::slice::from_ref(change), |_| false).await?;
        credential::revoke(work.conn(), id, None, change.at).await?;
        work.seal(&with, Some(id.get())).await
    }

    async fn count_by_status(&self, customer: Option<CustomerId>) -> Result<StatusCounts, StoreError> {
        let rows = sqlx::query(
            "SELECT status, sum(terminals) AS terminals FROM terminal_count WHERE ?1 IS NULL OR customer_id = ?1
             GROUP BY status",
        )
        .bind(customer.map(CustomerId::get))
        .fetch_all(&mut *self.read().await?)
        .await
        .or_fault(KIND, "")?;
        let mut counts = StatusCounts::default();
        for row in &rows {
            let fields = Fields::new(KIND, row);
            *counts.of_mut(fields.named("status")?) = fields.number("terminals")?;
        }
        Ok(counts)
    }
}

/// Makes the write of a row that was not there.
pub(super) fn fresh(row: Presence) -> PresenceWrite {
    PresenceWrite {
        seen: row.version,
        row,
        is_full: true,
    }
}

/// Returns the presence row of a terminal that exists.
pub(super) async fn stored_presence(conn: &mut SqliteConnection, id: TerminalId) -> Result<Presence, StoreError> {
    let rows = presence::load(conn, &[id]).await?;
    rows.into_iter()
        .next()
        .ok_or_else(|| StoreError::Missing(EntityRef::new("presence", id)))
}

/// Inserts the cold row. Its status is the one of a presence row that begins.
pub(super) async fn insert_row(
    conn: &mut SqliteConnection,
    draft: &TerminalDraft,
    lifecycle: Lifecycle,
    host: &Host,
    now: Timestamp,
) -> Result<Terminal, StoreError> {
    let statement = sqlx::query(concat!(
        "INSERT INTO terminal AS t (serial_number, customer_id, model, store_name, store_code, installation_address,
         heartbeat_interval_s, auto_update_enabled, installed_date, warranty_end_date, search_key, lifecycle,
         mac_address, hostname, os, updated_at, revision, created_at, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?16, 'offline')
         RETURNING ",
        "id, serial_number, customer_id AS owner_id, model, store_name, store_code, installation_address,
         heartbeat_interval_s, auto_update_enabled, installed_date, warranty_end_date, lifecycle, mac_address,
         hostname, os, created_at, updated_at, revision"
    ));
    let row = bind_row(statement, draft, lifecycle, host)
        .bind(now.as_micros())
        .bind(Revision::FIRST.0)
        .fetch_one(conn)
        .await
        .or_fault_referring(KIND, &draft.serial, "customer")?;
    read(&row)
}

/// Replaces the cold row.
pub(super) async fn update_row(
    conn: &mut SqliteConnection,
    next: &Terminal,
    revision: Revision,
) -> Result<(), StoreError> {
    let statement = sqlx::query(
        "UPDATE terminal SET serial_number = ?, customer_id = ?, model = ?, store_name = ?, store_code = ?,
         installation_address = ?, heartbeat_interval_s = ?, auto_update_enabled = ?, installed_date = ?,
         warranty_end_date = ?, search_key = ?, lifecycle = ?, mac_address = ?, hostname = ?, os = ?, updated_at = ?,
         revision = ? WHERE id = ?",
    );
    bind_row(statement, &next.draft, next.lifecycle, &next.host)
        .bind(next.updated_at.as_micros())
        .bind(revision.0)
        .bind(next.id.get())
        .execute(conn)
        .await
        .or_fault_referring(KIND, &next.draft.serial, "customer")
        .map(drop)
}

fn bind_row<'q>(
    statement: Statement<'q, Sqlite, SqliteArguments>,
    draft: &TerminalDraft,
    lifecycle: Lifecycle,
    host: &Host,
) -> Statement<'q, Sqlite, SqliteArguments> {
    statement
        .bind(draft.serial.to_string())
        .bind(draft.customer.get())
        .bind(draft.model.clone())
        .bind(draft.store_name.clone())
        .bind(draft.store_code.clone())
        .bind(draft.installation_address.clone())
        .bind(draft.heartbeat_interval_s)
        .bind(draft.auto_update_enabled)
        .bind(draft.installed_date)
        .bind(draft.warranty_end_date)
        .bind(draft.search_key())
        .bind(lifecycle.as_str())
        .bind(host.mac_address.clone())
        .bind(host.hostname.clone())
        .bind(host.os.clone())
}

/// Copies what an operator set to the presence row, and moves the counts if the customer changed.
async fn reach_presence(work: &mut Work<'_>, next: &Terminal) -> Result<(), StoreError> {
    let stored = stored_presence(work.conn(), next.id).await?;
    let last = heads(work.conn(), &[next.id])
        .await?
        .get(&next.id)
        .and_then(|head| head.last_heartbeat);
    if stored.customer != next.draft.customer && next.lifecycle != Lifecycle::Retired {
        let mut counts = Counts::default();
        counts.add(stored.customer, stored.status, -1);
        counts.add(next.draft.customer, stored.status, 1);
        counts.expect_room(work.conn()).await?;
        counts.write(work.conn()).await?;
    }
    if stored.customer != next.draft.customer {
        alert_save::follow(work.conn(), &[next.id]).await?;
    }
    let seen = stored.version;
    let row = Presence {
        version: seen + 1,
        interval_s: next.draft.heartbeat_interval_s,
        customer: next.draft.customer,
        ..stored
    };
    let write = PresenceWrite {
        row,
        seen,
        is_full: true,
    };
    work.write_row(&write, last).await
}

/// Checks the revision and returns how far the terminal is in its life.
async fn expect_revision(conn: &mut SqliteConnection, id: TerminalId, seen: Revision) -> Result<Lifecycle, StoreError> {
    let row = sqlx::query("SELECT revision, lifecycle FROM terminal WHERE id = ?")
        .bind(id.get())
        .fetch_optional(conn)
        .await
        .or_fault(KIND, id)?;
    let row = row.ok_or_else(|| StoreError::Missing(EntityRef::new(KIND, id)))?;
    let fields = Fields::new(KIND, &row);
    if fields.revision("revision")? == seen {
        fields.named("lifecycle")
    } else {
        Err(StoreError::Stale(EntityRef::new(KIND, id)))
    }
}

/// Reads a terminal.
pub(super) fn read(row: &SqliteRow) -> Result<Terminal, StoreError> {
    let fields = Fields::new(KIND, row);
    let serial: &str = fields.get("serial_number")?;
    Ok(Terminal {
        id: fields.terminal("id")?,
        draft: TerminalDraft {
            serial: SerialNumber::parse(serial).map_err(|error| fields.corrupt("serial_number", error))?,
            customer: fields.customer("owner_id")?,
            model: fields.get("model")?,
            store_name: fields.get("store_name")?,
            store_code: fields.get("store_code")?,
            installation_address: fields.get("installation_address")?,
            heartbeat_interval_s: fields.number("heartbeat_interval_s")?,
            auto_update_enabled: fields.get("auto_update_enabled")?,
            installed_date: fields.get("installed_date")?,
            warranty_end_date: fields.get("warranty_end_date")?,
        },
        lifecycle: fields.named("lifecycle")?,
        host: Host {
            mac_address: fields.get("mac_address")?,
            hostname: fields.get("hostname")?,
            os: fields.get("os")?,
        },
        created_at: fields.time("created_at")?,
        updated_at: fields.time("updated_at")?,
        revision: fields.revision("revision")?,
    })
}

/// Reads a view.
pub(super) fn read_view(row: &SqliteRow) -> Result<TerminalView, StoreError> {
    let fields = Fields::new(KIND, row);
    Ok(TerminalView {
        terminal: read(row)?,
        presence: presence::read(row)?,
        company_name: fields.get("company_name")?,
        active_alerts: fields.number("active_alerts")?,
    })
}
