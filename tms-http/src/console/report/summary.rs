//! What went wrong in a time, most first, and whom it hit.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    id::CustomerId,
    permission::Permission as P,
    report::{
        Period,
        figures::{CustomerFigures, Issue, Summary, mean_resolution},
    },
};

use super::tabs;
use crate::{
    api::{report::export_report_summary, routes::Routes},
    console::{
        answer::{Answer, page_as},
        bars::percent,
        customer_choice::{chosen, proposed},
        form::Form,
        frame::Frame,
        list::{Choice, Tab, choices},
        visit::Visit,
    },
    extract::{Params, SignedIn},
    paging::append,
    state::App,
};

pub(super) const PATH: &str = "/reports/summary";

pub(super) fn routes() -> Routes {
    Routes::default().get(PATH, show).get("/reports/summary.csv", export)
}

#[derive(Template)]
#[template(path = "report_summary.html")]
struct SummaryPage {
    f: Arc<Frame>,
    tabs: Vec<Tab>,
    form: Form,
    periods: Vec<Choice>,
    customers: Vec<String>,
    /// None while something is wrong with what is asked for.
    found: Option<Found>,
}

/// The figures of a time.
struct Found {
    from: String,
    to: String,
    whole: String,
    raised: u64,
    open: u64,
    resolved: u64,
    mean: String,
    issues: Vec<IssueRow>,
    customers: Vec<CustomerRow>,
    export: String,
}

/// The alerts of one cause.
struct IssueRow {
    issue: Issue,
    mean: String,
    /// Where these alerts are listed.
    href: String,
}

/// A customer's figures.
struct CustomerRow {
    figures: CustomerFigures,
    share: String,
}

/// `GET /reports/summary`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, mut params: Params) -> Answer {
    ctx.require(P::ReportRead)?;
    let mut form = Form::of([("customer", params.text("customer").unwrap_or_default())]);
    let period = params.value("period").unwrap_or(Period::Week);
    params.finish()?;
    let customer = chosen(&app, &ctx, &mut form, "customer").await?;
    let (status, found) = if form.is_wrong() {
        (StatusCode::UNPROCESSABLE_ENTITY, None)
    } else {
        let summary = app.tms.reports().summary(&ctx, period, customer).await?;
        (StatusCode::OK, Some(Found::of(&app, &f, summary, period, customer)))
    };
    page_as(
        status,
        &SummaryPage {
            tabs: tabs(&f, PATH),
            periods: choices(&f, "report.period", Period::ALL, Some(&period)),
            customers: proposed(&app, &ctx).await?,
            form,
            found,
            f,
        },
    )
}

/// `GET /reports/summary.csv`
async fn export(State(app): State<App>, Visit { ctx, .. }: Visit, params: Params) -> Answer {
    export_report_summary(State(app), SignedIn(ctx), params).await
}

impl Found {
    fn of(app: &App, f: &Frame, summary: Summary, period: Period, customer: Option<CustomerId>) -> Self {
        let sum = |of: fn(&Issue) -> u64| summary.issues.iter().map(of).sum();
        let mean = |mean: Option<Duration>| mean.map_or_else(|| "–".to_owned(), |mean| f.span(mean));
        let mut export = f.url("/reports/summary.csv");
        append(&mut export, "period", period.as_str());
        if let Some(customer) = customer {
            append(&mut export, "customer_id", &customer.to_string());
        }
        let last = summary.window.to.minus(Duration::from_micros(1));
        let days = [summary.window.from, last].map(|at| app.calendar().date(at).to_string());
        let row = |issue: Issue| IssueRow {
            mean: mean(mean_resolution([&issue])),
            href: alerts_of(f, &issue, &days, customer),
            issue,
        };
        Self {
            from: f.moment(&summary.window.from),
            to: f.moment(&summary.window.to),
            whole: percent(summary.times.availability()),
            raised: sum(|issue| issue.raised),
            open: sum(Issue::open),
            resolved: sum(|issue| issue.resolved),
            mean: mean(mean_resolution(&summary.issues)),
            issues: summary.issues.iter().copied().map(row).collect(),
            customers: summary.customers.into_iter().map(CustomerRow::of).collect(),
            export,
        }
    }
}

impl CustomerRow {
    fn of(figures: CustomerFigures) -> Self {
        Self {
            share: percent(figures.times.availability()),
            figures,
        }
    }
}

/// Returns where the alerts of a cause are listed that were raised on days from one to another.
fn alerts_of(f: &Frame, issue: &Issue, [from, to]: &[String; 2], customer: Option<CustomerId>) -> String {
    let mut address = f.url("/alerts");
    append(&mut address, "state", "all");
    append(&mut address, "alert_type", issue.cause.as_str());
    append(&mut address, "from_date", from);
    append(&mut address, "to_date", to);
    if let Some(customer) = customer {
        append(&mut address, "customer_id", &customer.to_string());
    }
    address
}
