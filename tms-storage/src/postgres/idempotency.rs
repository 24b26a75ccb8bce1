//! Remembered answers: looked for before a change, written with it.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{PgConnection, types::Json};
use tms_core::{
    StoreError,
    idempotency::{IdempotencyRecord, IdempotencyStore, Remembered},
    time::Timestamp,
};

use super::{cells::Cells, error::Fault, pool::PgStore, time::At};

/// How often a key that is taken is tried again, and after which pause.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);
const KNOWN: &str = "SELECT request, created_id, answer FROM idempotency WHERE caller = $1 AND key = $2 AND until > $3";

/// Takes the key for the rest of the transaction. One that is taken or was used is refused soon, so that waiting holds
/// no connection for long.
pub(super) async fn claim(tx: &mut PgConnection, record: &IdempotencyRecord) -> Result<(), Fault> {
    let mut is_ours = try_lock(tx, record).await?;
    for _ in 0..TRIES {
        if is_ours {
            break;
        }
        // Who gave up may not have let go yet: a rollback follows the answer.
        tokio::time::sleep(PAUSE).await;
        is_ours = try_lock(tx, record).await?;
    }
    // Looked for by a statement of its own: one that began before the winner's commit would not see it.
    let is_used = is_ours
        && sqlx::query(KNOWN)
            .bind(&record.key.caller)
            .bind(&record.key.text)
            .bind(At::from(record.at))
            .fetch_optional(tx)
            .await?
            .is_some();
    if is_ours && !is_used {
        Ok(())
    } else {
        Err(StoreError::Repeated.into())
    }
}

async fn try_lock(tx: &mut PgConnection, record: &IdempotencyRecord) -> Result<bool, Fault> {
    Ok(sqlx::query_scalar(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('tms idempotency ' || $1 || ' ' || $2, 0))",
    )
    .bind(&record.key.caller)
    .bind(&record.key.text)
    .fetch_one(tx)
    .await?)
}

/// Writes the record over a forgotten one.
pub(super) async fn remember(
    tx: &mut PgConnection,
    record: &IdempotencyRecord,
    created: Option<i64>,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO idempotency AS i (caller, key, request, created_id, answer, until) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (caller, key) DO UPDATE SET request = excluded.request, created_id = excluded.created_id, \
         answer = excluded.answer, until = excluded.until",
    )
    .bind(&record.key.caller)
    .bind(&record.key.text)
    .bind(record.key.request)
    .bind(created)
    .bind(Json(&record.answer))
    .bind(At::from(record.until))
    .execute(tx)
    .await?;
    Ok(())
}

#[async_trait]
impl IdempotencyStore for PgStore {
    async fn find(&self, caller: &str, text: &str, now: Timestamp) -> Result<Option<Remembered>, StoreError> {
        self.bounded(async {
            let row = sqlx::query(KNOWN)
                .bind(caller)
                .bind(text)
                .bind(At::from(now))
                .fetch_optional(self.pool())
                .await?;
            let Some(row) = row else { return Ok(None) };
            let mut cells = Cells::of("idempotency key", &row);
            Ok(Some(Remembered {
                request: cells.hash()?.0,
                created: cells.get()?,
                answer: cells.json()?,
            }))
        })
        .await
    }

    async fn drop_forgotten(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.bounded(async {
            let gone = sqlx::query(
                "DELETE FROM idempotency WHERE (caller, key) IN \
                 (SELECT caller, key FROM idempotency WHERE until <= $1 ORDER BY until LIMIT $2)",
            )
            .bind(At::from(now))
            .bind(i64::from(limit))
            .execute(self.pool())
            .await?;
            Ok(gone.rows_affected())
        })
        .await
    }
}
