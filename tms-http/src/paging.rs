//! Lists a page at a time, as the contract spells them (DECISIONS 15).

pub(crate) mod cursor;

use std::fmt::Write;

use tms_core::{
    Actor, Ctx,
    page::{MAX_COUNTED, MAX_OFFSET, MAX_PER_PAGE, Order, Page, PageRequest, PageStart},
    text::InvalidText,
};

use crate::{
    extract::Params,
    problem::Problem,
    router::API,
    state::App,
    wire::list::{Links, List, Meta},
};

const USUAL_PER_PAGE: u32 = 20;

/// A list and the part of it that is asked for.
pub(crate) struct Paging {
    /// What the service is asked for.
    pub(crate) request: PageRequest,
    /// The page number; `None` when a cursor says where the page starts.
    number: Option<u32>,
    /// The address of the list with its filters, ready for more parameters.
    address: String,
    /// What a cursor of this list is bound to: the address and the caller.
    binding: String,
}

/// Takes the direction of a list.
pub(crate) fn take_order(params: &mut Params, usual: Order) -> Order {
    let given = params.text("order").map(|text| match text.as_str() {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => Err(InvalidText("must be one of asc, desc".to_owned())),
    });
    given
        .and_then(|given| params.errors.take("order", given))
        .unwrap_or(usual)
}

impl Paging {
    /// Takes what is left of the query of the list at `path`; filters, sort and order must have been taken before.
    ///
    /// # Errors
    /// A problem naming every wrong parameter of the whole query.
    pub(crate) fn take(app: &App, ctx: &Ctx, path: &str, params: Params) -> Result<Self, Problem> {
        Self::take_at(app, ctx, &format!("{}{API}{path}", app.settings.base_path), params)
    }

    /// Takes it for a list on a page of the console at `path`.
    ///
    /// # Errors
    /// As those of [`Self::take`].
    pub(crate) fn take_of_page(app: &App, ctx: &Ctx, path: &str, params: Params) -> Result<Self, Problem> {
        Self::take_at(app, ctx, &format!("{}{path}", app.settings.base_path), params)
    }

    fn take_at(app: &App, ctx: &Ctx, place: &str, mut params: Params) -> Result<Self, Problem> {
        let address = address(place, &params.taken());
        let caller = match &ctx.actor {
            Actor::Operator(person) => person.user.get(),
            _ => 0,
        };
        let binding = format!("{caller} {address}");
        let limit = params.number("per_page", 1, MAX_PER_PAGE).unwrap_or(USUAL_PER_PAGE);
        let number = params.number("page", 1, u32::MAX).unwrap_or(1);
        let (start, number) = match params.text("cursor") {
            Some(text) => (take_cursor(app, &mut params, &text, &binding), None),
            None => (take_offset(&mut params, number, limit), Some(number)),
        };
        params.finish()?;
        Ok(Self {
            request: PageRequest {
                start,
                limit,
                count: true,
            },
            number,
            address,
            binding,
        })
    }

    /// Puts a page into its envelope.
    pub(crate) fn envelope<T>(&self, app: &App, page: Page<T>) -> List<T> {
        let rows = u64::try_from(page.items.len()).unwrap_or(u64::MAX);
        let cursor = page.next.as_ref();
        let meta = self.meta(
            rows,
            page.total,
            cursor.map(|cursor| app.cursors.print(cursor, &self.binding)),
        );
        List {
            links: self.links(&meta, rows, page.total),
            data: page.items,
            meta,
        }
    }

    fn meta(&self, rows: u64, counted: Option<u64>, next_cursor: Option<String>) -> Meta {
        let per_page = self.request.limit;
        let total = counted.map(|counted| counted.min(MAX_COUNTED));
        let shown = self.rows_before().filter(|_| rows > 0);
        Meta {
            current_page: self.number,
            per_page,
            total,
            total_exact: counted.is_some_and(|counted| counted <= MAX_COUNTED),
            total_pages: total.map(|total| total.div_ceil(u64::from(per_page))),
            from: shown.map(|before| before + 1),
            to: shown.map(|before| before + rows),
            next_cursor,
        }
    }

    fn links(&self, meta: &Meta, rows: u64, counted: Option<u64>) -> Links {
        let is_more = match (self.rows_before(), counted) {
            (Some(before), Some(counted)) => before + rows < counted,
            _ => meta.next_cursor.is_some(),
        };
        let last = self.number.and(meta.total_pages).filter(|_| meta.total_exact);
        let previous = self.number.filter(|number| *number > 1);
        let next = match self.number {
            Some(number) if number.saturating_mul(self.request.limit) < MAX_OFFSET => {
                Some(self.page_link(u64::from(number) + 1))
            }
            _ => meta.next_cursor.as_ref().map(|cursor| self.link("cursor", cursor)),
        };
        Links {
            first: Some(self.page_link(1)),
            last: last.map(|last| self.page_link(last.max(1))),
            prev: previous.map(|number| self.page_link(u64::from(number) - 1)),
            next: next.filter(|_| is_more),
        }
    }

    /// Returns how many rows stand before the page, if it has a number.
    fn rows_before(&self) -> Option<u64> {
        let number = self.number?;
        Some(u64::from(number - 1) * u64::from(self.request.limit))
    }

    fn page_link(&self, number: u64) -> String {
        self.link("page", &number.to_string())
    }

    fn link(&self, name: &str, value: &str) -> String {
        let mut link = self.address.clone();
        append(&mut link, name, value);
        append(&mut link, "per_page", &self.request.limit.to_string());
        link
    }
}

fn take_cursor(app: &App, params: &mut Params, text: &str, binding: &str) -> PageStart {
    let read = app.cursors.parse(text, binding);
    let read = read.ok_or_else(|| InvalidText("was not made for this list".to_owned()));
    params
        .errors
        .take("cursor", read)
        .map_or(PageStart::First, PageStart::After)
}

fn take_offset(params: &mut Params, number: u32, limit: u32) -> PageStart {
    match (number - 1).saturating_mul(limit) {
        0 => PageStart::First,
        offset if offset < MAX_OFFSET => PageStart::Offset(offset),
        _ => {
            let message = format!("reaches the first {MAX_OFFSET} rows; go on by cursor");
            params.errors.add("page", message);
            PageStart::First
        }
    }
}

fn address(place: &str, taken: &[(&'static str, String)]) -> String {
    let mut address = place.to_owned();
    for (name, value) in taken {
        append(&mut address, name, value);
    }
    address
}

/// Appends a parameter, percent-encoded.
pub(crate) fn append(address: &mut String, name: &str, value: &str) {
    address.push(if address.contains('?') { '&' } else { '?' });
    address.push_str(name);
    address.push('=');
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_repeats_its_filters() {
        let taken = [("search", "新 &=1".to_owned()), ("status", "online".to_owned())];
        assert_eq!(
            address("/tms/api/v1/terminals", &taken),
            "/tms/api/v1/terminals?search=%E6%96%B0%20%26%3D1&status=online"
        );
    }
}
