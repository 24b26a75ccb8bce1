//! How many terminals a customer has and may have. One writer at a time: what is read here holds until the commit.

use sqlx::SqliteConnection;
use tms_core::{
    StoreError,
    id::{CustomerId, EntityRef},
};

use super::{customer, error::OrFault};

const KIND: &str = "customer";

/// Counts the terminals of a customer, retired ones left out.
pub(super) async fn count(conn: &mut SqliteConnection, id: CustomerId) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar("SELECT coalesce(sum(terminals), 0) FROM terminal_count WHERE customer_id = ?")
        .bind(id.get())
        .fetch_one(conn)
        .await
        .or_fault(KIND, id)?;
    u64::try_from(count).map_err(|error| StoreError::Corrupt(EntityRef::new(KIND, id), error.into()))
}

/// Refuses `more` terminals, not counted so far, if the customer may not have so many.
pub(super) async fn expect(conn: &mut SqliteConnection, id: CustomerId, more: u64) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT * FROM customer WHERE id = ? AND max_terminals IS NOT NULL")
        .bind(id.get())
        .fetch_optional(&mut *conn)
        .await
        .or_fault(KIND, id)?;
    let Some(row) = row else { return Ok(()) };
    if customer::read(&row)?.is_full_with(count(conn, id).await?, more) {
        return Err(StoreError::Full(EntityRef::new(KIND, id)));
    }
    Ok(())
}
