//! Many terminals registered and saved in one transaction, one statement a table.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use tms_core::{
    envelope::Envelope,
    id::{CustomerId, TerminalId},
    presence::{Presence, Status},
    terminal::{Lifecycle, Terminal, TerminalDraft, import::TerminalImport},
    time::Timestamp,
};

use super::{alert_save, cells::Cells, credential, error::Fault, pool::PgStore, room, time::At};

/// Differences of counts, summed before they are written.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<(CustomerId, &'static str), i64>);

impl Counts {
    pub(super) fn add(&mut self, customer: CustomerId, status: Status, by: i64) {
        *self.0.entry((customer, status.as_str())).or_default() += by;
    }

    pub(super) async fn write(self, tx: &mut PgConnection) -> Result<(), Fault> {
        let changed: Vec<_> = self.0.into_iter().filter(|(_, by)| *by != 0).collect();
        sqlx::query(
            "INSERT INTO terminal_count_delta (customer_id, status, n) \
             SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])",
        )
        .bind(
            changed
                .iter()
                .map(|((customer, _), _)| customer.get())
                .collect::<Vec<_>>(),
        )
        .bind(changed.iter().map(|((_, status), _)| *status).collect::<Vec<_>>())
        .bind(changed.iter().map(|(_, by)| *by).collect::<Vec<_>>())
        .execute(tx)
        .await?;
        Ok(())
    }
}

impl PgStore {
    pub(super) async fn import_terminals(
        &self,
        import: &TerminalImport,
        now: Timestamp,
        with: Envelope,
    ) -> Result<(), Fault> {
        let mut act = self.act(with).await?;
        room::expect_all(&mut act.tx, &import.create, &import.update).await?;
        let mut counts = Counts::default();
        let moved = save(&mut act.tx, &import.update, &mut counts).await?;
        register(&mut act.tx, &import.create, now, &mut counts).await?;
        counts.write(&mut act.tx).await?;
        let at = act.at();
        credential::announce(&mut act.tx, &moved, at).await?;
        act.finish(None).await
    }
}

pub(super) fn each<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Saves terminals and returns those whose customer changed: caches hold whom a token names.
async fn save(tx: &mut PgConnection, update: &[Terminal], counts: &mut Counts) -> Result<Vec<i64>, Fault> {
    if update.is_empty() {
        return Ok(Vec::new());
    }
    let stored = lock(tx, &each(update, |next| next.id.get())).await?;
    let mut moved = Vec::new();
    for next in update {
        let before = stored
            .get(&next.id)
            .ok_or_else(|| Fault::missing("terminal", next.id))?;
        if before.revision != next.revision.0 {
            return Err(Fault::stale("terminal", next.id));
        }
        if before.customer != next.draft.customer {
            moved.push(next.id.get());
            if before.lifecycle != Lifecycle::Retired {
                counts.add(before.customer, before.status, -1);
                counts.add(next.draft.customer, before.status, 1);
            }
        }
    }
    write(tx, update).await?;
    alert_save::follow(tx, &moved).await?;
    Ok(moved)
}

struct Stored {
    revision: i64,
    customer: CustomerId,
    status: Status,
    lifecycle: Lifecycle,
}

/// Locks terminals in order of id, after their presence rows as every writer of both does.
async fn lock(tx: &mut PgConnection, ids: &[i64]) -> Result<BTreeMap<TerminalId, Stored>, Fault> {
    sqlx::query("SELECT 1 FROM terminal_presence WHERE terminal_id = ANY($1) ORDER BY terminal_id FOR NO KEY UPDATE")
        .bind(ids)
        .execute(&mut *tx)
        .await?;
    let rows = sqlx::query(
        "SELECT id, revision, customer_id, status, lifecycle FROM terminal WHERE id = ANY($1) ORDER BY id \
         FOR NO KEY UPDATE",
    )
    .bind(ids)
    .fetch_all(tx)
    .await?;
    let read = |row| {
        let mut cells = Cells::of("terminal", row);
        let id = cells.id(TerminalId::new)?;
        let stored = Stored {
            revision: cells.get()?,
            customer: cells.id(CustomerId::new)?,
            status: cells.parse()?,
            lifecycle: cells.parse()?,
        };
        Ok((id, stored))
    };
    rows.iter().map(read).collect()
}

