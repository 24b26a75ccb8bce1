//! Lists sorted by the last heartbeat. No index knows it, so one pass over the hot rows finds the page; a sample of
//! them bounds what the pass must sort.

use sqlx::{PgConnection, Postgres, QueryBuilder};
use tms_core::{
    page::{Cursor, MAX_COUNTED, Order, Page, PageRequest, PageStart},
    terminal::{TerminalView, store::TerminalFilter},
};

use super::{
    JOINED, SHOWN,
    conditions::{are_hot, conditions, hot_conditions},
    narrowed::{Found, Narrowed},
    views,
};
use crate::postgres::{
    error::Fault,
    listing::{direction, push_limit},
};

/// Those never heard come first, as if they had been heard before all time.
macro_rules! heard {
    ($table:literal) => {
        concat!("coalesce(", $table, ".last_seen, '-infinity'::timestamptz)")
    };
}

/// Lists by page number only; `total` is how many there are in all.
pub(super) async fn list(
    connection: &mut PgConnection,
    filter: &TerminalFilter,
    (found, total): (&Found, u64),
    order: Order,
    page: &PageRequest,
) -> Result<Page<TerminalView>, Fault> {
    let mut query = if total > MAX_COUNTED && matches!(found.narrowed, Narrowed::Not) {
        query_of_many(filter, order, page)
    } else {
        query_of_few(filter, &found.narrowed, order, page)
    };
    let items = views(connection, &mut query).await?;
    let no_cursor = |_: &TerminalView| Cursor {
        value: String::new(),
        id: 0,
    };
    let mut list = Page::from_rows(items, page.limit, page.count.then_some(total), no_cursor);
    list.next = None;
    Ok(list)
}

fn push_order(query: &mut QueryBuilder<Postgres>, order: Order) {
    let way = direction(order);
    query.push(format_args!(" ORDER BY {}{way}, s.terminal_id{way}", heard!("s")));
}

fn push_rest(query: &mut QueryBuilder<Postgres>, order: Order) {
    let way = direction(order);
    query.push(JOINED);
    query.push(format_args!(" ORDER BY {}{way}, p.terminal_id{way}", heard!("p")));
}

/// Starts from the terminals that match.
fn query_of_few(
    filter: &TerminalFilter,
    narrowed: &Narrowed,
    order: Order,
    page: &PageRequest,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("");
    let from = narrowed.push_few(&mut query);
    query.push(SHOWN).push("SELECT t.id FROM ").push(from);
    query.push(" JOIN terminal_presence s ON s.terminal_id = t.id");
    conditions(filter, narrowed, &mut query);
    push_order(&mut query, order);
    push_limit(&mut query, page);
    push_rest(&mut query, order);
    query
}

/// Starts from all hot rows. That as many rows of a sample as the page reaches stand before a time means that no row
/// behind it is on the page; a sample with fewer rows bounds nothing.
fn query_of_many(filter: &TerminalFilter, order: Order, page: &PageRequest) -> QueryBuilder<Postgres> {
    let (comparison, no_bound) = match order {
        Order::Ascending => (" <= ", "'infinity'"),
        Order::Descending => (" >= ", "'-infinity'"),
    };
    let reach = reach(page);
    let mut query = QueryBuilder::new("");
    if let Some(percent) = sample_percent(reach) {
        query.push(concat!("WITH bound AS MATERIALIZED (SELECT ", heard!("s"), " AS heard"));
        query
            .push(" FROM terminal_presence s TABLESAMPLE SYSTEM (")
            .push_bind(percent)
            .push(")");
        push_matching(&mut query, filter);
        query.push(" ORDER BY 1").push(direction(order));
        query.push(" LIMIT 1 OFFSET ").push_bind(reach - 1).push(") ");
    }
    query
        .push(SHOWN)
        .push("SELECT s.terminal_id AS id FROM terminal_presence s");
    push_matching(&mut query, filter);
    if sample_percent(reach).is_some() {
        query.push(concat!(" AND ", heard!("s"))).push(comparison);
        query.push(format_args!(
            "coalesce((SELECT heard FROM bound), {no_bound}::timestamptz)"
        ));
    }
    push_order(&mut query, order);
    push_limit(&mut query, page);
    push_rest(&mut query, order);
    query
}

/// Appends the conditions, behind a `WHERE` in any case.
fn push_matching(query: &mut QueryBuilder<Postgres>, filter: &TerminalFilter) {
    if !are_hot(filter) {
        // Row by row and only for rows that are within the bound, which the planner can't know to be few.
        query.push(" CROSS JOIN LATERAL (SELECT 1 FROM terminal t");
        conditions(filter, &Narrowed::Not, query).and("t.id = s.terminal_id OFFSET 0) cold");
    }
    hot_conditions(filter, query).and("TRUE");
}

/// How many rows come up to the end of the page, the one too many included.
fn reach(page: &PageRequest) -> i64 {
    let before = match page.start {
        PageStart::Offset(rows) => i64::from(rows),
        PageStart::First | PageStart::After(_) => 0,
    };
    before + i64::from(page.limit) + 1
}

/// How much of the table to sample so that, of the more than [`MAX_COUNTED`] rows that match, three times as many as
/// needed are in it; `None` if that is so much that sorting all is as good.
fn sample_percent(reach: i64) -> Option<f32> {
    let percent = u8::try_from(reach.saturating_mul(3) / 100 + 1).ok()?;
    (percent <= 25).then(|| f32::from(percent))
}
