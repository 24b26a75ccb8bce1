//! One alert: what it says, what has become of it, and what can be said about it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::StatusCode;
use tms_core::{
    Ctx, Error,
    alert::{Alert, AlertState, store::AlertFilter},
    id::AlertId,
    page::{Order, PageRequest},
    permission::Permission as P,
    time::Timestamp,
};

use super::{PATH, read_answer};
use crate::{
    api::routes::Routes,
    console::{
        alert_row::{AlertRow, alert_rows},
        answer::{Answer, go_saying, page_as},
        flash::Flash,
        form::Form,
        frame::Frame,
        visit::Visit,
    },
    extract::PathId,
    state::App,
};

/// How many other alerts of the terminal are shown.
const OTHERS: u32 = 6;

pub(super) fn routes() -> Routes {
    Routes::default().get("/alerts/{id}", show).post("/alerts/{id}", answer)
}

/// Something that happened to an alert.
struct Step {
    at: Timestamp,
    /// The tone of its mark.
    tone: &'static str,
    icon: &'static str,
    text: String,
    notes: Option<String>,
}

#[derive(Template)]
#[template(path = "alert.html")]
struct AlertPage {
    f: Arc<Frame>,
    row: AlertRow,
    steps: Vec<Step>,
    others: Vec<AlertRow>,
    facts: Vec<(String, String)>,
    form: Form,
    may_answer: bool,
}

/// `GET /alerts/{id}`
async fn show(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<AlertId>) -> Answer {
    show_alert(&app, &ctx, f, StatusCode::OK, id, Form::default()).await
}

/// `POST /alerts/{id}`: acknowledges or resolves it.
async fn answer(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<AlertId>,
    mut form: Form,
) -> Answer {
    ctx.require(P::AlertWrite)?;
    let wish = read_answer(&mut form)?;
    if form.is_wrong() {
        return show_alert(&app, &ctx, f, StatusCode::UNPROCESSABLE_ENTITY, id, form).await;
    }
    let key = if wish.resolve {
        "alerts.resolved"
    } else {
        "alerts.acknowledged"
    };
    let Err(error) = app.tms.alerts().answer(&ctx, id, None, wish).await else {
        return go_saying(&f.url(format!("{PATH}/{id}")), &Flash::good(key, &[]));
    };
    let status = match error {
        Error::Conflict(_) => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    form.refuse(&f, error)?;
    show_alert(&app, &ctx, f, status, id, form).await
}

async fn show_alert(app: &App, ctx: &Ctx, f: Arc<Frame>, status: StatusCode, id: AlertId, form: Form) -> Answer {
    let alert = app.tms.alerts().get(ctx, id).await?;
    let mut others = others(app, ctx, &alert).await?;
    others.insert(0, alert);
    let mut rows = alert_rows(app, ctx, &f, others).await?.into_iter();
    let row = rows.next().ok_or_else(|| Error::not_found("alert", id))?;
    page_as(
        status,
        &AlertPage {
            others: rows.collect(),
            steps: steps(&f, &row.alert),
            facts: facts(&f, &row.alert),
            may_answer: f.may(P::AlertWrite) && !row.is_over(),
            form,
            row,
            f,
        },
    )
}

/// Returns the newest other alerts of the same terminal.
async fn others(app: &App, ctx: &Ctx, alert: &Alert) -> Result<Vec<Alert>, Error> {
    if alert.terminal.is_none() {
        return Ok(Vec::new());
    }
    let filter = AlertFilter {
        terminal: alert.terminal,
        ..AlertFilter::default()
    };
    let newest = PageRequest::first(OTHERS + 1);
    let found = app.tms.alerts().list(ctx, filter, Order::Descending, &newest).await?;
    let others = found.items.into_iter().filter(|other| other.id != alert.id);
    Ok(others.take(usize::try_from(OTHERS).unwrap_or(usize::MAX)).collect())
}

/// Tells what has become of an alert, the newest first.
fn steps(f: &Frame, alert: &Alert) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(over) = &alert.resolved {
        steps.push(Step {
            at: over.at,
            tone: "is-online",
            icon: "online",
            text: match &over.by {
                Some(by) => f.t1("alerts.step.resolved_by", by),
                None => f.t("alerts.step.resolved").to_owned(),
            },
            notes: over.notes.clone(),
        });
    }
    if let Some((by, at)) = &alert.acknowledged {
        steps.push(Step {
            at: *at,
            tone: "is-acknowledged",
            icon: "person",
            text: f.t1("alerts.step.acknowledged_by", by),
            notes: None,
        });
    }
    steps.push(Step {
        at: alert.created_at,
        tone: "is-open",
        icon: "error",
        text: match alert.occurrences {
            0 | 1 => f.t("alerts.step.raised").to_owned(),
            times => f.t1("alerts.step.raised_times", times),
        },
        notes: None,
    });
    steps
}

/// Spells the facts from which the alert was raised.
fn facts(f: &Frame, alert: &Alert) -> Vec<(String, String)> {
    let Some(details) = alert.details.as_object() else {
        return Vec::new();
    };
    let told = details.iter().filter(|(_, value)| !value.is_null());
    told.map(|(name, value)| {
        let key = format!("alerts.fact.{name}");
        let known = f.t(&key);
        let name = if known == key { name.clone() } else { known.to_owned() };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = text.parse::<Timestamp>().map_or(text, |at| f.moment(&at));
        (name, text)
    })
    .collect()
}

impl AlertPage {
    /// Tells how long it lasted, or lasts.
    fn lasted(&self) -> String {
        let alert = &self.row.alert;
        let until = alert.resolved.as_ref().map_or(self.f.now, |over| over.at);
        self.f.span(until.since(alert.created_at))
    }

    fn is_open(&self) -> bool {
        self.row.alert.state == AlertState::Open
    }
}
