//! Lists a page at a time: where a page starts, how long it is, what comes back (DECISIONS 15).

/// The most rows a page number may skip.
pub const MAX_OFFSET: u32 = 10_000;
/// Totals are counted to here; beyond it they mean "at least".
pub const MAX_COUNTED: u64 = 10_000;
/// The longest page.
pub const MAX_PER_PAGE: u32 = 100;

/// Where a page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageStart {
    /// At the first row.
    First,
    /// Behind the row whose sort key this is.
    After(Cursor),
    /// At this row, counted from zero, at most [`MAX_OFFSET`].
    Offset(u32),
}

/// The sort key of the last row of a page: the value sorted by, then the id that makes it unique.
///
/// The value is the text that the store sorts by, so a store can resume without reading the row again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The sorted value as text; empty where the id alone is the order.
    pub value: String,
    /// The id of the row.
    pub id: i64,
}

/// A page that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Where it starts.
    pub start: PageStart,
    /// How many rows it has at most: 1 to [`MAX_PER_PAGE`] for people; programs that walk a list may ask for more.
    pub limit: u32,
    /// Whether the caller needs the total.
    pub count: bool,
}

impl PageRequest {
    /// Asks for the first `limit` rows, without a total.
    pub const fn first(limit: u32) -> Self {
        Self {
            start: PageStart::First,
            limit,
            count: false,
        }
    }

    /// Returns the total if it was asked for and a store need not count for it, because the `rows` that it found (one
    /// more than the page has, where there are that many) end the list.
    pub fn ended_total(&self, rows: usize) -> Option<u64> {
        let rows = u32::try_from(rows)
            .ok()
            .filter(|rows| self.count && *rows <= self.limit)?;
        match self.start {
            PageStart::First => Some(u64::from(rows)),
            PageStart::Offset(before) if rows > 0 => Some(u64::from(before) + u64::from(rows)),
            PageStart::Offset(_) | PageStart::After(_) => None,
        }
    }
}

/// A page as a store found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<Cursor>,
    /// How many rows match, if it was asked for; at most [`MAX_COUNTED`] + 1, which means "more".
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// Builds a page from up to `limit + 1` rows: the one too many tells that there is a next page.
    pub fn from_rows(mut rows: Vec<T>, limit: u32, total: Option<u64>, cursor: impl Fn(&T) -> Cursor) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(cursor) } else { None };
        Self {
            items: rows,
            next,
            total,
        }
    }

    /// Cuts a page out of all rows of a short list, which are in the order of their ids.
    pub fn cut(mut rows: Vec<T>, request: &PageRequest, order: Order, id: impl Fn(&T) -> i64) -> Self {
        let total = request
            .count
            .then(|| u64::try_from(rows.len()).unwrap_or(u64::MAX).min(MAX_COUNTED + 1));
        match &request.start {
            PageStart::First => {}
            PageStart::After(cursor) => rows.retain(|row| match order {
                Order::Ascending => id(row) > cursor.id,
                Order::Descending => id(row) < cursor.id,
            }),
            PageStart::Offset(skipped) => {
                let skipped = usize::try_from(*skipped).unwrap_or(usize::MAX).min(rows.len());
                rows.drain(..skipped);
            }
        }
        Self::from_rows(rows, request.limit, total, |row| Cursor {
            value: String::new(),
            id: id(row),
        })
    }

    /// Converts the rows.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next: self.next,
            total: self.total,
        }
    }
}

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_ends_the_list_tells_the_total() {
        let page = |start, count| PageRequest { start, limit: 3, count };
        let cursor = PageStart::After(Cursor {
            value: String::new(),
            id: 1,
        });
        for (start, rows, total) in [
            (PageStart::First, 0, Some(0)),
            (PageStart::First, 3, Some(3)),
            (PageStart::First, 4, None),
            (PageStart::Offset(6), 2, Some(8)),
            (PageStart::Offset(6), 0, None),
            (cursor, 2, None),
        ] {
            assert_eq!(page(start.clone(), true).ended_total(rows), total, "{start:?}, {rows}");
            assert_eq!(page(start, false).ended_total(rows), None);
        }
    }
}
