//! The pages of alerts: all of them, with answers to many at once.

mod one;

use std::{collections::BTreeSet, sync::Arc};

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    Ctx,
    alert::{AlertState, Cause, Severity, bulk::AlertSelection, service::AlertAnswer, store::AlertFilter},
    id::{AlertId, CustomerId, TerminalId},
    page::Order,
    permission::Permission as P,
    report::Calendar,
};

use super::{
    alert_row::{AlertRow, alert_rows},
    answer::{Answer, go_saying, local, page_as},
    flash::Flash,
    form::Form,
    frame::Frame,
    list::{Choice, Pager, choices},
    visit::Visit,
};
use crate::{
    api::{field::span, routes::Routes},
    extract::Params,
    paging::{Paging, append},
    problem::Problem,
    state::App,
};

const PATH: &str = "/alerts";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get(PATH, list_alerts)
        .post(PATH, answer_many)
        .merge(one::routes())
}

/// What the reader has chosen.
#[derive(Debug, Default)]
struct Chosen {
    is_resolved: Option<bool>,
    severity: Option<Severity>,
    cause: Option<Cause>,
    from_date: String,
    to_date: String,
    terminal: Option<TerminalId>,
    customer: Option<CustomerId>,
}

/// A choice that a click makes.
struct Chip {
    href: String,
    text: String,
    is_present: bool,
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsPage {
    f: Arc<Frame>,
    rows: Vec<AlertRow>,
    pager: Pager,
    severities: Vec<Choice>,
    causes: Vec<Choice>,
    chosen: Chosen,
    chips: Vec<Chip>,
    /// Whose alerts these are, when they are of one terminal or customer.
    of: Option<String>,
    /// What was typed about those that are ticked.
    form: Form,
    /// The address of the list, to which an answer leads back.
    here: String,
    may_answer: bool,
}

/// `GET /alerts`: what is not resolved, unless asked otherwise.
async fn list_alerts(State(app): State<App>, Visit { ctx, f }: Visit, params: Params) -> Answer {
    let here = f.here();
    let shown = show_list(&app, &ctx, f, params, Form::default(), here).await?;
    page_as(StatusCode::OK, &shown)
}

/// Shows the list that `params` ask for, with what was typed about those that are ticked.
async fn show_list(
    app: &App,
    ctx: &Ctx,
    f: Arc<Frame>,
    mut params: Params,
    form: Form,
    here: String,
) -> Result<AlertsPage, Problem> {
    let chosen = take(&mut params);
    let filter = filter(&mut params, &chosen, app.calendar());
    let paging = Paging::take_of_page(app, ctx, PATH, params)?;
    let alerts = app.tms.alerts();
    let found = alerts.list(ctx, filter, Order::Descending, &paging.request).await?;
    let list = paging.envelope(app, found);
    Ok(AlertsPage {
        rows: alert_rows(app, ctx, &f, list.data).await?,
        pager: Pager::of(&f, &list.meta, list.links),
        severities: choices(&f, "severity", Severity::ALL, chosen.severity.as_ref()),
        causes: choices(&f, "alert.title", Cause::ALL, chosen.cause.as_ref()),
        chips: chips(&f, &chosen),
        may_answer: f.may(P::AlertWrite),
        of: whose(app, ctx, &chosen).await?,
        chosen,
        form,
        here,
        f,
    })
}

/// Names the terminal or customer whose alerts are asked for.
async fn whose(app: &App, ctx: &Ctx, chosen: &Chosen) -> Result<Option<String>, Problem> {
    Ok(match (chosen.terminal, chosen.customer) {
        (Some(id), _) => {
            let view = app.tms.terminals().get(ctx, id).await?;
            Some(view.terminal.draft.serial.to_string())
        }
        (None, Some(id)) => Some(app.tms.customers().get(ctx, id).await?.draft.company_name),
        (None, None) => None,
    })
}

/// `POST /alerts`: acknowledges or resolves those that are ticked, or shows the list again with what was typed.
async fn answer_many(State(app): State<App>, Visit { ctx, f }: Visit, mut form: Form) -> Answer {
    ctx.require(P::AlertWrite)?;
    let back = local(&f, form.value("back"));
    let answer = read_answer(&mut form)?;
    let key = if answer.resolve {
        "alerts.resolved_many"
    } else {
        "alerts.acknowledged_many"
    };
    let ids: BTreeSet<AlertId> = form.all("ids").filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() {
        form.fault = Some(f.t("alerts.none_chosen").to_owned());
    }
    if !form.is_wrong() {
        let alerts = app.tms.alerts();
        match alerts.answer_many(&ctx, AlertSelection::Ids(ids), answer, false).await {
            Ok(done) => return go_saying(&back, &Flash::good(key, &[&done.changed])),
            Err(error) => form.refuse(&f, error)?,
        }
    }
    if form.fault.is_none() {
        form.fault = Some(f.t1("alerts.not_answered", form.all_errors(&f).join(" ")));
    }
    let list = back.strip_prefix(&f.url(PATH)).unwrap_or_default();
    let params = Params::of_query(list.strip_prefix('?').unwrap_or_default())?;
    let shown = show_list(&app, &ctx, f, params, form, back).await?;
    page_as(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}

/// Reads what somebody says about alerts; notes that would be kept nowhere are named as wrong.
fn read_answer(form: &mut Form) -> Result<AlertAnswer, Problem> {
    let answer = AlertAnswer {
        acknowledge: form.value("act") == "acknowledge",
        resolve: form.value("act") == "resolve",
        notes: form.text("notes"),
    };
    if !answer.acknowledge && !answer.resolve {
        return Err(Problem::field("act", "must be one of acknowledge, resolve"));
    }
    if answer.acknowledge && answer.notes.is_some() {
        form.errors
            .add("resolution_notes", "a note is kept only with a resolution");
    }
    Ok(answer)
}

fn take(params: &mut Params) -> Chosen {
    let state = params.one_of("state", &["unresolved", "resolved", "all"]);
    Chosen {
        is_resolved: match state.as_deref() {
            Some("resolved") => Some(true),
            Some("all") => None,
            _ => Some(false),
        },
        severity: params.value("severity"),
        cause: params.value("alert_type"),
        terminal: params.value("terminal_id"),
        customer: params.value("customer_id"),
        from_date: params.text("from_date").unwrap_or_default(),
        to_date: params.text("to_date").unwrap_or_default(),
    }
}

fn filter<'c>(params: &mut Params, chosen: &'c Chosen, calendar: Calendar) -> AlertFilter {
    let end = |text: &'static str, chosen: &'c str| (text, Some(chosen).filter(|chosen| !chosen.is_empty()));
    let (begin, last) = (end("from_date", &chosen.from_date), end("to_date", &chosen.to_date));
    let (from, to) = span(&mut params.errors, calendar, begin, last);
    AlertFilter {
        ids: None,
        customer: chosen.customer,
        terminal: chosen.terminal,
        is_resolved: chosen.is_resolved,
        severity: chosen.severity,
        cause: chosen.cause,
        from,
        to,
    }
}

fn chips(f: &Frame, chosen: &Chosen) -> Vec<Chip> {
    let states = [("unresolved", Some(false)), ("resolved", Some(true)), ("all", None)];
    let chip = |(name, is_resolved): (&str, Option<bool>)| Chip {
        href: chosen.address(f, name),
        text: f.name("alerts.show", name),
        is_present: chosen.is_resolved == is_resolved,
    };
    states.map(chip).into()
}

impl Chosen {
    /// Returns the address of the list with what is chosen, but with another state.
    fn address(&self, f: &Frame, state: &str) -> String {
        let mut address = f.url(PATH);
        append(&mut address, "state", state);
        for (name, value) in [
            ("severity", self.severity.map(|severity| severity.to_string())),
            ("alert_type", self.cause.map(|cause| cause.to_string())),
            ("terminal_id", self.terminal.map(|id| id.to_string())),
            ("customer_id", self.customer.map(|id| id.to_string())),
            ("from_date", Some(self.from_date.clone())),
            ("to_date", Some(self.to_date.clone())),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                append(&mut address, name, &value);
            }
        }
        address
    }

    /// Returns the state as the address names it.
    fn state(&self) -> &'static str {
        match self.is_resolved {
            Some(false) => "unresolved",
            Some(true) => "resolved",
            None => "all",
        }
    }
}
