//! One page of a list: filter, order, resume, count. What is listed is the caller's.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    page::{Cursor, MAX_COUNTED, Order, Page, PageRequest, PageStart},
};

use super::error::OrFault;

/// A query under construction.
pub(super) type Query = QueryBuilder<Sqlite>;

/// A list. All texts are constants of this crate; values travel as parameters.
pub(super) struct Listing<'a> {
    /// What is listed, for errors.
    pub(super) kind: &'static str,
    /// What stands before the query of ids, and behind it without its order: so that a list may pick its rows first
    /// and join the rest to those only.
    pub(super) around: (&'a str, &'a str),
    /// The columns.
    pub(super) columns: &'a str,
    /// The tables.
    pub(super) from: &'a str,
    /// The expression that it is sorted by before the id, if any.
    pub(super) key: Option<&'a str>,
    /// The column of the id.
    pub(super) id: &'a str,
    /// The direction.
    pub(super) order: Order,
}

impl Listing<'_> {
    /// Fetches a page. `filter` begins each condition with ` AND `.
    pub(super) async fn page<T>(
        &self,
        conn: &mut SqliteConnection,
        page: &PageRequest,
        filter: &(dyn Fn(&mut Query) + Sync),
        read: impl Fn(&SqliteRow) -> Result<T, StoreError>,
        cursor: impl Fn(&T) -> Cursor,
    ) -> Result<Page<T>, StoreError> {
        let rows = self
            .query(page, filter)
            .build()
            .fetch_all(&mut *conn)
            .await
            .or_fault(self.kind, "")?;
        let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let total = match page.ended_total(rows.len()) {
            None if page.count => Some(self.count(conn, filter).await?),
            total => total,
        };
        Ok(Page::from_rows(rows, page.limit, total, cursor))
    }

    fn query(&self, page: &PageRequest, filter: &(dyn Fn(&mut Query) + Sync)) -> Query {
        let mut query = Query::new(self.around.0);
        query
            .push("SELECT ")
            .push(self.columns)
            .push(" FROM ")
            .push(self.from)
            .push(" WHERE TRUE");
        filter(&mut query);
        let mut offset = 0;
        match &page.start {
            PageStart::First => {}
            PageStart::After(cursor) => self.resume(&mut query, cursor),
            PageStart::Offset(rows) => offset = *rows,
        }
        self.sort(&mut query);
        query
            .push(" LIMIT ")
            .push_bind(i64::from(page.limit) + 1)
            .push(" OFFSET ")
            .push_bind(i64::from(offset));
        if !self.around.1.is_empty() {
            query.push(self.around.1);
            self.sort(&mut query);
        }
        query
    }

    fn resume(&self, query: &mut Query, cursor: &Cursor) {
        let beyond = match self.order {
            Order::Ascending => ">",
            Order::Descending => "<",
        };
        match self.key {
            Some(key) => query
                .push(format_args!(" AND ({key}, {}) {beyond} (", self.id))
                .push_bind(cursor.value.clone())
                .push(", ")
                .push_bind(cursor.id)
                .push(")"),
            None => query
                .push(format_args!(" AND {} {beyond} ", self.id))
                .push_bind(cursor.id),
        };
    }

    fn sort(&self, query: &mut Query) {
        let way = match self.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        query.push(" ORDER BY ");
        if let Some(key) = self.key {
            query.push(format_args!("{key} {way}, "));
        }
        query.push(format_args!("{} {way}", self.id));
    }

    async fn count(
        &self,
        conn: &mut SqliteConnection,
        filter: &(dyn Fn(&mut Query) + Sync),
    ) -> Result<u64, StoreError> {
        let mut query = Query::new("SELECT count(*) FROM (SELECT 1 FROM ");
        query.push(self.from).push(" WHERE TRUE");
        filter(&mut query);
        query
            .push(" LIMIT ")
            .push_bind(i64::try_from(MAX_COUNTED).unwrap_or(i64::MAX) + 1)
            .push(")");
        let total: i64 = query
            .build_query_scalar()
            .fetch_one(conn)
            .await
            .or_fault(self.kind, "")?;
        Ok(u64::try_from(total).unwrap_or(0))
    }
}

/// Makes the cursor of a list that is sorted by id alone.
pub(super) fn by_id(id: i64) -> Cursor {
    Cursor {
        value: String::new(),
        id,
    }
}
