//! The event stream. With one writer, the order of rows is the order of commits.

use async_trait::async_trait;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    event::{Event, EventPosition, EventStore, StoredEvent, store::EventTail},
    id::CustomerId,
    time::Timestamp,
};

use super::{SqliteStore, error::OrFault, fields::Fields};

const KIND: &str = "event";

#[async_trait]
impl EventStore for SqliteStore {
    async fn tail(&self, after: EventPosition, limit: u32) -> Result<EventTail, StoreError> {
        let mut conn = self.read().await?;
        // One snapshot of the horizon and of what lies beyond it.
        let mut tx = sqlx::Connection::begin(&mut *conn).await.or_fault(KIND, "")?;
        let (dropped_to, head) = ends(&mut tx).await?;
        // A place that was never given out comes from another database, such as the one before a restore.
        if after.transaction != 0 || after.row < dropped_to || after.row > head {
            return Ok(EventTail::Resync { head: place(head) });
        }
        let rows = sqlx::query("SELECT id, kind, customer_id, at, data FROM event WHERE id > ? ORDER BY id LIMIT ?")
            .bind(after.row)
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await
            .or_fault(KIND, "")?;
        Ok(EventTail::Events(rows.iter().map(read).collect::<Result<_, _>>()?))
    }

    async fn head(&self) -> Result<EventPosition, StoreError> {
        let (_, head) = ends(&mut *self.read().await?).await?;
        Ok(place(head))
    }

    async fn drop_before(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        sqlx::query(
            "REPLACE INTO event_horizon (id, dropped_to)
             SELECT 1, last FROM (SELECT max(id) AS last FROM event WHERE at < ?) WHERE last IS NOT NULL",
        )
        .bind(before.as_micros())
        .execute(work.conn())
        .await
        .or_fault(KIND, "")?;
        let dropped = sqlx::query("DELETE FROM event WHERE at < ?")
            .bind(before.as_micros())
            .execute(work.conn())
            .await
            .or_fault(KIND, "")?;
        work.commit().await?;
        Ok(dropped.rows_affected())
    }
}

/// Returns the last row that was dropped and the last that was ever written.
async fn ends(conn: &mut SqliteConnection) -> Result<(i64, i64), StoreError> {
    let row = sqlx::query(
        "SELECT coalesce((SELECT dropped_to FROM event_horizon), 0),
                coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)",
    )
    .fetch_one(conn)
    .await
    .or_fault(KIND, "")?;
    Ok((row.try_get(0).or_fault(KIND, "")?, row.try_get(1).or_fault(KIND, "")?))
}

const fn place(row: i64) -> EventPosition {
    EventPosition { transaction: 0, row }
}

fn read(row: &SqliteRow) -> Result<StoredEvent, StoreError> {
    let fields = Fields::new(KIND, row);
    Ok(StoredEvent {
        position: place(fields.get("id")?),
        event: Event {
            kind: fields.named("kind")?,
            customer: fields.maybe_id("customer_id", CustomerId::new)?,
            at: fields.time("at")?,
            data: fields.json("data")?,
        },
    })
}
