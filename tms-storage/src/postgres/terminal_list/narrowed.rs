//! Filters that no index of terminals knows are looked up first: few hits are sorted as a whole, because walking the
//! list until it has met a page of few takes long; of many, walking soon meets a page.

use sqlx::{PgConnection, Postgres, QueryBuilder};
use tms_core::{page::MAX_COUNTED, terminal::store::TerminalFilter};

use super::super::{error::Fault, listing::anywhere, time::At};

/// What was found.
pub(super) enum Narrowed {
    /// Nothing was looked up, or too much was found.
    Not,
    /// The search found only these.
    BySearch(Vec<i64>),
    /// Only these were not heard for so long.
    BySilence(Vec<i64>),
}

impl Narrowed {
    pub(super) const fn is_by_search(&self) -> bool {
        matches!(self, Self::BySearch(_))
    }

    pub(super) const fn is_by_silence(&self) -> bool {
        matches!(self, Self::BySilence(_))
    }

    /// Begins a statement with the few, and returns the table to read, to be named `t`.
    pub(super) fn push_few(&self, query: &mut QueryBuilder<Postgres>) -> &'static str {
        match self {
            Self::Not => "terminal t",
            Self::BySearch(ids) | Self::BySilence(ids) => {
                query.push("WITH few AS MATERIALIZED (SELECT * FROM terminal WHERE id = ANY(");
                query.push_bind(ids.clone()).push(")) ");
                "few t"
            }
        }
    }
}

/// Looks up what the filter asks for, once for the total and for the page.
pub(super) async fn find(connection: &mut PgConnection, filter: &TerminalFilter) -> Result<Narrowed, Fault> {
    if let Some(search) = &filter.search
        && let Some(ids) = search_for(connection, search).await?
    {
        return Ok(Narrowed::BySearch(ids));
    }
    if let (Some(limit), None) = (filter.seen_before, filter.customer) {
        let mut query =
            QueryBuilder::new("SELECT terminal_id FROM terminal_presence WHERE (last_seen IS NULL OR last_seen < ");
        query.push_bind(At::from(limit)).push(")");
        if !filter.with_retired {
            query.push(" AND is_active");
        }
        query.push(" LIMIT ").push_bind(most() + 1);
        let found = query.build_query_scalar().fetch_all(connection).await?;
        return Ok(few(found).map_or(Narrowed::Not, Narrowed::BySilence));
    }
    Ok(Narrowed::Not)
}

/// The most that are few.
fn most() -> i64 {
    i64::try_from(MAX_COUNTED).unwrap_or(i64::MAX - 1)
}

fn few(found: Vec<i64>) -> Option<Vec<i64>> {
    let is_few = u64::try_from(found.len()).is_ok_and(|count| count <= MAX_COUNTED);
    is_few.then_some(found)
}

/// How many rows the number in a search may find for the number to be of use.
const TELLING: i64 = 2_000;

async fn search_for(connection: &mut PgConnection, search: &str) -> Result<Option<Vec<i64>>, Fault> {
    if let Some(number) = number_in(search) {
        let (count, found): (i64, Vec<i64>) = sqlx::query_as(
            "SELECT count(*), coalesce(array_agg(terminal_id) FILTER (WHERE search_key LIKE $2), '{}') \
             FROM (SELECT * FROM terminal_search WHERE search_key LIKE $1 LIMIT $3) near",
        )
        .bind(anywhere(number))
        .bind(anywhere(search))
        .bind(TELLING)
        .fetch_one(&mut *connection)
        .await?;
        if count < TELLING {
            return Ok(Some(found));
        }
    }
    let found = sqlx::query_scalar("SELECT terminal_id FROM terminal_search WHERE search_key LIKE $1 LIMIT $2")
        .bind(anywhere(search))
        .bind(most() + 1)
        .fetch_all(connection)
        .await?;
    Ok(few(found))
}

/// Returns the longest number in a search, if it is a part of it and long enough to tell much.
///
/// The index looks up every three characters and brings their lists together, and those of `TC-200-` or `shop` are as
/// long as the fleet: the number that follows finds the same rows for a twentieth of the work.
fn number_in(search: &str) -> Option<&str> {
    let runs = search.split(|c: char| !c.is_ascii_digit());
    let number = runs.max_by_key(|run| run.len())?;
    (number.len() >= 4 && number.len() < search.len()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::number_in;

    #[test]
    fn the_longest_number_tells_most() {
        assert_eq!(number_in("tc-200-0123477"), Some("0123477"));
        assert_eq!(number_in("shop 1234 east"), Some("1234"));
        for plain in ["0123477", "tc-200", "しんじゅく", "", "a1b22c333"] {
            assert_eq!(number_in(plain), None, "{plain}");
        }
    }
}
