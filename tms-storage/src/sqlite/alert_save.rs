//! What people change of alerts: one, or many at once.

use std::{collections::HashMap, sync::LazyLock};

use sqlx::SqliteConnection;
use tms_core::{
    StoreError,
    alert::{Alert, Resolved},
    id::{AlertId, EntityRef, Revision, TerminalId},
    time::Timestamp,
};

use super::{alert::KIND, bulk::Bulk, error::OrFault, fields::Fields};

static REVISIONS: LazyLock<Bulk> = LazyLock::new(|| Bulk::list("SELECT id, revision FROM alert WHERE id IN (", ")"));

static UPDATE: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "WITH next (id, state, seen_by, seen_at, resolution, resolved_by, resolved_at, notes) AS (VALUES ",
        8,
        ") UPDATE alert SET state = next.state, acknowledged_by = next.seen_by, acknowledged_at = next.seen_at,
         resolution = next.resolution, resolved_by = next.resolved_by, resolved_at = next.resolved_at,
         resolution_notes = next.notes, revision = revision + 1 FROM next WHERE alert.id = next.id",
    )
});

static FOLLOW: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::list(
        "UPDATE alert SET revision = revision + 1,
         customer_id = (SELECT t.customer_id FROM terminal t WHERE t.id = alert.terminal_id)
         WHERE state <> 'resolved' AND terminal_id IN (",
        ")",
    )
});

/// Gives the alerts that terminals have open to the customers whose the terminals are now.
pub(super) async fn follow(conn: &mut SqliteConnection, moved: &[TerminalId]) -> Result<(), StoreError> {
    FOLLOW
        .execute(conn, moved, |id, binds| {
            binds.add(id.get());
        })
        .await
        .or_fault(KIND, "")
}

/// Writes alerts whose stored revision is the one they have.
pub(super) async fn write(conn: &mut SqliteConnection, next: &[Alert]) -> Result<(), StoreError> {
    expect(conn, next).await?;
    UPDATE
        .execute(conn, next, |alert, binds| {
            let seen = alert.acknowledged.as_ref();
            let end = alert.resolved.as_ref();
            let resolved = |value: fn(&Resolved) -> Option<String>| end.and_then(value);
            binds
                .add(alert.id.get())
                .add(alert.state.as_str())
                .add(seen.map(|(by, _)| by.clone()))
                .add(seen.map(|(_, at)| at.as_micros()))
                .add(resolved(|end| Some(end.resolution.as_str().to_owned())))
                .add(resolved(|end| end.by.clone()))
                .add(end.map(|end| Timestamp::as_micros(end.at)))
                .add(resolved(|end| end.notes.clone()));
        })
        .await
        .or_fault(KIND, "")
}

async fn expect(conn: &mut SqliteConnection, next: &[Alert]) -> Result<(), StoreError> {
    let rows = REVISIONS
        .fetch(conn, next, |alert, binds| {
            binds.add(alert.id.get());
        })
        .await
        .or_fault(KIND, "")?;
    let mut stored: HashMap<AlertId, Revision> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let fields = Fields::new(KIND, row);
        stored.insert(fields.id("id", AlertId::new)?, fields.revision("revision")?);
    }
    for alert in next {
        let entity = || EntityRef::new(KIND, alert.id);
        match stored.get(&alert.id) {
            None => return Err(StoreError::Missing(entity())),
            Some(revision) if *revision != alert.revision => return Err(StoreError::Stale(entity())),
            Some(_) => {}
        }
    }
    Ok(())
}
