//! Pages of a list that was filtered already.

use crate::page::{Cursor, MAX_COUNTED, Order, Page, PageRequest, PageStart};

/// A row with the value that it is sorted by and the id that breaks ties.
#[derive(Debug)]
pub(super) struct Keyed<R> {
    pub(super) value: String,
    pub(super) id: i64,
    pub(super) row: R,
}

impl<R> Keyed<R> {
    /// Makes a row of a list that is in order of id.
    pub(super) fn by_id(id: i64, row: R) -> Self {
        Self {
            value: String::new(),
            id,
            row,
        }
    }

    fn cursor(&self) -> Cursor {
        Cursor {
            value: self.value.clone(),
            id: self.id,
        }
    }

    fn is_behind(&self, cursor: &Cursor, order: Order) -> bool {
        let (mine, its) = ((self.value.as_str(), self.id), (cursor.value.as_str(), cursor.id));
        match order {
            Order::Ascending => mine > its,
            Order::Descending => mine < its,
        }
    }
}

/// Returns a number as text that sorts as the number does.
pub(super) fn sortable(number: i64) -> String {
    format!("{number:020}")
}

/// Sorts `rows`, cuts the page out and converts its rows.
pub(super) fn page_of<R, T>(
    mut rows: Vec<Keyed<R>>,
    order: Order,
    request: &PageRequest,
    convert: impl Fn(R) -> T,
) -> Page<T> {
    let total = request
        .count
        .then(|| u64::try_from(rows.len()).unwrap_or(u64::MAX).min(MAX_COUNTED + 1));
    rows.sort_unstable_by(|a, b| (&a.value, a.id).cmp(&(&b.value, b.id)));
    if order == Order::Descending {
        rows.reverse();
    }
    match &request.start {
        PageStart::First => {}
        PageStart::After(cursor) => rows.retain(|row| row.is_behind(cursor, order)),
        PageStart::Offset(offset) => {
            let skipped = usize::try_from(*offset).unwrap_or(usize::MAX).min(rows.len());
            rows.drain(..skipped);
        }
    }
    Page::from_rows(rows, request.limit, total, Keyed::cursor).map(|keyed| convert(keyed.row))
}
