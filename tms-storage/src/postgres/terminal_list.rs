//! Lists of terminals: the page is found by ids and sort key alone, and only its rows are joined with the rest.

mod by_heartbeat;
mod conditions;
mod many;
mod narrowed;
mod total;

use std::time::Instant;

use sqlx::{PgConnection, Postgres, QueryBuilder};
use tms_core::{
    page::{Cursor, MAX_COUNTED, Order, Page, PageRequest, PageStart},
    terminal::{
        TerminalView,
        store::{TerminalFilter, TerminalSort},
    },
};

pub(super) use self::many::Many;
use self::{conditions::conditions, narrowed::Narrowed};
use super::{
    error::Fault,
    listing::{Conditions, behind, direction, push_limit},
    pool::PgStore,
    terminal::{read_view, view_columns},
};

impl PgStore {
    pub(super) async fn list_terminals(
        &self,
        filter: &TerminalFilter,
        sort: TerminalSort,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<TerminalView>, Fault> {
        let mut connection = self.pool().acquire().await?;
        let found = narrowed::find(&mut connection, filter).await?;
        if sort == TerminalSort::LastHeartbeat {
            let total = self.total(&mut connection, filter, &found).await?;
            return by_heartbeat::list(&mut connection, filter, (&found, total), order, page).await;
        }
        let mut query = page_query(filter, &found.narrowed, sort, order, page);
        let items = views(&mut connection, &mut query).await?;
        let total = match page.ended_total(items.len()) {
            None if page.count => Some(self.total(&mut connection, filter, &found).await?),
            total => total,
        };
        Ok(Page::from_rows(items, page.limit, total, |view: &TerminalView| {
            cursor(view, sort)
        }))
    }

    /// Counts what the filter finds, unless it found more than is counted a moment ago.
    async fn total(
        &self,
        connection: &mut PgConnection,
        filter: &TerminalFilter,
        found: &narrowed::Found,
    ) -> Result<u64, Fault> {
        if self.many.knows(filter, Instant::now()) {
            return Ok(MAX_COUNTED + 1);
        }
        let total = total::count(connection, filter, found).await?;
        if total > MAX_COUNTED {
            self.many.note(filter, Instant::now());
        }
        Ok(total)
    }
}

async fn views(connection: &mut PgConnection, query: &mut QueryBuilder<Postgres>) -> Result<Vec<TerminalView>, Fault> {
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(read_view).collect()
}

fn cursor(view: &TerminalView, sort: TerminalSort) -> Cursor {
    let draft = &view.terminal.draft;
    Cursor {
        value: match sort {
            TerminalSort::SerialNumber => draft.serial.to_string(),
            TerminalSort::Status => view.presence.status.to_string(),
            TerminalSort::StoreName => draft.store_name.clone().unwrap_or_default(),
            TerminalSort::LastHeartbeat => String::new(),
        },
        id: view.terminal.id.get(),
    }
}

/// The start of a page: what is shown of the rows that the query in the brackets finds.
const SHOWN: &str = concat!("SELECT ", view_columns!(), " FROM (");
/// The end of the brackets. The terminal is joined anew, so that finding the page need not leave its index.
const JOINED: &str = ") page JOIN terminal t ON t.id = page.id JOIN terminal_presence p ON p.terminal_id = t.id \
                      JOIN customer c ON c.id = t.customer_id";

fn page_query(
    filter: &TerminalFilter,
    narrowed: &Narrowed,
    sort: TerminalSort,
    order: Order,
    page: &PageRequest,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("");
    let from = narrowed.push_few(&mut query);
    query.push(SHOWN).push("SELECT t.id FROM ").push(from);
    let mut all = conditions(filter, narrowed, &mut query);
    if let PageStart::After(cursor) = &page.start {
        push_cursor(&mut all, sort, order, cursor);
    }
    push_order(&mut query, sort, order);
    push_limit(&mut query, page);
    query.push(JOINED);
    push_order(&mut query, sort, order);
    query
}

/// The order stands twice: it chooses the rows of the page, and joining them with the rest may mix them up.
fn push_order(query: &mut QueryBuilder<Postgres>, sort: TerminalSort, order: Order) {
    let way = direction(order);
    query.push(" ORDER BY ");
    match sort {
        TerminalSort::SerialNumber => query.push(format_args!("t.serial_number{way}")),
        TerminalSort::Status => query.push(format_args!("t.status{way}, t.id{way}")),
        TerminalSort::StoreName => query.push(format_args!("coalesce(t.store_name, ''){way}, t.id{way}")),
        TerminalSort::LastHeartbeat => query.push(format_args!("t.id{way}")),
    };
}

fn push_cursor(all: &mut Conditions<'_>, sort: TerminalSort, order: Order, cursor: &Cursor) {
    let columns = match sort {
        // Serial numbers are unique, so that the id never decides.
        TerminalSort::SerialNumber => {
            all.and("t.serial_number")
                .push(behind(order))
                .push_bind(cursor.value.clone());
            return;
        }
        TerminalSort::Status => "(t.status, t.id)",
        TerminalSort::StoreName | TerminalSort::LastHeartbeat => "(coalesce(t.store_name, ''), t.id)",
    };
    let query = all.and(columns).push(behind(order)).push("(");
    query
        .push_bind(cursor.value.clone())
        .push(", ")
        .push_bind(cursor.id)
        .push(")");
}
