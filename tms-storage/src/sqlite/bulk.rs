//! Many rows in one statement. Each statement costs a change of thread, so rows go in chunks of a power of two: few
//! enough texts that every one of them stays prepared.

use std::sync::Arc;

use sqlx::{
    Arguments, AssertSqlSafe, Encode, Row, Sqlite, SqliteConnection, Type,
    error::BoxDynError,
    sqlite::{SqliteArguments, SqliteRow},
};
use tms_core::{id::TerminalId, time::Timestamp};

/// Rows in the longest statement; times the widest row it stays below SQLite's 32,766 parameters.
const LONGEST: usize = 512;

/// Parameters of a statement.
#[derive(Default)]
pub(super) struct Binds {
    arguments: SqliteArguments,
    fault: Option<BoxDynError>,
}

impl Binds {
    /// Adds the next parameter.
    pub(super) fn add<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        if let Err(fault) = self.arguments.add(value) {
            self.fault.get_or_insert(fault);
        }
        self
    }

    /// Adds a moment.
    pub(super) fn time(&mut self, at: Timestamp) -> &mut Self {
        self.add(at.as_micros())
    }

    /// Adds a moment that may be missing.
    pub(super) fn maybe_time(&mut self, at: Option<Timestamp>) -> &mut Self {
        self.add(at.map(Timestamp::as_micros))
    }

    fn done(self) -> sqlx::Result<SqliteArguments> {
        match self.fault {
            None => Ok(self.arguments),
            Some(fault) => Err(sqlx::Error::Encode(fault)),
        }
    }
}

/// A statement with a list of rows of parameters in it.
pub(super) struct Bulk {
    columns: usize,
    /// The statement for 1, 2, 4, ... rows.
    texts: Vec<Arc<str>>,
}

impl Bulk {
    /// Makes `head (?, ...), (?, ...) tail` with `columns` parameters a row.
    pub(super) fn new(head: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        Self::of(head, columns, &row, tail)
    }

    /// Makes `head ?, ?, ... tail`, for an `IN` list.
    pub(super) fn list(head: &str, tail: &str) -> Self {
        Self::of(head, 1, "?", tail)
    }

    fn of(head: &str, columns: usize, row: &str, tail: &str) -> Self {
        let sizes = std::iter::successors(Some(1), |size| Some(size * 2).filter(|size| *size <= LONGEST));
        let texts = sizes.map(|size| format!("{head}{}{tail}", vec![row; size].join(",")).into());
        Self {
            columns,
            texts: texts.collect(),
        }
    }

    /// Returns how many of `left` rows go into the next statement, and its text.
    fn next(&self, left: usize) -> (usize, Arc<str>) {
        let mut best = (1, Arc::from(""));
        for (power, text) in self.texts.iter().enumerate() {
            if 1 << power <= left {
                best = (1 << power, Arc::clone(text));
            }
        }
        best
    }

    /// Runs the statement over all `rows`.
    pub(super) async fn execute<T: Sync>(
        &self,
        conn: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(&T, &mut Binds) + Sync,
    ) -> sqlx::Result<()> {
        let mut left = rows;
        while !left.is_empty() {
            let (size, text) = self.next(left.len());
            let (now, later) = left.split_at(size.min(left.len()));
            sqlx::query_with(AssertSqlSafe(text), self.binds(now, &bind)?)
                .execute(&mut *conn)
                .await?;
            left = later;
        }
        Ok(())
    }

    /// Runs the statement over all `rows` and gathers the rows that come back.
    pub(super) async fn fetch<T: Sync>(
        &self,
        conn: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(&T, &mut Binds) + Sync,
    ) -> sqlx::Result<Vec<SqliteRow>> {
        let mut found = Vec::new();
        let mut left = rows;
        while !left.is_empty() {
            let (size, text) = self.next(left.len());
            let (now, later) = left.split_at(size.min(left.len()));
            let more = sqlx::query_with(AssertSqlSafe(text), self.binds(now, &bind)?)
                .fetch_all(&mut *conn)
                .await?;
            found.extend(more);
            left = later;
        }
        Ok(found)
    }

    /// Runs a statement with an `IN` list over terminals.
    pub(super) async fn of_terminals(
        &self,
        conn: &mut SqliteConnection,
        terminals: &[TerminalId],
    ) -> sqlx::Result<Vec<SqliteRow>> {
        self.fetch(conn, terminals, |id, binds| {
            binds.add(id.get());
        })
        .await
    }

    fn binds<T>(&self, rows: &[T], bind: impl Fn(&T, &mut Binds)) -> sqlx::Result<SqliteArguments> {
        let mut binds = Binds::default();
        binds.arguments.reserve(rows.len() * self.columns, 0);
        for row in rows {
            bind(row, &mut binds);
        }
        binds.done()
    }
}

/// Reads the first column of each row as a number.
pub(super) fn first_numbers(rows: &[SqliteRow]) -> sqlx::Result<Vec<i64>> {
    rows.iter().map(|row| row.try_get(0)).collect()
}
