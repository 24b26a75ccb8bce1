//! What pages with a list have in common: its heads by which it can be sorted, and the way to the next page.

use tms_core::page::Order;

use super::frame::Frame;
use crate::{
    paging::append,
    wire::list::{Links, Meta},
};

/// The head of a column by which a list can be sorted.
#[derive(Debug)]
pub(crate) struct SortHead {
    /// Where a click leads: the list sorted by it, the other way round if it already is.
    pub(crate) href: String,
    /// How the list is sorted by it at present, as `aria-sort` says it.
    pub(crate) direction: Option<&'static str>,
}

impl SortHead {
    /// Returns the icon of the present direction.
    pub(crate) fn icon(&self) -> &'static str {
        match self.direction {
            Some("ascending") => "sort-up",
            Some(_) => "sort-down",
            None => "",
        }
    }
}

/// Makes the heads of a list, whose address without sort and page is `address`.
pub(crate) fn sort_heads<const N: usize>(
    address: &str,
    present: &str,
    order: Order,
    columns: [&'static str; N],
) -> [SortHead; N] {
    columns.map(|column| {
        let is_present = column == present;
        let turned = is_present && order == Order::Ascending;
        let mut href = address.to_owned();
        append(&mut href, "sort", column);
        append(&mut href, "order", if turned { "desc" } else { "asc" });
        let direction = match order {
            Order::Ascending => "ascending",
            Order::Descending => "descending",
        };
        SortHead {
            href,
            direction: is_present.then_some(direction),
        }
    })
}

/// The way through a list.
#[derive(Debug)]
pub(crate) struct Pager {
    /// Which rows these are.
    pub(crate) rows: String,
    /// The page before.
    pub(crate) previous: Option<String>,
    /// The first page, where the page before is not known.
    pub(crate) first: Option<String>,
    /// The page behind.
    pub(crate) next: Option<String>,
}

impl Pager {
    pub(crate) fn of(f: &Frame, meta: &Meta, links: Links) -> Self {
        let total = meta.total.map(|total| f.number(&total)).unwrap_or_default();
        let rows = match (meta.from, meta.to) {
            (Some(from), Some(to)) => {
                let key = if meta.total_exact {
                    "list.rows"
                } else {
                    "list.rows_at_least"
                };
                f.t3(key, f.number(&from), f.number(&to), total)
            }
            _ => String::new(),
        };
        let by_number = meta.current_page.is_some();
        Self {
            rows,
            first: links.first.filter(|_| !by_number),
            previous: links.prev,
            next: links.next,
        }
    }
}
