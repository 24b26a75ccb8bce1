//! Terminals: the cold half, which people change.

use async_trait::async_trait;
use sqlx::{PgConnection, postgres::PgRow};
use tms_core::{
    StoreError,
    envelope::Envelope,
    id::{CustomerId, Revision, TerminalId},
    page::{Order, Page, PageRequest},
    presence::{Presence, Status, store::Retirement},
    terminal::{
        Host, Lifecycle, Terminal, TerminalDraft, TerminalStore, TerminalView,
        import::TerminalImport,
        store::{StatusCounts, TerminalFilter, TerminalSort},
    },
    text::SerialNumber,
    time::Timestamp,
};

use super::{
    alert_save,
    cells::{Cells, unsigned},
    credential,
    error::Fault,
    pool::PgStore,
    presence_row, room, status_change,
    time::At,
};

/// The columns that [`read_cells`] reads, of a table named `t`.
macro_rules! terminal_columns {
    () => {
        "t.id, t.serial_number, t.customer_id, t.model, t.store_name, t.store_code, t.installation_address, \
         t.heartbeat_interval_s, t.auto_update_enabled, t.installed_date, t.warranty_end_date, t.lifecycle, \
         t.mac_address, t.hostname, t.os, t.created_at, t.updated_at, t.revision"
    };
}
pub(super) use terminal_columns;

/// Everything that a view shows, of `terminal t`, its presence `p` and its customer `c`.
macro_rules! view_columns {
    () => {
        concat!(
            $crate::postgres::terminal::terminal_columns!(),
            ", ",
            $crate::postgres::presence_row::presence_columns!(),
            ", c.company_name, (SELECT count(*) FROM alert a WHERE a.terminal_id = t.id AND a.state <> 'resolved')"
        )
    };
}
pub(super) use view_columns;

pub(super) fn read_cells(cells: &mut Cells<'_>) -> Result<Terminal, Fault> {
    let id = cells.id(TerminalId::new)?;
    let draft = TerminalDraft {
        serial: cells.checked(SerialNumber::parse)?,
        customer: cells.id(CustomerId::new)?,
        model: cells.get()?,
        store_name: cells.get()?,
        store_code: cells.get()?,
        installation_address: cells.get()?,
        heartbeat_interval_s: cells.narrow()?,
        auto_update_enabled: cells.get()?,
        installed_date: cells.get()?,
        warranty_end_date: cells.get()?,
    };
    Ok(Terminal {
        id,
        draft,
        lifecycle: cells.parse()?,
        host: Host {
            mac_address: cells.get()?,
            hostname: cells.get()?,
            os: cells.get()?,
        },
        created_at: cells.time()?,
        updated_at: cells.time()?,
        revision: cells.revision()?,
    })
}

pub(super) fn read_view(row: &PgRow) -> Result<TerminalView, Fault> {
    let mut cells = Cells::of("terminal", row);
    Ok(TerminalView {
        terminal: read_cells(&mut cells)?,
        presence: presence_row::read_cells(&mut cells)?,
        company_name: cells.get()?,
        active_alerts: unsigned(cells.get()?),
    })
}

const VIEW: &str = concat!(
    "SELECT ",
    view_columns!(),
    " FROM terminal t JOIN terminal_presence p ON p.terminal_id = t.id JOIN customer c ON c.id = t.customer_id \
     WHERE t.id = $1"
);
const VIEW_BY_SERIAL: &str = concat!(
    "SELECT ",
    view_columns!(),
    " FROM terminal t JOIN terminal_presence p ON p.terminal_id = t.id JOIN customer c ON c.id = t.customer_id \
     WHERE t.serial_number = $1"
);

const VIEWS_BY_ID: &str = concat!(
    "SELECT ",
    view_columns!(),
    " FROM terminal t JOIN terminal_presence p ON p.terminal_id = t.id JOIN customer c ON c.id = t.customer_id \
     WHERE t.id = ANY($1) ORDER BY t.id"
);

