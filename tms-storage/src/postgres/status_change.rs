//! What a change of status writes beside the row itself: the interval that it closes, the counts, the event.

use sqlx::PgConnection;
use tms_core::{
    id::CustomerId,
    presence::{Phase, Status, StatusChange},
};

use super::{envelope::write_events, error::Fault, time::At};

/// Retired terminals are not counted, whatever happens to their row.
const WRITE: &str = "\
WITH change AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[],
        $7::text[]) AS c (terminal_id, customer_id, began_at, ended_at, status, next_status, phase)
), kept AS (
    INSERT INTO status_change (terminal_id, customer_id, began_at, ended_at, status, next_status, phase)
    SELECT terminal_id, customer_id, began_at, ended_at, status, next_status, phase FROM change
), counted AS (
    SELECT c.* FROM change c JOIN terminal t ON t.id = c.terminal_id WHERE t.lifecycle <> 'retired'
)
INSERT INTO terminal_count_delta (customer_id, status, n)
SELECT customer_id, status, sum(n)
FROM (SELECT customer_id, status, -1 AS n FROM counted UNION ALL SELECT customer_id, next_status, 1 FROM counted) d
GROUP BY customer_id, status
HAVING sum(n) <> 0";

/// Writes what these changes bring; the rows themselves and the copy that the terminal has are written with the row.
pub(super) async fn write(connection: &mut PgConnection, changes: &[StatusChange]) -> Result<(), Fault> {
    fn each<T>(changes: &[StatusChange], value: impl Fn(&StatusChange) -> T) -> Vec<T> {
        changes.iter().map(value).collect()
    }
    if changes.is_empty() {
        return Ok(());
    }
    sqlx::query(WRITE)
        .bind(each(changes, |change| change.terminal.get()))
        .bind(each(changes, |change| change.customer.get()))
        .bind(each(changes, |change| At::from(change.began_at)))
        .bind(each(changes, |change| At::from(change.at)))
        .bind(each(changes, |change| change.from.as_str()))
        .bind(each(changes, |change| change.to.as_str()))
        .bind(each(changes, |change| change.phase_beside_status().map(Phase::as_str)))
        .execute(&mut *connection)
        .await?;
    let events: Vec<_> = changes.iter().filter_map(StatusChange::event).collect();
    write_events(connection, &events).await
}

/// Counts a terminal in (`n` = 1) or out (`n` = -1).
pub(super) async fn count(
    connection: &mut PgConnection,
    customer: CustomerId,
    status: Status,
    n: i64,
) -> Result<(), Fault> {
    sqlx::query("INSERT INTO terminal_count_delta (customer_id, status, n) VALUES ($1, $2, $3)")
        .bind(customer.get())
        .bind(status.as_str())
        .bind(n)
        .execute(connection)
        .await?;
    Ok(())
}
