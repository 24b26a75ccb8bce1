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

/// What the pass over the fleet found.
#[derive(Debug, Default)]
struct Found {
    connected: u64,
    due: Vec<i64>,
}

impl PgStore {
    pub(super) async fn find_due(&self, now: Timestamp, outages: &[Outage], limit: u32) -> Result<DueRows, Fault> {
        let mut connection = self.pool().acquire().await?;
        let mut found = scan(&mut connection, now, outages).await?;
        let due_for_loss = u64::try_from(found.due.len()).unwrap_or(u64::MAX);
        found.due.extend(find_unraised(&mut connection).await?);
        found.due.sort_unstable();
        found.due.dedup();
        found.due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        drop(connection);
        let rows = if found.due.is_empty() {
            Vec::new()
        } else {
            // By index only, which the planner can't know to be best for many ids.
            presence_row::load(&mut *self.heartbeat_connection().await?, &found.due).await?
        };
        Ok(DueRows {
            rows,
            connected: found.connected,
            due_for_loss,
        })
    }
}

/// Counts the connected terminals and finds those whose silence has become loss; mostly there are none, and one pass
/// that only counts is enough.
async fn scan(connection: &mut PgConnection, now: Timestamp, outages: &[Outage]) -> Result<Found, Fault> {
    const HEARD: &str = " FROM terminal_presence WHERE is_active AND NOT is_lost AND last_seen IS NOT NULL";
    let mut query = QueryBuilder::new("SELECT count(*), count(*) FILTER (WHERE ");
    push_is_due(&mut query, now, outages);
    query.push(")").push(HEARD);
    let row = query.build().fetch_one(&mut *connection).await?;
    let mut cells = Cells::of("presence", &row);
    let connected = unsigned(cells.get()?);
    if cells.get::<i64>()? == 0 {
        return Ok(Found {
            connected,
            due: Vec::new(),
        });
    }
    let mut query = QueryBuilder::new("SELECT terminal_id, last_seen, deadline");
    query.push(HEARD).push(" AND ");
    push_is_due(&mut query, now, outages);
    let mut due = Vec::new();
    for row in query.build().fetch_all(connection).await? {
        let mut cells = Cells::of("presence", &row);
        let terminal = cells.get()?;
        let (last_seen, deadline) = (cells.time()?, cells.time()?);
        if outages.is_empty() || moved_deadline(last_seen, deadline, outages) < now {
            due.push(terminal);
        }
    }
    Ok(Found { connected, due })
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

/// Finds the rows with a crossed threshold that is not raised; an index names the few there are.
async fn find_unraised(connection: &mut PgConnection) -> Result<Vec<i64>, Fault> {
    let found = sqlx::query_scalar(
        "SELECT terminal_id FROM terminal_presence WHERE (breached & ~raised) <> 0 \
         AND is_active AND NOT is_lost AND last_seen IS NOT NULL",
    );
    Ok(found.fetch_all(connection).await?)
}
