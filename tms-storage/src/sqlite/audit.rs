//! The audit trail. With one writer, the order of ids is the order of commits.

use async_trait::async_trait;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    audit::{
        AuditKeys, Checkpoint, Head, Seal, SignedRecord,
        key::Signature,
        store::{AuditFilter, AuditRow, AuditStore, ChainEnd},
        verify::{Link, Unsealed},
    },
    envelope::Envelope,
    id::{CustomerId, EntityRef},
    lease::Fence,
    page::{Order, Page, PageRequest},
    time::Timestamp,
};

use super::{
    SqliteStore,
    audit_row::{read_checkpoint, read_entry, read_head, read_seal},
    bulk::Bulk,
    error::OrFault,
    fields::Fields,
    listing::{Listing, Query, by_id},
};

const KIND: &str = "audit entry";
/// Links that one transaction drops, so that heartbeats never wait long for their turn.
const AT_ONCE: i64 = 5_000;

#[async_trait]
impl AuditStore for SqliteStore {
    fn use_keys(&self, keys: AuditKeys) {
        self.set_audit_keys(keys);
    }

    async fn record(&self, with: Envelope) -> Result<(), StoreError> {
        self.act(&with).await?.seal(&with, None).await
    }

    async fn list(&self, filter: &AuditFilter, order: Order, page: &PageRequest) -> Result<Page<AuditRow>, StoreError> {
        let listing = Listing {
            kind: KIND,
            around: ("", ""),
            columns: "*, EXISTS (SELECT 1 FROM audit_seal s WHERE s.entry_id = audit_entry.id) AS is_sealed",
            from: "audit_entry",
            key: None,
            id: "id",
            order,
        };
        let conditions = |query: &mut Query| narrow(query, filter);
        let mut conn = self.read().await?;
        listing
            .page(&mut conn, page, &conditions, read_row, |row| by_id(row.record.id))
            .await
    }

    async fn chain_end(&self) -> Result<ChainEnd, StoreError> {
        let row = sqlx::query(
            "SELECT c.place AS dropped_to, c.hash AS dropped_hash, c.at, c.signature, s.place, s.hash, s.verdict
             FROM (SELECT 1)
             LEFT JOIN (SELECT * FROM audit_checkpoint ORDER BY place DESC LIMIT 1) c
             LEFT JOIN (SELECT * FROM audit_seal ORDER BY place DESC LIMIT 1) s",
        )
        .fetch_one(&mut *self.read().await?)
        .await
        .or_fault(KIND, "")?;
        let fields = Fields::new("audit chain", &row);
        let checkpoint = read_checkpoint(fields)?;
        let dropped = checkpoint.as_ref().map(|checkpoint| checkpoint.head);
        let last = read_head(fields, "place", "hash")?;
        let verdict: Option<&str> = fields.get("verdict")?;
        Ok(ChainEnd {
            head: last
                .into_iter()
                .chain(dropped)
                .max_by_key(|head| head.place)
                .unwrap_or_default(),
            verdict: verdict.and_then(|verdict| verdict.parse().ok()),
            checkpoint,
        })
    }

