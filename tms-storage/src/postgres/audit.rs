//! The audit trail.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{Postgres, QueryBuilder, postgres::PgRow};
use tms_core::{
    StoreError,
    audit::{
        AuditKeys, Checkpoint, Head, Seal, SignedRecord,
        key::Signature,
        store::{AuditFilter, AuditRow, AuditStore, ChainEnd},
        verify::{Link, Unsealed},
    },
    envelope::Envelope,
    id::CustomerId,
    lease::Fence,
    page::{Order, Page, PageRequest, PageStart},
    time::Timestamp,
};

use super::{
    audit_row::{COLUMNS, head, maybe_entry, read_checkpoint, read_entry, read_seal},
    cells::{Cells, unsigned},
    envelope::check_fence,
    error::Fault,
    listing::{COUNT, Conditions, behind, count, direction, page_by_id, push_limit},
    pool::PgStore,
    time::At,
};

/// How long a walk over the whole trail may take for one step.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many links are dropped at a time.
const STEP: i64 = 10_000;

#[async_trait]
impl AuditStore for PgStore {
    fn use_keys(&self, keys: AuditKeys) {
        self.set_audit_keys(keys);
    }

    async fn record(&self, with: Envelope) -> Result<(), StoreError> {
        self.bounded(async { self.act(with).await?.finish(None).await }).await
    }

    async fn list(&self, filter: &AuditFilter, order: Order, page: &PageRequest) -> Result<Page<AuditRow>, StoreError> {
        self.bounded(async {
            let mut connection = self.pool().acquire().await?;
            let mut query = QueryBuilder::new(format!(
                "SELECT {COLUMNS}, EXISTS (SELECT 1 FROM audit_seal s WHERE s.entry_id = e.id) FROM audit_entry e"
            ));
            let mut conditions = Conditions::of(&mut query);
            narrow(&mut conditions, filter);
            if let PageStart::After(cursor) = &page.start {
                conditions.and("e.id").push(behind(order)).push_bind(cursor.id);
            }
            query.push(" ORDER BY e.id").push(direction(order));
            push_limit(&mut query, page);
            let rows = query.build().fetch_all(&mut *connection).await?;
            let total = if page.count {
                let mut query = QueryBuilder::new(format!("{COUNT} audit_entry e"));
                narrow(&mut Conditions::of(&mut query), filter);
                Some(count(&mut connection, &mut query).await?)
            } else {
                None
            };
            page_by_id(&rows, page, total, read_row, |row| row.record.id)
        })
        .await
    }

    async fn chain_end(&self) -> Result<ChainEnd, StoreError> {
        self.bounded(async {
            // One statement sees one state: a checkpoint and what is left behind it.
            let row = sqlx::query(
                "SELECT c.place, c.hash, c.at, c.signature, s.place, s.hash, s.verdict FROM (SELECT 1) one \
                 LEFT JOIN (SELECT * FROM audit_checkpoint ORDER BY place DESC LIMIT 1) c ON true \
                 LEFT JOIN (SELECT * FROM audit_seal ORDER BY place DESC LIMIT 1) s ON true",
            )
            .fetch_one(self.pool())
            .await?;
            let mut cells = Cells::of("audit chain", &row);
            let checkpoint = read_checkpoint(&mut cells)?;
            let last = head(&mut cells)?;
            let verdict: Option<&str> = cells.get()?;
            let dropped = checkpoint.as_ref().map(|checkpoint| checkpoint.head);
            Ok(ChainEnd {
                head: last
                    .into_iter()
                    .chain(dropped)
                    .max_by_key(|head| head.place)
                    .unwrap_or_default(),
                verdict: verdict.and_then(|verdict| verdict.parse().ok()),
                checkpoint,
            })
        })
        .await
    }

