//! Remembered answers: looked for before a change, written with it.

use async_trait::async_trait;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    idempotency::{IdempotencyRecord, IdempotencyStore, Remembered},
    time::Timestamp,
};

use super::{SqliteStore, error::OrFault, fields::Fields};

const KIND: &str = "idempotency key";

/// Refuses a key that was used.
pub(super) async fn check(conn: &mut SqliteConnection, record: &IdempotencyRecord) -> Result<(), StoreError> {
    let known = find(conn, &record.key.caller, &record.key.text, record.at).await?;
    known.map_or(Ok(()), |_| Err(StoreError::Repeated))
}

async fn find(
    conn: &mut SqliteConnection,
    caller: &str,
    text: &str,
    now: Timestamp,
) -> Result<Option<SqliteRow>, StoreError> {
    sqlx::query("SELECT request, created_id, answer FROM idempotency WHERE caller = ? AND key = ? AND until > ?")
        .bind(caller)
        .bind(text)
        .bind(now.as_micros())
        .fetch_optional(conn)
        .await
        .or_fault(KIND, "")
}

/// Writes the record over a forgotten one.
pub(super) async fn remember(
    conn: &mut SqliteConnection,
    record: &IdempotencyRecord,
    created: Option<i64>,
) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO idempotency (caller, key, request, created_id, answer, until) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(&record.key.caller)
        .bind(&record.key.text)
        .bind(record.key.request.to_vec())
        .bind(created)
        .bind(record.answer.to_string())
        .bind(record.until.as_micros())
        .execute(conn)
        .await
        .or_fault(KIND, "")
        .map(drop)
}

#[async_trait]
impl IdempotencyStore for SqliteStore {
    async fn find(&self, caller: &str, text: &str, now: Timestamp) -> Result<Option<Remembered>, StoreError> {
        let row = find(&mut *self.read().await?, caller, text, now).await?;
        let Some(row) = row else { return Ok(None) };
        let fields = Fields::new(KIND, &row);
        Ok(Some(Remembered {
            request: fields.hash("request")?.0,
            created: fields.get("created_id")?,
            answer: fields.json("answer")?,
        }))
    }

    async fn drop_forgotten(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let dropped = sqlx::query(
            "DELETE FROM idempotency WHERE (caller, key) IN
                 (SELECT caller, key FROM idempotency WHERE until <= ? ORDER BY until LIMIT ?)",
        )
        .bind(now.as_micros())
        .bind(i64::from(limit))
        .execute(work.conn())
        .await
        .or_fault(KIND, "")?;
        work.commit().await?;
        Ok(dropped.rows_affected())
    }
}
