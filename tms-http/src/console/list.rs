//! What pages with a list have in common: its heads by which it can be sorted, and the way to the next page.

use std::fmt::Display;

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

/// One of the pages that belong together.
#[derive(Debug)]
pub(crate) struct Tab {
    pub(crate) href: String,
    pub(crate) text: String,
    pub(crate) is_present: bool,
}

impl Tab {
    /// Makes the tab of the page at `path`, whose name has a key; the page at `present` is the one that is shown.
    pub(crate) fn of(f: &Frame, path: &str, key: &str, present: &str) -> Self {
        Self {
            href: f.url(path),
            text: f.t(key).to_owned(),
            is_present: path == present,
        }
    }
}

/// A value of a filter that can be chosen.
#[derive(Debug)]
pub(crate) struct Choice {
    /// The value in the address.
    pub(crate) value: String,
    /// What the reader sees.
    pub(crate) text: String,
    /// Whether it is chosen at present.
    pub(crate) is_present: bool,
}

/// Makes the choices of an enumeration, whose names have the keys `family.NAME`.
pub(crate) fn choices<T: Display + PartialEq>(f: &Frame, family: &str, all: &[T], present: Option<&T>) -> Vec<Choice> {
    let choice = |one: &T| Choice {
        value: one.to_string(),
        text: f.name(family, one),
        is_present: present == Some(one),
    };
    all.iter().map(choice).collect()
}

/// Makes the choices of a flag: what it is when set, and when not.
pub(crate) fn either(present: Option<bool>, when_set: String, when_not: String) -> Vec<Choice> {
    let choice = |flag: bool, text| Choice {
        value: flag.to_string(),
        text,
        is_present: present == Some(flag),
    };
    vec![choice(true, when_set), choice(false, when_not)]
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
    /// Tells whether there is nothing to say and nowhere to go.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && [&self.previous, &self.first, &self.next]
                .iter()
                .all(|way| way.is_none())
    }

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

    /// Lets the links lead to the list itself, on a page that has more than it: to the element with this id.
    pub(crate) fn at(mut self, id: &str) -> Self {
        for link in [&mut self.previous, &mut self.first, &mut self.next]
            .into_iter()
            .flatten()
        {
            link.push('#');
            link.push_str(id);
        }
        self
    }
}
