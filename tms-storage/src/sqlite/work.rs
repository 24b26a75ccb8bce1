//! One write transaction: fence first, then the change, then its envelope, all or nothing.

use std::sync::{Arc, LazyLock, PoisonError};

use sqlx::{Sqlite, SqliteConnection, Transaction};
use tms_core::{
    StoreError,
    audit::{AuditEntry, AuditKeys, key::Signature},
    envelope::Envelope,
    event::Event,
    lease::Fence,
};

use tokio::{sync::MutexGuard, time::timeout};

use super::{SqliteStore, bulk::Bulk, cache::PresenceCache, error::OrFault, idempotency, open::ACQUIRE_TIMEOUT};

static EVENTS: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::new("INSERT INTO event (kind, customer_id, at, data) VALUES ", 4, ""));

/// A transaction of the only writer. Dropped without a commit, it leaves nothing.
pub(super) struct Work<'a> {
    tx: Transaction<'static, Sqlite>,
    cache: MutexGuard<'a, PresenceCache>,
    keys: Arc<AuditKeys>,
}

impl SqliteStore {
    /// Begins a change: it must have a reason, its fence must be the present one, its idempotency key must be free.
    pub(super) async fn act(&self, with: &Envelope) -> Result<Work<'_>, StoreError> {
        with.check()?;
        let mut work = self.begin(with.fence).await?;
        if let Some(record) = &with.idempotency {
            idempotency::check(work.conn(), record).await?;
        }
        Ok(work)
    }

    /// Begins to write; `fence` must still be the present one.
    pub(super) async fn begin(&self, fence: Option<Fence>) -> Result<Work<'_>, StoreError> {
        let cache = timeout(ACQUIRE_TIMEOUT, self.cache.lock())
            .await
            .map_err(|waited| StoreError::Unavailable(waited.into()))?;
        let tx = self
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .or_fault("database", "")?;
        let keys = Arc::clone(&self.audit_keys.read().unwrap_or_else(PoisonError::into_inner));
        let mut work = Work { tx, cache, keys };
        if let Some(fence) = fence {
            work.check(fence).await?;
        }
        Ok(work)
    }
}

impl Work<'_> {
    /// Returns the connection.
    pub(super) fn conn(&mut self) -> &mut SqliteConnection {
        &mut self.tx
    }

    /// Returns the connection and the cached presence rows.
    pub(super) fn parts(&mut self) -> (&mut SqliteConnection, &mut PresenceCache) {
        (&mut self.tx, &mut self.cache)
    }

    /// Writes the envelope and commits; `created` is the id of what was made.
    pub(super) async fn seal(mut self, with: &Envelope, created: Option<i64>) -> Result<(), StoreError> {
        let keys = Arc::clone(&self.keys);
        for entry in &with.audit {
            write_audit(self.conn(), entry, created, &keys)
                .await
                .or_fault("audit entry", entry.action)?;
        }
        write_events(self.conn(), &with.events).await?;
        if let Some(record) = &with.idempotency {
            idempotency::remember(self.conn(), record, created).await?;
        }
        self.commit().await
    }

    /// Makes the work durable.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.commit_then(|_| ()).await
    }

    /// Makes the work durable and lets `known` see the cache before anybody else writes.
    pub(super) async fn commit_then(mut self, known: impl FnOnce(&mut PresenceCache)) -> Result<(), StoreError> {
        self.tx.commit().await.or_fault("database", "")?;
        known(&mut self.cache);
        Ok(())
    }

    async fn check(&mut self, fence: Fence) -> Result<(), StoreError> {
        let present: Option<i64> = sqlx::query_scalar("SELECT token FROM lease WHERE name = ?")
            .bind(fence.lease)
            .fetch_optional(self.conn())
            .await
            .or_fault("lease", fence.lease)?;
        if present == Some(fence.token) {
            Ok(())
        } else {
            Err(StoreError::Fenced)
        }
    }
}

/// Writes events behind all others.
pub(super) async fn write_events(conn: &mut SqliteConnection, events: &[Event]) -> Result<(), StoreError> {
    EVENTS
        .execute(conn, events, |event, binds| {
            binds
                .add(event.kind.as_str())
                .add(event.customer.map(tms_core::id::CustomerId::get))
                .time(event.at)
                .add(event.data.to_string());
        })
        .await
        .or_fault("event", "")
}

/// Signs an entry under the id that it will have, and writes it.
async fn write_audit(
    conn: &mut SqliteConnection,
    entry: &AuditEntry,
    created: Option<i64>,
    keys: &AuditKeys,
) -> sqlx::Result<()> {
    // The last one that was ever given out: the one writer gives out the next.
    let last: i64 =
        sqlx::query_scalar("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit_entry'), 0)")
            .fetch_one(&mut *conn)
            .await?;
    let signed = keys.sign(entry.record(last + 1, created));
    let record = &signed.record;
    sqlx::query(
        "INSERT INTO audit_entry (id, at, actor, role, action, target_type, target_id, customer_id, changes, ip_address,
         user_agent, request_id, result, signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(record.id)
    .bind(record.at.as_micros())
    .bind(&record.actor)
    .bind(&record.role)
    .bind(&record.action)
    .bind(&record.target_type)
    .bind(record.target_id)
    .bind(record.customer_id)
    .bind(record.changes.to_string())
    .bind(&record.ip_address)
    .bind(&record.user_agent)
    .bind(&record.request_id)
    .bind(&record.result)
    .bind(signed.signature.map(Signature::to_bytes))
    .execute(conn)
    .await
    .map(drop)
}
