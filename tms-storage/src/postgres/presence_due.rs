//! Finds the rows on which time alone may have an effect, in one pass over the fleet.

use sqlx::{PgConnection, Postgres, QueryBuilder};
use tms_core::{
    presence::{Outage, outage::moved_deadline, store::DueRows},
    time::{Timestamp, micros},
};

use super::{
    cells::{Cells, unsigned},
    error::Fault,
    pool::PgStore,
    presence_row,
    time::At,
};

/// How many outages the database takes into account; those beyond it only make it name more rows than are due, which
/// the exact rule then leaves out.
const MOST_OUTAGES: usize = 16;

/// How many rows are in memory at a time while they are judged: after an outage the whole fleet may be due.
const JUDGED_AT_ONCE: usize = 20_000;

/// What the pass over the fleet found.
#[derive(Debug, Default)]
struct Found {
    connected: u64,
    due: Vec<i64>,
}

impl PgStore {
    pub(super) async fn find_due(&self, now: Timestamp, outages: &[Outage], limit: u32) -> Result<DueRows, Fault> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut connection = self.pool().acquire().await?;
        let Found { connected, mut due } = scan(&mut connection, now, outages).await?;
        let mut thresholds = find_awaiting(&mut connection).await?;
        drop(connection);
        if !outages.is_empty() && !due.is_empty() {
            let mut by_index = self.heartbeat_connection().await?;
            let mut judged = Vec::new();
            for part in due.chunks(JUDGED_AT_ONCE) {
                judge(&mut by_index, part, now, outages, &mut judged).await?;
            }
            due = judged;
        }
        let due_for_loss = u64::try_from(due.len()).unwrap_or(u64::MAX);
        due.sort_unstable();
        due.truncate(most);
        thresholds.retain(|id| due.binary_search(id).is_err());
        thresholds.truncate(most - due.len());
        due.extend(thresholds);
        let rows = if due.is_empty() {
            Vec::new()
        } else {
            // By index only, which the planner can't know to be best for many ids.
            presence_row::load(&mut *self.heartbeat_connection().await?, &due).await?
        };
        Ok(DueRows {
            rows,
            connected,
            due_for_loss,
        })
    }
}

/// Counts the connected terminals and finds at least those whose silence has become loss, in one pass.
async fn scan(connection: &mut PgConnection, now: Timestamp, outages: &[Outage]) -> Result<Found, Fault> {
    let mut query = QueryBuilder::new("SELECT count(*), coalesce(array_agg(terminal_id) FILTER (WHERE ");
    push_is_due(&mut query, now, outages);
    query.push("), '{}') FROM terminal_presence WHERE is_active AND NOT is_lost AND last_seen IS NOT NULL");
    let row = query.build().fetch_one(&mut *connection).await?;
    let mut cells = Cells::of("presence", &row);
    Ok(Found {
        connected: unsigned(cells.get()?),
        due: cells.get()?,
    })
}

/// Adds those that the exact rule about outages finds due, too.
async fn judge(
    connection: &mut PgConnection,
    due: &[i64],
    now: Timestamp,
    outages: &[Outage],
    judged: &mut Vec<i64>,
) -> Result<(), Fault> {
    let rows = sqlx::query(
        "SELECT terminal_id, last_seen, deadline FROM terminal_presence \
         WHERE terminal_id = ANY($1) AND last_seen IS NOT NULL AND deadline IS NOT NULL",
    )
    .bind(due)
    .fetch_all(connection)
    .await?;
    for row in &rows {
        let mut cells = Cells::of("presence", row);
        let terminal = cells.get()?;
        let (last_seen, deadline) = (cells.time()?, cells.time()?);
        if moved_deadline(last_seen, deadline, outages) < now {
            judged.push(terminal);
        }
    }
    Ok(())
}

/// Appends the condition that names at least the rows that are due.
fn push_is_due(query: &mut QueryBuilder<Postgres>, now: Timestamp, outages: &[Outage]) {
    query.push("deadline < ").push_bind(At::from(now));
    if !outages.is_empty() {
        query.push(" AND ");
        push_moved_deadline(query, outages);
        query.push(" < ").push_bind(At::from(now));
    }
}

/// Appends the deadline moved by whole outages between the last heartbeat and the deadline: never later than the rule
/// moves it.
fn push_moved_deadline(query: &mut QueryBuilder<Postgres>, outages: &[Outage]) {
    query.push("deadline");
    for outage in outages.iter().rev().take(MOST_OUTAGES) {
        query
            .push(" + CASE WHEN last_seen <= ")
            .push_bind(At::from(outage.from));
        query.push(" AND deadline >= ").push_bind(At::from(outage.from));
        query.push(" THEN ").push_bind(micros(outage.to.since(outage.from)));
        query.push(" * interval '1 microsecond' ELSE interval '0' END");
    }
}

/// Finds the rows that await a threshold, in order of id; an index names the few there are.
async fn find_awaiting(connection: &mut PgConnection) -> Result<Vec<i64>, Fault> {
    let found = sqlx::query_scalar(
        "SELECT terminal_id FROM terminal_presence WHERE (breached & ~raised) <> 0 \
         AND is_active AND NOT is_lost AND NOT in_maintenance AND last_seen IS NOT NULL ORDER BY terminal_id",
    );
    Ok(found.fetch_all(connection).await?)
}