    async fn pending(&self, limit: u32) -> Result<Vec<SignedRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT e.* FROM audit_pending p JOIN audit_entry e ON e.id = p.entry_id
             WHERE NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.entry_id = p.entry_id) ORDER BY p.entry_id LIMIT ?",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .or_fault(KIND, "")?;
        rows.iter().map(|row| read_entry(Fields::new(KIND, row))).collect()
    }

    async fn seal(&self, seals: &[Seal], fence: Fence) -> Result<(), StoreError> {
        let Some(first) = seals.first() else { return Ok(()) };
        let stale = || StoreError::Stale(EntityRef::new("audit seal", first.place));
        let mut work = self.begin(Some(fence)).await?;
        let end: i64 = sqlx::query_scalar(
            "SELECT max(coalesce((SELECT max(place) FROM audit_seal), 0),
                        coalesce((SELECT max(place) FROM audit_checkpoint), 0))",
        )
        .fetch_one(work.conn())
        .await
        .or_fault("audit seal", "")?;
        if !(end + 1..).zip(seals).all(|(place, seal)| seal.place == place) {
            return Err(stale());
        }
        match insert(work.conn(), seals).await {
            Err(StoreError::Duplicate(_)) => return Err(stale()),
            inserted => inserted?,
        }
        sqlx::query("DELETE FROM audit_pending WHERE entry_id IN (SELECT entry_id FROM audit_seal)")
            .execute(work.conn())
            .await
            .or_fault("audit seal", "")?;
        work.commit().await
    }

    async fn links(&self, after: i64, limit: u32) -> Result<Vec<Link>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.place, s.entry_id, s.verdict, s.hash, s.signature AS seal_signature, e.*
             FROM audit_seal s LEFT JOIN audit_entry e ON e.id = s.entry_id
             WHERE s.place > ? ORDER BY s.place LIMIT ?",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .or_fault("audit seal", "")?;
        let read = |row| {
            let fields = Fields::new("audit seal", row);
            Ok(Link {
                seal: read_seal(fields)?,
                entry: maybe_entry(fields, "id")?,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn unsealed(&self, after: i64, limit: u32) -> Result<Vec<Unsealed>, StoreError> {
        let rows = sqlx::query(
            "WITH loose (loose_id) AS (
                 SELECT id FROM audit_entry WHERE NOT EXISTS (SELECT 1 FROM audit_seal WHERE entry_id = id)
                 UNION ALL SELECT entry_id FROM audit_pending p
                 WHERE NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.entry_id = p.entry_id)
                     AND NOT EXISTS (SELECT 1 FROM audit_entry e WHERE e.id = p.entry_id))
             SELECT loose_id, e.* FROM loose LEFT JOIN audit_entry e ON e.id = loose_id
             WHERE loose_id > ? ORDER BY loose_id LIMIT ?",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.read().await?)
        .await
        .or_fault(KIND, "")?;
        let read = |row| {
            let fields = Fields::new(KIND, row);
            Ok(Unsealed {
                id: fields.get("loose_id")?,
                entry: maybe_entry(fields, "id")?,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn cut(&self, before: Timestamp) -> Result<Option<Head>, StoreError> {
        let row = sqlx::query(
            "SELECT place, hash FROM audit_seal WHERE place < coalesce((
                 SELECT s.place FROM audit_seal s CROSS JOIN audit_entry e ON e.id = s.entry_id WHERE e.at >= ?
                 ORDER BY s.place LIMIT 1), 9223372036854775807) ORDER BY place DESC LIMIT 1",
        )
        .bind(before.as_micros())
        .fetch_optional(&mut *self.read().await?)
        .await
        .or_fault("audit seal", "")?;
        match row {
            None => Ok(None),
            Some(row) => read_head(Fields::new("audit seal", &row), "place", "hash"),
        }
    }

    async fn trim(&self, checkpoint: &Checkpoint, fence: Fence) -> Result<u64, StoreError> {
        let mut work = self.begin(Some(fence)).await?;
        sqlx::query(
            "INSERT INTO audit_checkpoint (place, hash, at, signature) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(checkpoint.head.place)
        .bind(checkpoint.head.hash.0.to_vec())
        .bind(checkpoint.at.as_micros())
        .bind(checkpoint.signature.map(Signature::to_bytes).unwrap_or_default())
        .execute(work.conn())
        .await
        .or_fault("audit checkpoint", checkpoint.head.place)?;
        work.commit().await?;
        let mut total = 0;
        loop {
            let dropped = self.drop_links(checkpoint.head.place).await?;
            total += dropped;
            if dropped < AT_ONCE.unsigned_abs() {
                return Ok(total);
            }
            tokio::task::yield_now().await;
        }
    }
}

impl SqliteStore {
    /// Drops a part of the chain up to `place`, links and entries together.
    async fn drop_links(&self, place: i64) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let upto: Option<i64> = sqlx::query_scalar(
            "SELECT max(place) FROM (SELECT place FROM audit_seal WHERE place <= ? ORDER BY place LIMIT ?)",
        )
        .bind(place)
        .bind(AT_ONCE)
        .fetch_one(work.conn())
        .await
        .or_fault("audit seal", "")?;
        let mut dropped = 0;
        for statement in [
            "DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM audit_seal WHERE place <= ?)",
            "DELETE FROM audit_seal WHERE place <= ?",
        ] {
            dropped = sqlx::query(statement)
                .bind(upto.unwrap_or(0))
                .execute(work.conn())
                .await
                .or_fault("audit seal", "")?
                .rows_affected();
        }
        work.commit().await?;
        Ok(dropped)
    }
}

async fn insert(conn: &mut SqliteConnection, seals: &[Seal]) -> Result<(), StoreError> {
    let head = "INSERT INTO audit_seal (place, entry_id, verdict, hash, signature) VALUES ";
    Bulk::new(head, 5, "")
        .execute(conn, seals, |seal, binds| {
            binds
                .add(seal.place)
                .add(seal.entry)
                .add(seal.verdict.as_str())
                .add(seal.hash.0.to_vec())
                .add(seal.signature.map(Signature::to_bytes).unwrap_or_default());
        })
        .await
        .or_fault("audit seal", "")
}

fn narrow(query: &mut Query, filter: &AuditFilter) {
    let texts = [
        (" AND actor = ", &filter.actor),
        (" AND action = ", &filter.action),
        (" AND target_type = ", &filter.target_type),
    ];
    for (condition, text) in texts {
        if let Some(text) = text {
            query.push(condition).push_bind(text.clone());
        }
    }
    let numbers = [
        (" AND target_id = ", filter.target_id),
        (" AND customer_id = ", filter.customer.map(CustomerId::get)),
        (" AND at >= ", filter.from.map(Timestamp::as_micros)),
        (" AND at < ", filter.to.map(Timestamp::as_micros)),
    ];
    for (condition, number) in numbers {
        if let Some(number) = number {
            query.push(condition).push_bind(number);
        }
    }
}

fn maybe_entry(fields: Fields<'_>, column: &str) -> Result<Option<SignedRecord>, StoreError> {
    let id: Option<i64> = fields.get(column)?;
    id.map(|_| read_entry(fields)).transpose()
}

fn read_row(row: &SqliteRow) -> Result<AuditRow, StoreError> {
    let fields = Fields::new(KIND, row);
    Ok(AuditRow {
        record: read_entry(fields)?.record,
        is_sealed: fields.get("is_sealed")?,
    })
}
