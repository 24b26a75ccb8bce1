//! Lists of terminals: the page is found by ids and sort key alone, and only its rows are joined with the rest.

use sqlx::{PgConnection, Postgres, QueryBuilder};
use tms_core::{
    page::{Cursor, MAX_COUNTED, Order, Page, PageRequest, PageStart},
    terminal::{
        TerminalView,
        store::{TerminalFilter, TerminalSort},
    },
};

use super::{
    error::Fault,
    listing::{COUNT, Conditions, anywhere, behind, count, direction, push_limit},
    pool::PgStore,
    terminal::{read_view, view_columns},
    time::At,
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
        let found = find_searched(&mut connection, filter).await?;
        let total = if page.count {
            let mut counting = QueryBuilder::new(COUNT);
            counting.push("terminal t");
            push_search(&mut conditions(filter, &mut counting), filter, &found);
            Some(count(&mut connection, &mut counting).await?)
        } else {
            None
        };
        let mut query = page_query(filter, &found, (sort, order), page);
        let rows = query.build().fetch_all(&mut *connection).await?;
        let items = rows.iter().map(read_view).collect::<Result<Vec<_>, _>>()?;
        let mut found = Page::from_rows(items, page.limit, total, |view: &TerminalView| cursor(view, sort));
        if sort == TerminalSort::LastHeartbeat {
            found.next = None;
        }
        Ok(found)
    }
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

/// What a search found.
enum Searched {
    /// Nothing was searched, or so much was found that walking the list soon meets a page of it.
    Anything,
    /// These, which are few enough to be sorted.
    Few(Vec<i64>),
}

/// Looks a search up once, for the total and for the page.
async fn find_searched(connection: &mut PgConnection, filter: &TerminalFilter) -> Result<Searched, Fault> {
    let Some(search) = &filter.search else {
        return Ok(Searched::Anything);
    };
    let most = i64::try_from(MAX_COUNTED).unwrap_or(i64::MAX - 1);
    let found: Vec<i64> =
        sqlx::query_scalar("SELECT terminal_id FROM terminal_search WHERE search_key LIKE $1 LIMIT $2")
            .bind(anywhere(search))
            .bind(most + 1)
            .fetch_all(connection)
            .await?;
    let is_few = u64::try_from(found.len()).is_ok_and(|count| count <= MAX_COUNTED);
    Ok(if is_few {
        Searched::Few(found)
    } else {
        Searched::Anything
    })
}

fn page_query(
    filter: &TerminalFilter,
    found: &Searched,
    (sort, order): (TerminalSort, Order),
    page: &PageRequest,
) -> QueryBuilder<Postgres> {
    let by_heartbeat = sort == TerminalSort::LastHeartbeat;
    let mut query = QueryBuilder::new("");
    let from = if let Searched::Few(ids) = found {
        // Sorted as a whole: walking a list until it has met enough of few takes long.
        query.push("WITH few AS MATERIALIZED (SELECT * FROM terminal WHERE id = ANY(");
        query.push_bind(ids.clone()).push(")) ");
        "few t"
    } else {
        "terminal t"
    };
    query.push(concat!("SELECT ", view_columns!(), " FROM (SELECT t.* FROM "));
    query.push(from);
    if by_heartbeat {
        query.push(" JOIN terminal_presence s ON s.terminal_id = t.id");
    }
    let mut all = conditions(filter, &mut query);
    if matches!(found, Searched::Anything) {
        push_search(&mut all, filter, found);
    }
    if let (PageStart::After(cursor), false) = (&page.start, by_heartbeat) {
        push_cursor(&mut all, sort, order, cursor);
    }
    push_order(&mut query, sort, order, ["t", "s"]);
    push_limit(&mut query, page);
    query.push(") t JOIN terminal_presence p ON p.terminal_id = t.id JOIN customer c ON c.id = t.customer_id");
    push_order(&mut query, sort, order, ["t", "p"]);
    query
}

/// The order stands twice: it chooses the rows of the page, and joining them with the rest may mix them up.
fn push_order(query: &mut QueryBuilder<Postgres>, sort: TerminalSort, order: Order, [t, p]: [&str; 2]) {
    let way = direction(order);
    let nulls = match order {
        Order::Ascending => " NULLS FIRST",
        Order::Descending => " NULLS LAST",
    };
    query.push(" ORDER BY ");
    match sort {
        TerminalSort::SerialNumber => query.push(format_args!("{t}.serial_number{way}")),
        TerminalSort::Status => query.push(format_args!("{t}.status{way}, {t}.id{way}")),
        TerminalSort::StoreName => query.push(format_args!("coalesce({t}.store_name, ''){way}, {t}.id{way}")),
        TerminalSort::LastHeartbeat => query.push(format_args!("{p}.last_seen{way}{nulls}, {t}.id{way}")),
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

fn push_search(all: &mut Conditions<'_>, filter: &TerminalFilter, found: &Searched) {
    match (found, &filter.search) {
        (Searched::Few(ids), _) => {
            all.and("t.id = ANY(").push_bind(ids.clone()).push(")");
        }
        (Searched::Anything, Some(search)) => {
            all.and("t.id IN (SELECT terminal_id FROM terminal_search WHERE search_key LIKE ")
                .push_bind(anywhere(search))
                .push(")");
        }
        (Searched::Anything, None) => {}
    }
}

fn conditions<'q>(filter: &TerminalFilter, query: &'q mut QueryBuilder<Postgres>) -> Conditions<'q> {
    let mut all = Conditions::of(query);
    if !filter.with_retired {
        all.and("t.lifecycle <> 'retired'");
    }
    if let Some(customer) = filter.customer {
        all.and("t.customer_id = ").push_bind(customer.get());
    }
    if let Some(status) = filter.status {
        all.and("t.status = ").push_bind(status.as_str());
    }
    let equal = [
        ("t.model = ", &filter.model),
        ("t.firmware_version = ", &filter.firmware_version),
        ("t.store_code = ", &filter.store_code),
    ];
    for (column, value) in equal {
        if let Some(value) = value {
            all.and(column).push_bind(value.clone());
        }
    }
    if let Some(limit) = filter.seen_before {
        all.and(
            "EXISTS (SELECT 1 FROM terminal_presence h WHERE h.terminal_id = t.id \
             AND (h.last_seen IS NULL OR h.last_seen < ",
        )
        .push_bind(At::from(limit))
        .push("))");
    }
    if let Some(has_alerts) = filter.has_alerts {
        let open = "EXISTS (SELECT 1 FROM alert o WHERE o.terminal_id = t.id AND o.state <> 'resolved')";
        all.and(if has_alerts { "" } else { "NOT " }).push(open);
    }
    all
}