#[async_trait]
impl TerminalStore for PgStore {
    async fn find(&self, id: TerminalId) -> Result<Option<TerminalView>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(VIEW).bind(id.get()).fetch_optional(self.pool()).await?;
            row.as_ref().map(read_view).transpose()
        })
        .await
    }

    async fn find_by_serial(&self, serial: &SerialNumber) -> Result<Option<TerminalView>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(VIEW_BY_SERIAL)
                .bind(serial.as_str())
                .fetch_optional(self.pool())
                .await?;
            row.as_ref().map(read_view).transpose()
        })
        .await
    }

    async fn find_many(&self, terminals: &[TerminalId]) -> Result<Vec<TerminalView>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(VIEWS_BY_ID)
                .bind(terminals.iter().map(|id| id.get()).collect::<Vec<_>>())
                .fetch_all(self.pool())
                .await?;
            rows.iter().map(read_view).collect()
        })
        .await
    }

    async fn list(
        &self,
        filter: &TerminalFilter,
        sort: TerminalSort,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<TerminalView>, StoreError> {
        self.bounded(self.list_terminals(filter, sort, order, page)).await
    }

    async fn insert(&self, draft: &TerminalDraft, now: Timestamp, with: Envelope) -> Result<Terminal, StoreError> {
        self.bounded(async {
            let mut act = self.act(with).await?;
            room::expect(&mut act.tx, draft.customer, 1).await?;
            let new = NewTerminal {
                draft,
                lifecycle: Lifecycle::Registered,
                host: &Host::default(),
                now,
            };
            let terminal = add(&mut act.tx, &new).await?;
            let row = Presence::new(terminal.id, draft.customer, draft.heartbeat_interval_s, now);
            presence_row::insert(&mut act.tx, &row).await?;
            status_change::count(&mut act.tx, draft.customer, row.status, 1).await?;
            act.finish(Some(terminal.id.get())).await?;
            Ok(terminal)
        })
        .await
    }

    async fn save(&self, next: &Terminal, seen: Revision, with: Envelope) -> Result<Revision, StoreError> {
        let saved = self.bounded(self.save_terminal(next, seen, with)).await;
        self.presence_cache.forget(std::iter::once(next.id));
        saved
    }

    async fn find_by_serials(&self, serials: &[SerialNumber]) -> Result<Vec<Terminal>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(concat!(
                "SELECT ",
                terminal_columns!(),
                " FROM terminal t WHERE t.serial_number = ANY($1)"
            ))
            .bind(serials.iter().map(SerialNumber::as_str).collect::<Vec<_>>())
            .fetch_all(self.pool())
            .await?;
            rows.iter()
                .map(|row| read_cells(&mut Cells::of("terminal", row)))
                .collect()
        })
        .await
    }

    async fn import(&self, import: &TerminalImport, now: Timestamp, with: Envelope) -> Result<(), StoreError> {
        let imported = self.bounded(self.import_terminals(import, now, with)).await;
        self.presence_cache.forget(import.update.iter().map(|next| next.id));
        imported
    }

    async fn retire(
        &self,
        id: TerminalId,
        seen: Revision,
        retirement: &Retirement,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let retire = Box::pin(self.retire_terminal(id, seen, retirement, with));
        let retired = self.bounded(retire).await;
        self.presence_cache.forget(std::iter::once(id));
        retired
    }

    async fn count_by_status(&self, customer: Option<CustomerId>) -> Result<StatusCounts, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(
                "SELECT status, sum(n)::bigint FROM (\
                 SELECT status, n FROM terminal_count WHERE $1::bigint IS NULL OR customer_id = $1 UNION ALL \
                 SELECT status, n FROM terminal_count_delta WHERE $1::bigint IS NULL OR customer_id = $1) all_counts \
                 GROUP BY status",
            )
            .bind(customer.map(CustomerId::get))
            .fetch_all(self.pool())
            .await?;
            let mut counts = StatusCounts::default();
            for row in &rows {
                let mut cells = Cells::of("count", row);
                let status: Status = cells.parse()?;
                *counts.of_mut(status) = unsigned(cells.get()?);
            }
            Ok(counts)
        })
        .await
    }
}

/// A terminal to add.
pub(super) struct NewTerminal<'a> {
    pub(super) draft: &'a TerminalDraft,
    pub(super) lifecycle: Lifecycle,
    pub(super) host: &'a Host,
    pub(super) now: Timestamp,
}

/// Adds a terminal; its presence row and its count are the caller's.
pub(super) async fn add(tx: &mut PgConnection, new: &NewTerminal<'_>) -> Result<Terminal, Fault> {
    let draft = new.draft;
    let row = sqlx::query(concat!(
        "INSERT INTO terminal AS t (serial_number, customer_id, model, store_name, store_code, installation_address, \
         heartbeat_interval_s, auto_update_enabled, installed_date, warranty_end_date, lifecycle, mac_address, \
         hostname, os, status, created_at, updated_at, revision) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'offline', $15, $15, 1) RETURNING ",
        terminal_columns!()
    ))
    .bind(draft.serial.as_str())
    .bind(draft.customer.get())
    .bind(&draft.model)
    .bind(&draft.store_name)
    .bind(&draft.store_code)
    .bind(&draft.installation_address)
    .bind(i64::from(draft.heartbeat_interval_s))
    .bind(draft.auto_update_enabled)
    .bind(draft.installed_date)
    .bind(draft.warranty_end_date)
    .bind(new.lifecycle.as_str())
    .bind(&new.host.mac_address)
    .bind(&new.host.hostname)
    .bind(&new.host.os)
    .bind(At::from(new.now))
    .fetch_one(&mut *tx)
    .await?;
    let terminal = read_cells(&mut Cells::of("terminal", &row))?;
    sqlx::query("INSERT INTO terminal_search (terminal_id, search_key) VALUES ($1, $2)")
        .bind(terminal.id.get())
        .bind(draft.search_key())
        .execute(tx)
        .await?;
    Ok(terminal)
}