async fn write(tx: &mut PgConnection, update: &[Terminal]) -> Result<(), Fault> {
    sqlx::query(
        "UPDATE terminal t SET serial_number = n.serial_number, customer_id = n.customer_id, model = n.model, \
         store_name = n.store_name, store_code = n.store_code, installation_address = n.installation_address, \
         heartbeat_interval_s = n.interval_s, auto_update_enabled = n.auto_update, \
         installed_date = n.installed, warranty_end_date = n.warranty, updated_at = n.at, \
         revision = t.revision + 1 \
         FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], \
         $8::bigint[], $9::bool[], $10::date[], $11::date[], $12::timestamptz[]) \
         AS n (id, serial_number, customer_id, model, store_name, store_code, installation_address, interval_s, \
         auto_update, installed, warranty, at) WHERE t.id = n.id",
    )
    .bind(each(update, |next| next.id.get()))
    .bind(each(update, |next| next.draft.serial.as_str()))
    .bind(each(update, |next| next.draft.customer.get()))
    .bind(each(update, |next| next.draft.model.as_str()))
    .bind(each(update, |next| next.draft.store_name.clone()))
    .bind(each(update, |next| next.draft.store_code.clone()))
    .bind(each(update, |next| next.draft.installation_address.clone()))
    .bind(each(update, |next| i64::from(next.draft.heartbeat_interval_s)))
    .bind(each(update, |next| next.draft.auto_update_enabled))
    .bind(each(update, |next| next.draft.installed_date))
    .bind(each(update, |next| next.draft.warranty_end_date))
    .bind(each(update, |next| At::from(next.updated_at)))
    .execute(&mut *tx)
    .await?;
    // Trigrams are costly: only where what is searched has changed.
    sqlx::query(
        "WITH n AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) \
         AS n (id, customer_id, interval_s, search_key)), \
         searched AS (UPDATE terminal_search s SET search_key = n.search_key FROM n \
         WHERE s.terminal_id = n.id AND s.search_key <> n.search_key) \
         UPDATE terminal_presence p SET interval_s = n.interval_s, customer_id = n.customer_id, \
         version = p.version + 1 FROM n WHERE p.terminal_id = n.id",
    )
    .bind(each(update, |next| next.id.get()))
    .bind(each(update, |next| next.draft.customer.get()))
    .bind(each(update, |next| i64::from(next.draft.heartbeat_interval_s)))
    .bind(each(update, |next| next.draft.search_key()))
    .execute(tx)
    .await?;
    Ok(())
}

/// Registers new terminals; the counts are the caller's to write.
pub(super) async fn register(
    tx: &mut PgConnection,
    create: &[TerminalDraft],
    now: Timestamp,
    counts: &mut Counts,
) -> Result<(), Fault> {
    if create.is_empty() {
        return Ok(());
    }
    let made: Vec<(i64, i64, i64)> = sqlx::query_as(
        "WITH made AS (INSERT INTO terminal (serial_number, customer_id, model, store_name, store_code, \
         installation_address, heartbeat_interval_s, auto_update_enabled, installed_date, warranty_end_date, \
         lifecycle, status, created_at, updated_at, revision) \
         SELECT n.serial_number, n.customer_id, n.model, n.store_name, n.store_code, n.address, n.interval_s, \
         n.auto_update, n.installed, n.warranty, 'registered', 'offline', $12, $12, 1 \
         FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], \
         $8::bool[], $9::date[], $10::date[]) \
         AS n (serial_number, customer_id, model, store_name, store_code, address, interval_s, auto_update, \
         installed, warranty) RETURNING id, serial_number, customer_id, heartbeat_interval_s), \
         searched AS (INSERT INTO terminal_search (terminal_id, search_key) \
         SELECT made.id, k.search_key FROM made JOIN unnest($1::text[], $11::text[]) \
         AS k (serial_number, search_key) USING (serial_number)) \
         SELECT id, customer_id, heartbeat_interval_s FROM made",
    )
    .bind(each(create, |draft| draft.serial.as_str()))
    .bind(each(create, |draft| draft.customer.get()))
    .bind(each(create, |draft| draft.model.as_str()))
    .bind(each(create, |draft| draft.store_name.clone()))
    .bind(each(create, |draft| draft.store_code.clone()))
    .bind(each(create, |draft| draft.installation_address.clone()))
    .bind(each(create, |draft| i64::from(draft.heartbeat_interval_s)))
    .bind(each(create, |draft| draft.auto_update_enabled))
    .bind(each(create, |draft| draft.installed_date))
    .bind(each(create, |draft| draft.warranty_end_date))
    .bind(each(create, TerminalDraft::search_key))
    .bind(At::from(now))
    .fetch_all(&mut *tx)
    .await?;
    insert_presence(tx, create, &made, now, counts).await
}

/// Inserts the rows of new terminals: all begin alike but for whose they are and how often they report.
async fn insert_presence(
    tx: &mut PgConnection,
    create: &[TerminalDraft],
    made: &[(i64, i64, i64)],
    now: Timestamp,
    counts: &mut Counts,
) -> Result<(), Fault> {
    let Some((first, (id, _, _))) = create.first().zip(made.first()) else {
        return Ok(());
    };
    let id = TerminalId::new(*id).map_err(|error| Fault::corrupt("terminal", error))?;
    let begin = Presence::new(id, first.customer, first.heartbeat_interval_s, now);
    for draft in create {
        counts.add(draft.customer, begin.status, 1);
    }
    sqlx::query(
        "INSERT INTO terminal_presence (terminal_id, customer_id, interval_s, next_s, version, is_active, \
         in_maintenance, config_version, is_lost, device, device_code, past_boots, status, status_since, breaches, \
         breached, raised, alerted) \
         SELECT n.id, n.customer_id, n.interval_s, n.interval_s, $4, $5, $6, $7, $8, $9, $10, '', $11, $12, '', 0, 0, 0 \
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS n (id, customer_id, interval_s)",
    )
    .bind(each(made, |(id, _, _)| *id))
    .bind(each(made, |(_, customer, _)| *customer))
    .bind(each(made, |(_, _, interval_s)| *interval_s))
    .bind(begin.version)
    .bind(begin.is_active)
    .bind(begin.in_maintenance)
    .bind(begin.config_version)
    .bind(begin.is_lost)
    .bind(begin.device.name())
    .bind(begin.device.code())
    .bind(begin.status.as_str())
    .bind(At::from(begin.status_since))
    .execute(tx)
    .await?;
    Ok(())
}
