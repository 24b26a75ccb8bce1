//! What travels with every mutation: the fence first, audit entries and events last, all in one transaction.

use std::sync::Arc;

use sqlx::{PgConnection, types::Json};
use tms_core::{
    StoreError,
    audit::{AuditEntry, AuditKeys, SignedRecord, key::Signature},
    envelope::Envelope,
    event::Event,
    id::CustomerId,
    lease::Fence,
};

use super::{
    commits::Commits,
    error::Fault,
    idempotency,
    pool::{PgStore, Tx},
    time::At,
};

/// A transaction that carries an envelope; dropped without [`Act::finish`] it changes nothing.
pub(super) struct Act {
    pub(super) tx: Tx,
    with: Envelope,
    keys: Arc<AuditKeys>,
    listener: Option<Arc<dyn Commits>>,
    is_of_people: bool,
}

impl PgStore {
    /// Begins a mutation, checks its reason and its fence and takes its idempotency key.
    pub(super) async fn act(&self, with: Envelope) -> Result<Act, Fault> {
        with.check()?;
        let tx = self.begin().await?;
        self.act_in(tx, with).await
    }

    /// Begins a mutation that may take long and, but for its envelope, writes no events: who follows them does not wait
    /// for it. An envelope that has some makes it a mutation like any other.
    pub(super) async fn act_without_events(&self, with: Envelope) -> Result<Act, Fault> {
        with.check()?;
        let tx = if with.events.is_empty() {
            self.begin_without_events().await?
        } else {
            self.begin().await?
        };
        self.act_in(tx, with).await
    }

    async fn act_in(&self, mut tx: Tx, with: Envelope) -> Result<Act, Fault> {
        if let Some(fence) = with.fence {
            check_fence(&mut tx, fence).await?;
        }
        if let Some(record) = &with.idempotency {
            // Rare: it must not make every act larger.
            Box::pin(idempotency::claim(&mut tx, record)).await?;
        }
        let keys = self.audit_keys();
        Ok(Act {
            tx,
            with,
            keys,
            listener: self.commits.get().cloned(),
            is_of_people: false,
        })
    }

    /// Begins a mutation of somebody's sign-ins, role or second factor.
    pub(super) async fn act_on_people(&self, with: Envelope) -> Result<Act, Fault> {
        let mut act = self.act(with).await?;
        act.is_of_people = true;
        Ok(act)
    }
}

impl Act {
    /// Writes the envelope and commits; targets without an id get `created`.
    pub(super) async fn finish(mut self, created: Option<i64>) -> Result<(), Fault> {
        write_audit(&mut self.tx, &self.with.audit, created, &self.keys).await?;
        write_events(&mut self.tx, &self.with.events).await?;
        if let Some(record) = &self.with.idempotency {
            Box::pin(idempotency::remember(&mut self.tx, record, created)).await?;
        }
        self.tx.commit().await?;
        if let Some(listener) = self.listener {
            if !self.with.events.is_empty() {
                listener.events();
            }
            if self.is_of_people {
                listener.people().await;
            }
        }
        Ok(())
    }

    /// Says whose object it is, where the entries do not say so themselves.
    pub(super) fn of_customer(mut self, customer: Option<CustomerId>) -> Self {
        self.with = self.with.of_customer(customer);
        self
    }

    /// Returns when the act happens: the time of its audit entry.
    pub(super) fn at(&self) -> Option<At> {
        self.with.audit.first().map(|entry| entry.at.into())
    }
}

/// Checks that `fence` is the present one and keeps it so until the end of the transaction: with a lock that a takeover
/// waits for, but no renewal.
pub(super) async fn check_fence(tx: &mut PgConnection, fence: Fence) -> Result<(), Fault> {
    let token: Option<i64> = sqlx::query_scalar("SELECT token FROM lease WHERE name = $1 FOR KEY SHARE")
        .bind(fence.lease)
        .fetch_optional(tx)
        .await?;
    if token == Some(fence.token) {
        Ok(())
    } else {
        Err(StoreError::Fenced.into())
    }
}

/// Signs the entries under the ids that they will have, and writes them.
async fn write_audit(
    tx: &mut PgConnection,
    entries: &[AuditEntry],
    created: Option<i64>,
    keys: &AuditKeys,
) -> Result<(), Fault> {
    if entries.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = sqlx::query_scalar("SELECT nextval('audit_entry_id_seq') FROM generate_series(1, $1)")
        .bind(i64::try_from(entries.len()).unwrap_or(i64::MAX))
        .fetch_all(&mut *tx)
        .await?;
    for (entry, id) in entries.iter().zip(ids) {
        insert_entry(tx, &keys.sign(entry.record(id, created))).await?;
    }
    Ok(())
}

async fn insert_entry(tx: &mut PgConnection, entry: &SignedRecord) -> Result<(), Fault> {
    let record = &entry.record;
    sqlx::query(
        "INSERT INTO audit_entry (id, at, actor, role, action, target_kind, target_id, customer_id, changes, address, \
         user_agent, request_id, result, signature) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(record.id)
    .bind(At::from(record.at))
    .bind(&record.actor)
    .bind(&record.role)
    .bind(&record.action)
    .bind(&record.target_type)
    .bind(record.target_id)
    .bind(record.customer_id)
    .bind(Json(&record.changes))
    .bind(&record.ip_address)
    .bind(&record.user_agent)
    .bind(&record.request_id)
    .bind(&record.result)
    .bind(entry.signature.map(Signature::to_bytes))
    .execute(tx)
    .await?;
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
