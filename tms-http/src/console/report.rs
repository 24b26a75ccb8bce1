//! Reports: how available terminals were, and what went wrong.

mod summary;

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    Ctx, Error,
    id::CustomerId,
    permission::Permission as P,
    report::{Availability, AvailabilityRequest, Granularity, Share, Times},
};

use super::{
    answer::{Answer, page_as},
    bars::{Bars, percent},
    chart::{self, Axes},
    customer_choice::{chosen, proposed},
    form::Form,
    frame::Frame,
    list::{Choice, Tab, choices},
    visit::Visit,
};
use crate::{
    api::{
        report::{export_availability, named, take_request},
        routes::Routes,
    },
    extract::{Params, SignedIn},
    paging::append,
    state::App,
};

const PATH: &str = "/reports";
/// The most pieces that are shown as bars with a number each; more are drawn as columns over time.
const MOST_BARS: usize = 31;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get(PATH, show)
        .get("/reports/availability.csv", export)
        .merge(summary::routes())
}

/// Returns the pages that reports have.
fn tabs(f: &Frame, present: &str) -> Vec<Tab> {
    [(PATH, "report.availability"), (summary::PATH, "report.summary")]
        .map(|(path, key)| Tab::of(f, path, key, present))
        .into()
}

#[derive(Template)]
#[template(path = "reports.html")]
struct ReportPage {
    f: Arc<Frame>,
    tabs: Vec<Tab>,
    /// What is asked for, as typed.
    form: Form,
    granularities: Vec<Choice>,
    customers: Vec<String>,
    /// None while something is wrong with what is asked for.
    found: Option<Found>,
}

/// What a report says.
struct Found {
    whole: String,
    times: Row,
    bars: Option<Bars>,
    columns: String,
    rows: Vec<Row>,
    /// The key of what the first column has.
    piece: String,
    zone: &'static str,
    export: String,
}

/// A piece of the time, in numbers.
struct Row {
    label: String,
    share: String,
    /// Online, offline, error, maintenance, before the first heartbeat, retired, our own outages.
    times: [String; 7],
}

/// `GET /reports`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    ctx.require(P::ReportRead)?;
    let fields = ["from_date", "to_date", "granularity", "customer"];
    let mut form = Form::of(fields.map(|name| (name, params.peek(name).to_owned())));
    let _ = params.text("customer");
    let request = take_request(&mut params, "from_date", "to_date");
    form.add_all(&std::mem::take(&mut params.errors));
    params.finish()?;
    let customer = chosen(&app, &ctx, &mut form, "customer").await?;
    let wish = Some((request, customer)).filter(|_| !form.is_wrong());
    let found = form.carry_out(&f, wish, |wish| ask(&app, &ctx, wish)).await?;
    let (status, found) = match found {
        Ok(found) => (StatusCode::OK, Some(found)),
        Err(status) => (status, None),
    };
    page_as(
        status,
        &ReportPage {
            tabs: tabs(&f, PATH),
            granularities: choices(&f, "report.by", Granularity::ALL, Some(&request.by)),
            customers: proposed(&app, &ctx).await?,
            found: found.map(|found| Found::of(&f, &found, export_of(&f, &form, customer))),
            form,
            f,
        },
    )
}

async fn ask(
    app: &App,
    ctx: &Ctx,
    (request, customer): (AvailabilityRequest, Option<CustomerId>),
) -> Result<Availability, Error> {
    let found = app.tms.reports().availability(ctx, &request, customer).await;
    found.map_err(|error| named(error, "from_date", "to_date"))
}

/// `GET /reports/availability.csv`
async fn export(State(app): State<App>, Visit { ctx, .. }: Visit, params: Params) -> Answer {
    export_availability(State(app), SignedIn(ctx), params).await
}

/// Returns where the same report can be taken away as a table.
fn export_of(f: &Frame, form: &Form, customer: Option<CustomerId>) -> String {
    let mut address = f.url("/reports/availability.csv");
    for name in ["from_date", "to_date", "granularity"] {
        if let Some(value) = form.text(name) {
            append(&mut address, name, &value);
        }
    }
    if let Some(customer) = customer {
        append(&mut address, "customer_id", &customer.to_string());
    }
    address
}

impl Found {
    fn of(f: &Frame, found: &Availability, export: String) -> Self {
        let has_bars = found.shares.len() <= MOST_BARS;
        Self {
            whole: percent(found.total.availability()),
            times: Row::of(f, f.t("report.all").to_owned(), &found.total),
            bars: has_bars.then(|| Bars::of(&found.shares, found.by)),
            columns: if has_bars { String::new() } else { columns(f, found) },
            // The newest first, as everywhere.
            rows: found.shares.iter().rev().map(|share| Row::of_share(f, share)).collect(),
            piece: f.name("report.piece", found.by),
            zone: found.zone,
            export,
        }
    }
}

impl Row {
    fn of_share(f: &Frame, share: &Share) -> Self {
        // An hour's is that of the API, for people without its T.
        Self::of(f, share.bucket.label.replacen('T', " ", 1), &share.times)
    }

    fn of(f: &Frame, label: String, times: &Times) -> Self {
        let spell = |time: Duration| {
            if time.is_zero() { "–".to_owned() } else { f.span(time) }
        };
        Self {
            label,
            share: percent(times.availability()),
            times: [
                times.online,
                times.offline,
                times.error,
                times.maintenance,
                times.unheard,
                times.retired,
                times.outage,
            ]
            .map(spell),
        }
    }
}

/// Draws many pieces as columns over time.
fn columns(f: &Frame, found: &Availability) -> String {
    let column = |share: &Share| (share.bucket.window, share.times.availability());
    let all: Vec<_> = found.shares.iter().map(column).collect();
    let axes = Axes {
        from: found.window.from,
        to: found.window.to,
        low: 0.0,
        high: 100.0,
        unit: " %",
        zone: f.zone(),
    };
    chart::columns(&axes, &all)
}
