//! How many terminals a filter finds.

use sqlx::{PgConnection, QueryBuilder};
use tms_core::terminal::store::TerminalFilter;

use super::{
    super::{
        error::Fault,
        listing::{self, COUNT},
    },
    conditions::conditions,
    narrowed::Found,
};

/// Counts up to one more than is ever shown.
pub(super) async fn count(connection: &mut PgConnection, filter: &TerminalFilter, found: &Found) -> Result<u64, Fault> {
    if let Some(total) = found.total {
        return Ok(total);
    }
    if is_by_alerts_alone(filter) {
        // From the open alerts, which an index has in order, rather than terminal by terminal.
        let mut query = QueryBuilder::new(
            "SELECT count(*) FROM (SELECT DISTINCT o.terminal_id FROM alert o WHERE o.state <> 'resolved' \
             AND o.terminal_id IS NOT NULL AND NOT EXISTS \
             (SELECT 1 FROM terminal r WHERE r.id = o.terminal_id AND r.lifecycle = 'retired')",
        );
        return listing::count(connection, &mut query).await;
    }
    let mut query = QueryBuilder::new("");
    let from = found.narrowed.push_few(&mut query);
    query.push(COUNT).push(from);
    conditions(filter, &found.narrowed, &mut query);
    listing::count(connection, &mut query).await
}

fn is_by_alerts_alone(filter: &TerminalFilter) -> bool {
    let alone = TerminalFilter {
        has_alerts: Some(true),
        ..TerminalFilter::default()
    };
    *filter == alone
}
