//! Lists of terminals: the ids of a page are found first, and only those are joined with all that a view shows.

use sqlx::SqliteConnection;
use tms_core::{
    StoreError,
    page::{Cursor, Order, Page, PageRequest, PageStart},
    terminal::{
        Lifecycle, TerminalView,
        store::{TerminalFilter, TerminalSort},
    },
};

use super::{
    listing::{Listing, Query},
    terminal::{KIND, read_view, view_columns, view_joins},
};

/// The trigram index knows nothing shorter.
const SHORTEST_INDEXED: usize = 3;

/// Lists terminals.
pub(super) async fn list(
    conn: &mut SqliteConnection,
    filter: &TerminalFilter,
    sort: TerminalSort,
    order: Order,
    page: &PageRequest,
) -> Result<Page<TerminalView>, StoreError> {
    let from = tables(filter, sort);
    let listing = Listing {
        kind: KIND,
        around: (
            concat!("SELECT ", view_columns!(), " FROM ("),
            concat!(") page JOIN terminal t ON t.id = page.id", view_joins!()),
        ),
        columns: "t.id",
        from: &from,
        key: Some(key(sort)),
        id: "t.id",
        order,
    };
    let conditions = |query: &mut Query| narrow(query, filter);
    let is_by_number = sort == TerminalSort::LastHeartbeat;
    let first = PageRequest {
        start: PageStart::First,
        ..*page
    };
    let is_cursor = matches!(page.start, PageStart::After(_));
    let asked = if is_by_number && is_cursor { &first } else { page };
    let mut found = listing
        .page(conn, asked, &conditions, read_view, |view| cursor(view, sort))
        .await?;
    if is_by_number {
        found.next = None;
    }
    Ok(found)
}

/// Returns the text to look for if the trigram index can find it.
fn indexed_search(filter: &TerminalFilter) -> Option<&String> {
    filter
        .search
        .as_ref()
        .filter(|text| text.chars().count() >= SHORTEST_INDEXED)
}

/// Returns the tables that the filter reads, beginning with what narrows most; `CROSS` keeps SQLite from starting
/// elsewhere.
fn tables(filter: &TerminalFilter, sort: TerminalSort) -> String {
    let mut from = String::from(if indexed_search(filter).is_some() {
        "terminal_search s CROSS JOIN terminal t ON t.id = s.rowid"
    } else if filter.has_alerts == Some(true) {
        "(SELECT DISTINCT terminal_id FROM alert WHERE state <> 'resolved' AND terminal_id IS NOT NULL) o
         CROSS JOIN terminal t ON t.id = o.terminal_id"
    } else {
        "terminal t"
    });
    if sort == TerminalSort::LastHeartbeat || filter.seen_before.is_some() {
        from.push_str(" JOIN terminal_pulse u ON u.terminal_id = t.id");
    }
    from
}

fn key(sort: TerminalSort) -> &'static str {
    match sort {
        TerminalSort::SerialNumber => "t.serial_number",
        TerminalSort::Status => "t.status",
        TerminalSort::LastHeartbeat => "u.last_seen",
        TerminalSort::StoreName => "coalesce(t.store_name, '')",
    }
}

fn cursor(view: &TerminalView, sort: TerminalSort) -> Cursor {
    let value = match sort {
        TerminalSort::SerialNumber => view.terminal.draft.serial.to_string(),
        TerminalSort::Status => view.presence.status.to_string(),
        TerminalSort::StoreName => view.terminal.draft.store_name.clone().unwrap_or_default(),
        TerminalSort::LastHeartbeat => String::new(),
    };
    Cursor {
        value,
        id: view.terminal.id.get(),
    }
}

fn narrow(query: &mut Query, filter: &TerminalFilter) {
    if !filter.shows_retired() {
        // Spelled like the condition of the partial indexes, which a parameter would not match.
        query.push(" AND t.lifecycle <> '").push(Lifecycle::Retired).push("'");
    }
    if let Some(lifecycle) = filter.lifecycle {
        query.push(" AND t.lifecycle = ").push_bind(lifecycle.as_str());
    }
    if let Some(customer) = filter.customer {
        query.push(" AND t.customer_id = ").push_bind(customer.get());
    }
    if let Some(status) = filter.status {
        query.push(" AND t.status = ").push_bind(status.as_str());
    }
    if let Some(model) = &filter.model {
        query.push(" AND t.model = ").push_bind(model.clone());
    }
    if let Some(version) = &filter.firmware_version {
        query.push(" AND t.firmware_version = ").push_bind(version.clone());
    }
    if let Some(code) = &filter.store_code {
        query.push(" AND t.store_code = ").push_bind(code.clone());
    }
    if let Some(before) = filter.seen_before {
        query
            .push(" AND (u.last_seen IS NULL OR u.last_seen < ")
            .push_bind(before.as_micros())
            .push(")");
    }
    if let Some(has_alerts) = filter.has_alerts {
        query.push(if has_alerts { " AND " } else { " AND NOT " });
        query.push("EXISTS (SELECT 1 FROM alert a WHERE a.terminal_id = t.id AND a.state <> 'resolved')");
    }
    if let Some(text) = indexed_search(filter) {
        let phrase = format!("\"{}\"", text.replace('"', "\"\""));
        query.push(" AND s.search_key MATCH ").push_bind(phrase);
    } else if let Some(text) = &filter.search {
        query
            .push(" AND instr(t.search_key, ")
            .push_bind(text.clone())
            .push(") > 0");
    }
}