    async fn pending(&self, limit: u32) -> Result<Vec<SignedRecord>, StoreError> {
        self.bounded(async {
            let mut query = QueryBuilder::<Postgres>::new(format!(
                "SELECT {COLUMNS} FROM audit_pending p JOIN audit_entry e ON e.id = p.entry_id \
                 WHERE NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.entry_id = p.entry_id) ORDER BY p.entry_id LIMIT "
            ));
            query.push_bind(i64::from(limit));
            let rows = query.build().fetch_all(self.pool()).await?;
            rows.iter().map(|row| read_entry(&mut entry_cells(row))).collect()
        })
        .await
    }

    async fn seal(&self, seals: &[Seal], fence: Fence) -> Result<(), StoreError> {
        let Some(first) = seals.first() else { return Ok(()) };
        self.bounded(async {
            let mut tx = self.begin().await?;
            check_fence(&mut tx, fence).await?;
            let end: i64 = sqlx::query_scalar(
                "SELECT greatest((SELECT max(place) FROM audit_seal), (SELECT max(place) FROM audit_checkpoint), 0)",
            )
            .fetch_one(&mut *tx)
            .await?;
            let follows = (end + 1..).zip(seals).all(|(place, seal)| seal.place == place);
            if !follows {
                return Err(Fault::stale("audit seal", first.place));
            }
            insert(&mut tx, seals).await.map_err(|fault| {
                if fault.is_duplicate() {
                    Fault::stale("audit seal", first.place)
                } else {
                    fault
                }
            })?;
            sqlx::query(
                "DELETE FROM audit_pending p WHERE EXISTS (SELECT 1 FROM audit_seal s WHERE s.entry_id = p.entry_id)",
            )
            .execute(&mut *tx)
            .await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn links(&self, after: i64, limit: u32) -> Result<Vec<Link>, StoreError> {
        self.bounded(async {
            let mut query = QueryBuilder::<Postgres>::new(format!(
                "SELECT s.place, s.entry_id, s.verdict, s.hash, s.signature, e.id IS NOT NULL, {COLUMNS} \
                 FROM audit_seal s LEFT JOIN audit_entry e ON e.id = s.entry_id WHERE s.place > "
            ));
            query
                .push_bind(after)
                .push(" ORDER BY s.place LIMIT ")
                .push_bind(i64::from(limit));
            let rows = query.build().fetch_all(self.pool()).await?;
            let read = |row| {
                let mut cells = entry_cells(row);
                Ok(Link {
                    seal: read_seal(&mut cells)?,
                    entry: maybe_entry(&mut cells)?,
                })
            };
            rows.iter().map(read).collect()
        })
        .await
    }

    async fn unsealed(&self, after: i64, limit: u32) -> Result<Vec<Unsealed>, StoreError> {
        self.bounded_by(PATIENCE, async {
            let mut tx = self.begin().await?;
            // It looks at every entry there is.
            sqlx::query("SET LOCAL statement_timeout = '60s'")
                .execute(&mut *tx)
                .await?;
            let mut query = QueryBuilder::<Postgres>::new(format!(
                "WITH loose AS (\
                 SELECT id FROM audit_entry WHERE NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.entry_id = id) \
                 UNION ALL SELECT entry_id FROM audit_pending p \
                 WHERE NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.entry_id = p.entry_id) \
                 AND NOT EXISTS (SELECT 1 FROM audit_entry e WHERE e.id = p.entry_id)) \
                 SELECT loose.id, e.id IS NOT NULL, {COLUMNS} \
                 FROM loose LEFT JOIN audit_entry e ON e.id = loose.id WHERE loose.id > "
            ));
            query
                .push_bind(after)
                .push(" ORDER BY loose.id LIMIT ")
                .push_bind(i64::from(limit));
            let rows = query.build().fetch_all(&mut *tx).await?;
            let read = |row| {
                let mut cells = entry_cells(row);
                Ok(Unsealed {
                    id: cells.get()?,
                    entry: maybe_entry(&mut cells)?,
                })
            };
            rows.iter().map(read).collect()
        })
        .await
    }

    async fn cut(&self, before: Timestamp) -> Result<Option<Head>, StoreError> {
        self.bounded_by(PATIENCE, async {
            let mut tx = self.begin().await?;
            sqlx::query("SET LOCAL statement_timeout = '60s'")
                .execute(&mut *tx)
                .await?;
            let row = sqlx::query(
                "SELECT place, hash FROM audit_seal WHERE place < coalesce((\
                 SELECT s.place FROM audit_seal s JOIN audit_entry e ON e.id = s.entry_id WHERE e.at >= $1 \
                 ORDER BY s.place LIMIT 1), 9223372036854775807) ORDER BY place DESC LIMIT 1",
            )
            .bind(At::from(before))
            .fetch_optional(&mut *tx)
            .await?;
            match row {
                None => Ok(None),
                Some(row) => head(&mut entry_cells(&row)),
            }
        })
        .await
    }

    async fn trim(&self, checkpoint: &Checkpoint, fence: Fence) -> Result<u64, StoreError> {
        self.bounded_by(PATIENCE, async {
            let mut tx = self.begin().await?;
            check_fence(&mut tx, fence).await?;
            let Checkpoint { head, at, signature } = checkpoint;
            sqlx::query(
                "INSERT INTO audit_checkpoint (place, hash, at, signature) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (place) DO NOTHING",
            )
            .bind(head.place)
            .bind(head.hash.0)
            .bind(At::from(*at))
            .bind(signature.map(Signature::to_bytes).unwrap_or_default())
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            let mut dropped = 0;
            loop {
                let step: i64 = sqlx::query_scalar("SELECT tms_trim_audit($1, $2)")
                    .bind(head.place)
                    .bind(STEP)
                    .fetch_one(self.pool())
                    .await?;
                dropped += unsigned(step);
                if step < STEP {
                    return Ok(dropped);
                }
            }
        })
        .await
    }
}

async fn insert(tx: &mut sqlx::PgConnection, seals: &[Seal]) -> Result<(), Fault> {
    let column = |read: fn(&Seal) -> i64| seals.iter().map(read).collect::<Vec<_>>();
    let verdicts: Vec<_> = seals.iter().map(|seal| seal.verdict.as_str()).collect();
    let hashes: Vec<_> = seals.iter().map(|seal| seal.hash.0.to_vec()).collect();
    let signed = |seal: &Seal| seal.signature.map(Signature::to_bytes).unwrap_or_default();
    let signatures: Vec<_> = seals.iter().map(signed).collect();
    sqlx::query(
        "INSERT INTO audit_seal (place, entry_id, verdict, hash, signature) \
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[])",
    )
    .bind(column(|seal| seal.place))
    .bind(column(|seal| seal.entry))
    .bind(verdicts)
    .bind(hashes)
    .bind(signatures)
    .execute(tx)
    .await?;
    Ok(())
}

fn narrow(conditions: &mut Conditions<'_>, filter: &AuditFilter) {
    let texts = [
        ("e.actor = ", &filter.actor),
        ("e.action = ", &filter.action),
        ("e.target_kind = ", &filter.target_type),
    ];
    for (condition, text) in texts {
        if let Some(text) = text {
            conditions.and(condition).push_bind(text.clone());
        }
    }
    if let Some(id) = filter.target_id {
        conditions.and("e.target_id = ").push_bind(id);
    }
    if let Some(customer) = filter.customer {
        conditions.and("e.customer_id = ").push_bind(CustomerId::get(customer));
    }
    if let Some(from) = filter.from {
        conditions.and("e.at >= ").push_bind(At::from(from));
    }
    if let Some(to) = filter.to {
        conditions.and("e.at < ").push_bind(At::from(to));
    }
}

const fn entry_cells(row: &PgRow) -> Cells<'_> {
    Cells::of("audit entry", row)
}

fn read_row(row: &PgRow) -> Result<AuditRow, Fault> {
    let mut cells = entry_cells(row);
    Ok(AuditRow {
        record: read_entry(&mut cells)?.record,
        is_sealed: cells.get()?,
    })
}
