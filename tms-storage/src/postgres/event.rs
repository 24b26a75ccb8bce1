//! The event stream.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{PgConnection, PgPool, postgres::PgRow};
use tms_core::{
    StoreError,
    event::{Event, EventPosition, EventStore, StoredEvent, store::EventTail},
    id::CustomerId,
    time::Timestamp,
};

use super::{
    cells::{Cells, unsigned},
    error::Fault,
    pool::PgStore,
    time::At,
};

/// How long dropping the old events of a large fleet may take; each of its statements is bounded by itself.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many events one statement drops.
const STEP: i64 = 10_000;

#[async_trait]
impl EventStore for PgStore {
    async fn tail(&self, after: EventPosition, limit: u32) -> Result<EventTail, StoreError> {
        self.bounded(async {
            let mut connection = self.pool().acquire().await?;
            // Read before the events: whatever ended below it is seen by every later statement.
            let horizon = horizon(&mut connection).await?;
            let rows = sqlx::query(
                "SELECT transaction, row_id, kind, customer_id, at, data FROM event \
                 WHERE (transaction, row_id) > ($1, $2) AND transaction < $4 \
                 ORDER BY transaction, row_id LIMIT $3",
            )
            .bind(after.transaction)
            .bind(after.row)
            .bind(i64::from(limit))
            .bind(horizon)
            .fetch_all(&mut *connection)
            .await?;
            // Read after the events: what is dropped in between is noticed rather than missed.
            if after < floor(&mut connection).await? || is_of_another_life(&mut connection, after).await? {
                return Ok(EventTail::Resync {
                    head: head(&mut connection).await?,
                });
            }
            Ok(EventTail::Events(rows.iter().map(read).collect::<Result<_, _>>()?))
        })
        .await
    }

    async fn head(&self) -> Result<EventPosition, StoreError> {
        self.bounded(async { head(&mut *self.pool().acquire().await?).await })
            .await
    }

    async fn drop_before(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.bounded_by(PATIENCE, async {
            let mut dropped = 0;
            loop {
                let step = unsigned(drop_step(self.pool(), before).await?);
                dropped += step;
                if step < unsigned(STEP) {
                    return Ok(dropped);
                }
            }
        })
        .await
    }
}

/// Drops the first events before a time and notes up to where; returns how many there were.
async fn drop_step(pool: &PgPool, before: Timestamp) -> Result<i64, Fault> {
    let dropped = sqlx::query_scalar(
        "WITH old AS (SELECT transaction, row_id FROM event WHERE at < $1 ORDER BY transaction, row_id LIMIT $2), \
         gone AS (DELETE FROM event e USING old WHERE (e.transaction, e.row_id) = (old.transaction, old.row_id) \
         RETURNING e.transaction, e.row_id), \
         last AS (SELECT transaction, row_id FROM gone ORDER BY transaction DESC, row_id DESC LIMIT 1), \
         noted AS (UPDATE event_floor f SET transaction = l.transaction, row_id = l.row_id FROM last l \
         WHERE (l.transaction, l.row_id) > (f.transaction, f.row_id)) \
         SELECT count(*) FROM gone",
    );
    Ok(dropped.bind(At::from(before)).bind(STEP).fetch_one(pool).await?)
}

fn read(row: &PgRow) -> Result<StoredEvent, Fault> {
    let mut cells = Cells::of("event", row);
    Ok(StoredEvent {
        position: read_position(&mut cells)?,
        event: Event {
            kind: cells.parse()?,
            customer: cells.maybe_id(CustomerId::new)?,
            at: cells.time()?,
            data: cells.json()?,
        },
    })
}

fn read_position(cells: &mut Cells<'_>) -> Result<EventPosition, Fault> {
    Ok(EventPosition {
        transaction: cells.get()?,
        row: cells.get()?,
    })
}

async fn floor(connection: &mut PgConnection) -> Result<EventPosition, Fault> {
    let row = sqlx::query("SELECT transaction, row_id FROM event_floor")
        .fetch_one(connection)
        .await?;
    read_position(&mut Cells::of("event", &row))
}

/// Returns the oldest transaction that may still write events.
async fn horizon(connection: &mut PgConnection) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar("SELECT tms_event_horizon()")
        .fetch_one(connection)
        .await?)
}

async fn head(connection: &mut PgConnection) -> Result<EventPosition, Fault> {
    let horizon = horizon(connection).await?;
    let row = sqlx::query(
        "SELECT transaction, row_id FROM event WHERE transaction < $1 ORDER BY transaction DESC, row_id DESC LIMIT 1",
    )
    .bind(horizon)
    .fetch_optional(&mut *connection)
    .await?;
    let newest = row
        .map(|row| read_position(&mut Cells::of("event", &row)))
        .transpose()?;
    Ok(newest.unwrap_or_default().max(floor(connection).await?))
}

/// Tells whether a place is ahead of everything that this database has counted: it was handed out before the rows
/// were restored into another cluster, whose transactions count anew.
async fn is_of_another_life(connection: &mut PgConnection, place: EventPosition) -> Result<bool, Fault> {
    let next: i64 = sqlx::query_scalar("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        .fetch_one(connection)
        .await?;
    Ok(place.transaction >= next)
}
