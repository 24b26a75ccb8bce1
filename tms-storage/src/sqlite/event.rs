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
/// Places that one transaction drops, so that heartbeats never wait long for their turn.
const AT_ONCE: i64 = 5_000;
/// The oldest event, and the first that stays: events lie in the order of time. Where all are old, those that come
/// meanwhile are spared.
const KEPT: &str = "SELECT (SELECT min(id) FROM event), coalesce(
    (SELECT id FROM event WHERE at >= ? ORDER BY id LIMIT 1),
    (SELECT seq + 1 FROM sqlite_sequence WHERE name = 'event'), 0)";
/// Drops what lies before a place.
pub(super) const DROP: &str = "DELETE FROM event WHERE id < ?";

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
        let (oldest, kept): (Option<i64>, i64) = sqlx::query_as(KEPT)
            .bind(before.as_micros())
            .fetch_one(&mut *self.read().await?)
            .await
            .or_fault(KIND, "")?;
        let (mut dropped, mut until) = (0, oldest.unwrap_or(kept));
        while until < kept {
            until = kept.min(until + AT_ONCE);
            dropped += self.drop_events(until).await?;
            tokio::task::yield_now().await;
        }
        Ok(dropped)
    }
}

impl SqliteStore {
    /// Drops the events before a place, and notes that they are gone.
    async fn drop_events(&self, until: i64) -> Result<u64, StoreError> {
        let mut work = self.begin(None).await?;
        let dropped = sqlx::query(DROP)
            .bind(until)
            .execute(work.conn())
            .await
            .or_fault(KIND, "")?;
        sqlx::query("REPLACE INTO event_horizon (id, dropped_to) VALUES (1, ?)")
            .bind(until - 1)
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
