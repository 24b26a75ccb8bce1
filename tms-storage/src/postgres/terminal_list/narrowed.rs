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

/// What was looked up, and how many there are in all where that tells it: up to one more than is ever shown.
pub(super) struct Found {
    pub(super) narrowed: Narrowed,
    pub(super) total: Option<u64>,
}

/// Looks up what the filter asks for, once for the total and for the page.
pub(super) async fn find(connection: &mut PgConnection, filter: &TerminalFilter) -> Result<Found, Fault> {
    if let Some(search) = &filter.search {
        let few = search_for(connection, search, filter.shows_retired()).await?;
        let total = is_search_alone(filter).then(|| few.as_ref().map_or(MAX_COUNTED + 1, |ids| length(ids)));
        if let Some(ids) = few {
            let narrowed = Narrowed::BySearch(ids);
            return Ok(Found { narrowed, total });
        }
        if total.is_some() {
            let narrowed = Narrowed::Not;
            return Ok(Found { narrowed, total });
        }
    }
    let narrowed = match (filter.seen_before, filter.customer) {
        (Some(limit), None) => silent_since(connection, At::from(limit), filter.shows_retired()).await?,
        _ => None,
    };
    Ok(Found {
        narrowed: narrowed.map_or(Narrowed::Not, Narrowed::BySilence),
        total: None,
    })
}

fn is_search_alone(filter: &TerminalFilter) -> bool {
    let alone = TerminalFilter {
        search: filter.search.clone(),
        with_retired: filter.with_retired,
        ..TerminalFilter::default()
    };
    *filter == alone
}

fn length(ids: &[i64]) -> u64 {
    u64::try_from(ids.len()).unwrap_or(u64::MAX)
}

/// Aggregates the ids of at most [`MAX_COUNTED`] rows of `few (terminal_id)`; of more, none, as reading them for nothing
/// takes longer than finding them.
macro_rules! few_of {
    ($rows:expr) => {
        concat!(
            "SELECT CASE WHEN count(*) < $1 THEN coalesce(array_agg(terminal_id), '{}') END FROM (",
            $rows,
            " LIMIT $1) few"
        )
    };
}

/// One more than are few.
fn many() -> i64 {
    i64::try_from(MAX_COUNTED).unwrap_or(i64::MAX - 1) + 1
}

async fn silent_since(connection: &mut PgConnection, limit: At, with_retired: bool) -> Result<Option<Vec<i64>>, Fault> {
    const SILENT: &str = few_of!(
        "SELECT terminal_id FROM terminal_presence WHERE (last_seen IS NULL OR last_seen < $2) AND (is_active OR $3)"
    );
    let found = sqlx::query_scalar(SILENT).bind(many()).bind(limit).bind(with_retired);
    Ok(found.fetch_one(connection).await?)
}

/// How many rows the number in a search may find for the number to be of use.
const TELLING: i64 = 2_000;

/// Leaves out the retired, which are looked up among themselves because they are few.
macro_rules! living {
    () => {
        "($3 OR NOT EXISTS (SELECT 1 FROM terminal r WHERE r.id = terminal_id AND r.lifecycle = 'retired'))"
    };
}

async fn search_for(
    connection: &mut PgConnection,
    search: &str,
    with_retired: bool,
) -> Result<Option<Vec<i64>>, Fault> {
    const BY_NUMBER: &str = concat!(
        "SELECT count(*), coalesce(array_agg(terminal_id) FILTER (WHERE search_key LIKE $2 AND ",
        living!(),
        "), '{}') FROM (SELECT * FROM terminal_search WHERE search_key LIKE $1 LIMIT $4) near"
    );
    const BY_ALL: &str = few_of!(concat!(
        "SELECT terminal_id FROM terminal_search WHERE search_key LIKE $2 AND ",
        living!()
    ));
    if let Some(number) = number_in(search) {
        let near = sqlx::query_as(BY_NUMBER).bind(anywhere(number)).bind(anywhere(search));
        let (count, found): (i64, Vec<i64>) = near
            .bind(with_retired)
            .bind(TELLING)
            .fetch_one(&mut *connection)
            .await?;
        if count < TELLING {
            return Ok(Some(found));
        }
    }
    let found = sqlx::query_scalar(BY_ALL)
        .bind(many())
        .bind(anywhere(search))
        .bind(with_retired);
    Ok(found.fetch_one(connection).await?)
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
