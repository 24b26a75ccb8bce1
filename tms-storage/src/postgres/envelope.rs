//! What travels with every mutation: the fence first, audit entries and events last, all in one transaction.

use sqlx::{PgConnection, types::Json};
use tms_core::{
    StoreError, audit::AuditEntry, envelope::Envelope, event::Event, id::CustomerId, lease::Fence, permission::Role,
};

use super::{
    error::Fault,
    pool::{PgStore, Tx},
    time::At,
};

/// A transaction that carries an envelope; dropped without [`Act::finish`] it changes nothing.
pub(super) struct Act {
    pub(super) tx: Tx,
    with: Envelope,
}

impl PgStore {
    /// Begins a mutation and checks its fence.
    pub(super) async fn act(&self, with: Envelope) -> Result<Act, Fault> {
        let mut tx = self.begin().await?;
        if let Some(fence) = with.fence {
            check_fence(&mut tx, fence).await?;
        }
        Ok(Act { tx, with })
    }
}

impl Act {
    /// Writes the envelope and commits; targets without an id get `created`.
    pub(super) async fn finish(mut self, created: Option<i64>) -> Result<(), Fault> {
        write_audit(&mut self.tx, &self.with.audit, created).await?;
        write_events(&mut self.tx, &self.with.events).await?;
        Ok(self.tx.commit().await?)
    }

    /// Returns when the act happens: the time of its audit entry.
    pub(super) fn at(&self) -> Option<At> {
        self.with.audit.first().map(|entry| entry.at.into())
    }
}

/// Checks that `fence` is the present one and keeps it so until the end of the transaction.
pub(super) async fn check_fence(tx: &mut PgConnection, fence: Fence) -> Result<(), Fault> {
    let token: Option<i64> = sqlx::query_scalar("SELECT token FROM lease WHERE name = $1 FOR SHARE")
        .bind(fence.lease)
        .fetch_optional(tx)
        .await?;
    if token == Some(fence.token) {
        Ok(())
    } else {
        Err(StoreError::Fenced.into())
    }
}

async fn write_audit(tx: &mut PgConnection, entries: &[AuditEntry], created: Option<i64>) -> Result<(), Fault> {
    for entry in entries {
        sqlx::query(
            "INSERT INTO audit_entry \
             (at, actor, role, action, target_kind, target_id, changes, request_id, address, user_agent) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(At::from(entry.at))
        .bind(&entry.actor)
        .bind(entry.role.map(Role::as_str))
        .bind(entry.action)
        .bind(entry.target.kind)
        .bind(entry.target.id.or(created))
        .bind(Json(&entry.changes))
        .bind(&entry.origin.request_id)
        .bind(entry.origin.address.map(|address| address.to_string()))
        .bind(&entry.origin.user_agent)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Writes events in their order.
pub(super) async fn write_events(tx: &mut PgConnection, events: &[Event]) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    let customers: Vec<_> = events.iter().map(|event| event.customer.map(CustomerId::get)).collect();
    let times: Vec<_> = events.iter().map(|event| At::from(event.at)).collect();
    let data: Vec<_> = events.iter().map(|event| Json(&event.data)).collect();
    sqlx::query(
        "INSERT INTO event (kind, customer_id, at, data) \
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::jsonb[])",
    )
    .bind(kinds)
    .bind(customers)
    .bind(times)
    .bind(data)
    .execute(tx)
    .await?;
    Ok(())
}