/// Locks a terminal, after its presence row as every writer of both does, and returns it with its status.
pub(super) async fn lock(tx: &mut PgConnection, id: i64) -> Result<Option<(Terminal, Status)>, Fault> {
    sqlx::query("SELECT 1 FROM terminal_presence WHERE terminal_id = $1 FOR NO KEY UPDATE")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    let row = sqlx::query(concat!(
        "SELECT ",
        terminal_columns!(),
        ", t.status FROM terminal t WHERE t.id = $1 FOR NO KEY UPDATE"
    ))
    .bind(id)
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let mut cells = Cells::of("terminal", &row);
    Ok(Some((read_cells(&mut cells)?, cells.parse()?)))
}

/// Writes everything of a terminal but its id and when it was made.
pub(super) async fn overwrite(tx: &mut PgConnection, next: &Terminal, revision: Revision) -> Result<(), Fault> {
    let draft = &next.draft;
    sqlx::query(
        "UPDATE terminal SET serial_number = $2, customer_id = $3, model = $4, store_name = $5, store_code = $6, \
         installation_address = $7, heartbeat_interval_s = $8, auto_update_enabled = $9, installed_date = $10, \
         warranty_end_date = $11, lifecycle = $12, mac_address = $13, hostname = $14, os = $15, updated_at = $16, \
         revision = $17 WHERE id = $1",
    )
    .bind(next.id.get())
    .bind(draft.serial.as_str())
    .bind(draft.customer.get())
    .bind(&draft.model)
    .bind(&draft.store_name)
    .bind(&draft.store_code)
    .bind(&draft.installation_address)
    .bind(i64::from(draft.heartbeat_interval_s))
    .bind(draft.auto_update_enabled)
    .bind(draft.installed_date)
    .bind(draft.warranty_end_date)
    .bind(next.lifecycle.as_str())
    .bind(&next.host.mac_address)
    .bind(&next.host.hostname)
    .bind(&next.host.os)
    .bind(At::from(next.updated_at))
    .bind(revision.0)
    .execute(&mut *tx)
    .await?;
    // Trigrams are costly: only when what is searched has changed.
    sqlx::query("UPDATE terminal_search SET search_key = $2 WHERE terminal_id = $1 AND search_key <> $2")
        .bind(next.id.get())
        .bind(draft.search_key())
        .execute(tx)
        .await?;
    Ok(())
}

impl PgStore {
    async fn save_terminal(&self, next: &Terminal, seen: Revision, with: Envelope) -> Result<Revision, Fault> {
        let mut act = self.act(with).await?;
        room::expect_all(&mut act.tx, &[], std::slice::from_ref(next)).await?;
        let found = lock(&mut act.tx, next.id.get()).await?;
        let (before, status) = found.ok_or_else(|| Fault::missing("terminal", next.id))?;
        if before.revision != seen {
            return Err(Fault::stale("terminal", next.id));
        }
        overwrite(&mut act.tx, next, seen.next()).await?;
        sqlx::query(
            "UPDATE terminal_presence SET interval_s = $2, customer_id = $3, version = version + 1 \
             WHERE terminal_id = $1",
        )
        .bind(next.id.get())
        .bind(i64::from(next.draft.heartbeat_interval_s))
        .bind(next.draft.customer.get())
        .execute(&mut *act.tx)
        .await?;
        let counted =
            |terminal: &Terminal| Some(terminal.draft.customer).filter(|_| terminal.lifecycle != Lifecycle::Retired);
        if counted(&before) != counted(next) {
            for (customer, n) in [(counted(&before), -1), (counted(next), 1)] {
                if let Some(customer) = customer {
                    status_change::count(&mut act.tx, customer, status, n).await?;
                }
            }
        }
        if before.draft.customer != next.draft.customer {
            alert_save::follow(&mut act.tx, &[next.id.get()]).await?;
        }
        if before.draft.customer != next.draft.customer || before.draft.serial != next.draft.serial {
            // Caches hold whom a token names.
            let at = act.at();
            credential::announce(&mut act.tx, &[next.id.get()], at).await?;
        }
        act.finish(Some(next.id.get())).await?;
        Ok(seen.next())
    }
}
