//! What all lists share: where a page starts, how long it is, how far the total is counted.

use sqlx::{PgConnection, Postgres, QueryBuilder, postgres::PgRow};
use tms_core::{
    page::{Cursor, MAX_COUNTED, Order, Page, PageRequest, PageStart},
    time::Timestamp,
};

use super::{cells::unsigned, error::Fault};

/// `ASC` or `DESC`.
pub(super) const fn direction(order: Order) -> &'static str {
    match order {
        Order::Ascending => " ASC",
        Order::Descending => " DESC",
    }
}

/// The comparison that leads to what follows.
pub(super) const fn behind(order: Order) -> &'static str {
    match order {
        Order::Ascending => " > ",
        Order::Descending => " < ",
    }
}

/// Appends `LIMIT` (one more than the page, which tells whether there is a next one) and `OFFSET`.
///
/// The limit is spelled out, because a planner that does not know it plans each page anew, which takes as long as
/// reading it; there are few lengths of pages, so that the statements stay few.
pub(super) fn push_limit(query: &mut QueryBuilder<Postgres>, page: &PageRequest) {
    query.push(format_args!(" LIMIT {}", i64::from(page.limit) + 1));
    if let PageStart::Offset(rows) = page.start {
        query.push(" OFFSET ").push_bind(i64::from(rows));
    }
}

/// Counts what `query` (a `SELECT 1 ...`) finds, up to one more than is ever shown.
pub(super) async fn count(connection: &mut PgConnection, query: &mut QueryBuilder<Postgres>) -> Result<u64, Fault> {
    let most = i64::try_from(MAX_COUNTED).unwrap_or(i64::MAX - 1) + 1;
    query.push(format_args!(" LIMIT {most}) AS found"));
    let count: i64 = query.build_query_scalar().fetch_one(connection).await?;
    Ok(unsigned(count))
}

/// The start of a statement for [`count`].
pub(super) const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM ";

/// Builds a page of rows whose only order is their id.
pub(super) fn page_by_id<T>(
    rows: &[PgRow],
    page: &PageRequest,
    total: Option<u64>,
    read: impl Fn(&PgRow) -> Result<T, Fault>,
    id: impl Fn(&T) -> i64,
) -> Result<Page<T>, Fault> {
    let items = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::from_rows(items, page.limit, total, |item| Cursor {
        value: String::new(),
        id: id(item),
    }))
}

/// Collects conditions behind a `WHERE`.
pub(super) struct Conditions<'q> {
    pub(super) query: &'q mut QueryBuilder<Postgres>,
    is_first: bool,
}

impl<'q> Conditions<'q> {
    pub(super) const fn of(query: &'q mut QueryBuilder<Postgres>) -> Self {
        Self { query, is_first: true }
    }

    /// Begins the next condition.
    pub(super) fn and(&mut self, sql: &'static str) -> &mut QueryBuilder<Postgres> {
        self.query.push(if self.is_first { " WHERE " } else { " AND " });
        self.is_first = false;
        self.query.push(sql)
    }
}

/// Returns the pattern that finds `text` anywhere, with what has a meaning in patterns made plain.
pub(super) fn anywhere(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Reads the place of a row of an append-only table as a number; rows of one moment have no other order. Vacuum leaves
/// rows where they are, so it can stand in a cursor.
macro_rules! place {
    ($table:literal) => {
        concat!(
            "(((",
            $table,
            ".ctid::text::point)[0]::bigint << 16) | (",
            $table,
            ".ctid::text::point)[1]::bigint)"
        )
    };
}
pub(super) use place;

/// Returns the place that [`place`] read, as the database spells it.
pub(super) fn place_text(place: i64) -> String {
    format!("({},{})", place >> 16, place & 0xffff)
}

/// Builds a page of an append-only table, whose order is the time of its rows and then their place.
pub(super) fn page_by_time<T>(
    items: Vec<(T, i64)>,
    page: &PageRequest,
    total: Option<u64>,
    time: impl Fn(&T) -> Timestamp,
) -> Page<T> {
    let page = Page::from_rows(items, page.limit, total, |(item, place)| Cursor {
        value: time(item).as_micros().to_string(),
        id: *place,
    });
    page.map(|(item, _)| item)
}

/// Returns the time that stands in a cursor; one that can't be read is before everything, so that the list is empty.
pub(super) fn cursor_time(cursor: &Cursor) -> Timestamp {
    Timestamp::from_micros(cursor.value.parse().unwrap_or(0))
}
