//! The list of terminals.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::HeaderMap;
use tms_core::{
    id::CustomerId,
    page::Order,
    permission::Permission,
    presence::{Device, Link, Status},
    terminal::{
        Lifecycle, TerminalView,
        store::{StatusCounts, TerminalFilter, TerminalSort},
    },
};

use crate::{
    api::{
        routes::Routes,
        terminal::{take_filter, transfer::export_terminals},
    },
    console::{
        answer::{Answer, page},
        format::number,
        frame::Frame,
        list::{Choice, Pager, SortHead, choices, either, sort_heads},
        visit::Visit,
    },
    extract::{
        Params,
        operator::{Lasting, Shown},
    },
    paging::{Paging, append, take_order},
    state::App,
};

const PATH: &str = "/terminals";

pub(super) fn routes() -> Routes {
    Routes::default().get(PATH, show).get("/terminals/export.csv", export)
}

#[derive(Template)]
#[template(path = "terminals.html")]
struct ListPage {
    f: Arc<Frame>,
    filter: TerminalFilter,
    customer: Option<String>,
    chips: Vec<Chip>,
    heads: [SortHead; 4],
    rows: Vec<Row>,
    pager: Pager,
    has_alerts: Vec<Choice>,
    lifecycles: Vec<Choice>,
    export: String,
    may_register: bool,
}

/// A status by which the list can be narrowed with one click.
struct Chip {
    href: String,
    status: Option<Status>,
    /// How many there are; not known while anything else narrows the list.
    count: Option<String>,
    is_present: bool,
}

/// A terminal in the list.
struct Row {
    view: TerminalView,
    /// What is the matter, in a few words.
    trouble: String,
    heard: Option<(String, String)>,
    load: String,
}

/// `GET /terminals`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    let filter = take_filter(&mut params, app.calendar());
    let sort = params.value("sort").unwrap_or(TerminalSort::SerialNumber);
    let order = take_order(&mut params, Order::Ascending);
    let paging = Paging::take_of_page(&app, &ctx, PATH, params)?;
    let terminals = app.tms.terminals();
    let found = terminals
        .list(&ctx, filter.clone(), sort, order, &paging.request)
        .await?;
    let list = paging.envelope(&app, found);
    let counts = app.tms.summaries().get(&ctx).await?.terminals;
    let customer = match filter.customer {
        Some(id) => Some(app.tms.customers().get(&ctx, id).await?.draft.company_name),
        None => None,
    };
    let address = filtered(&f, &filter, filter.status);
    let sorts = ["serial_number", "status", "store_name", "last_heartbeat"];
    let query = address.split_once('?').map_or("", |(_, query)| query);
    page(&ListPage {
        chips: chips(&f, &filter, counts),
        heads: sort_heads(&address, sort.as_str(), order, sorts),
        rows: list.data.into_iter().map(|view| row(&f, view)).collect(),
        pager: Pager::of(&f, &list.meta, list.links),
        has_alerts: either(filter.has_alerts, f.t("list.yes").to_owned(), f.t("list.no").to_owned()),
        lifecycles: choices(&f, "lifecycle", Lifecycle::ALL, filter.lifecycle.as_ref()),
        export: f.url(format!("{PATH}/export.csv?{query}")),
        may_register: f.may(Permission::TerminalWrite),
        customer,
        filter,
        f,
    })
}

/// `GET /terminals/export.csv`
async fn export(State(app): State<App>, Visit { ctx, .. }: Visit, headers: HeaderMap, params: Params) -> Answer {
    let caller = Lasting(ctx, Shown::cookie(&headers)?);
    export_terminals(State(app), caller, params).await
}

/// Returns the address of the list with its filters, but with this status.
fn filtered(f: &Frame, filter: &TerminalFilter, status: Option<Status>) -> String {
    let pairs = [
        ("search", filter.search.clone()),
        ("status", status.map(|status| status.to_string())),
        ("lifecycle", filter.lifecycle.map(|lifecycle| lifecycle.to_string())),
        ("customer_id", filter.customer.map(|id: CustomerId| id.to_string())),
        ("model", filter.model.clone()),
        ("firmware_version", filter.firmware_version.clone()),
        ("store_code", filter.store_code.clone()),
        ("has_alerts", filter.has_alerts.map(|has| has.to_string())),
        ("seen_before", filter.seen_before.map(|at| at.to_string())),
    ];
    let mut address = f.url(PATH);
    for (name, value) in pairs {
        if let Some(value) = value {
            append(&mut address, name, &value);
        }
    }
    address
}

fn chips(f: &Frame, filter: &TerminalFilter, mut counts: StatusCounts) -> Vec<Chip> {
    let unfiltered = filtered(f, filter, None);
    // The counts are those of the whole fleet.
    let is_whole = unfiltered == f.url(PATH);
    let shown = |count| is_whole.then(|| number(count));
    let all = Chip {
        href: unfiltered,
        status: None,
        count: shown(counts.total()),
        is_present: filter.status.is_none(),
    };
    let each = Status::ALL.iter().map(|status| Chip {
        href: filtered(f, filter, Some(*status)),
        status: Some(*status),
        count: shown(*counts.of_mut(*status)),
        is_present: filter.status == Some(*status),
    });
    std::iter::once(all).chain(each).collect()
}

fn row(f: &Frame, view: TerminalView) -> Row {
    let presence = &view.presence;
    let percent = |value: Option<i16>| value.map_or_else(|| "–".to_owned(), |value| format!("{value}"));
    let metrics = presence.metrics;
    let load = [metrics.cpu_percent, metrics.memory_percent, metrics.disk_percent];
    let is_measured = load.iter().any(Option::is_some) && !presence.is_lost;
    Row {
        trouble: trouble(f, &view),
        heard: presence.last_seen.map(|at| (at.to_string(), f.ago(&at))),
        load: if is_measured {
            format!("{} %", load.map(percent).join(" · "))
        } else {
            String::new()
        },
        view,
    }
}

/// Says in a few words why a terminal is not simply online.
fn trouble(f: &Frame, view: &TerminalView) -> String {
    let presence = &view.presence;
    match (presence.link(f.now), presence.device_seen()) {
        (Link::Never, _) => f.t("terminals.no_contact").to_owned(),
        (Link::Lost, _) => {
            let silent = presence.last_seen.map(|last| f.now.since(last)).unwrap_or_default();
            f.t1("terminals.silent", f.span(silent))
        }
        (_, Device::Absent) => f.t("terminals.reader_absent").to_owned(),
        (_, Device::Error(code)) => f.t1("terminals.reader_error", code),
        (Link::Late, _) => f.t("terminals.overdue").to_owned(),
        (Link::Connected, _) => String::new(),
    }
}
