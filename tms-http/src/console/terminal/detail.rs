//! One terminal: why it has its status, what was measured, what happened.

mod history;
mod log;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use tms_core::{
    Ctx,
    alert::store::AlertFilter,
    id::TerminalId,
    maintenance::Maintenance,
    page::{Order, PageRequest},
    permission::Permission,
    presence::Device,
    terminal::{Lifecycle, TerminalView},
    terminal_log::store::LogFilter,
};

use self::{
    history::{Timeline, timeline},
    log::{Logs, logs},
};
use super::{
    series::{SPANS, Series, Span, series},
    why::{Why, why},
};
use crate::{
    api::routes::Routes,
    console::{
        alert_row::{AlertRow, alert_rows},
        answer::{Answer, page_as},
        form::Form,
        frame::Frame,
        visit::Visit,
    },
    extract::{Params, PathId},
    paging::append,
    problem::Problem,
    state::App,
};

/// How many alerts are listed.
const MOST_ALERTS: u32 = 20;

pub(super) fn routes() -> Routes {
    Routes::default().get("/terminals/{id}", show)
}

#[derive(Template)]
#[template(path = "terminal.html")]
pub(super) struct TerminalPage {
    f: Arc<Frame>,
    view: TerminalView,
    why: Why,
    link: &'static str,
    device: String,
    span: &'static str,
    spans: Vec<SpanChip>,
    series: Series,
    timeline: Timeline,
    alerts: Vec<AlertRow>,
    logs: Logs,
    maintenance: Vec<Planned>,
    /// The form by which a maintenance begins.
    form: Form,
    may_edit: bool,
    may_maintain: bool,
}

/// A time that the drawings can reach back, and where a click on it leads.
struct SpanChip {
    name: &'static str,
    href: String,
}

/// A maintenance that has not ended.
struct Planned {
    id: i64,
    from: String,
    until: Option<String>,
    reason: String,
    by: String,
}

/// `GET /terminals/{id}`
async fn show(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<TerminalId>,
    params: Params,
) -> Answer {
    let page = terminal_page(&app, &ctx, f, id, params, Form::default()).await?;
    page_as(http::StatusCode::OK, &page)
}

/// Gathers the page; a form that was refused stands on it again.
pub(super) async fn terminal_page(
    app: &App,
    ctx: &Ctx,
    f: Arc<Frame>,
    id: TerminalId,
    mut params: Params,
    form: Form,
) -> Result<TerminalPage, Problem> {
    let wanted = params.one_of("span", &SPANS.map(|span| span.name)).unwrap_or_default();
    let [usual, ..] = SPANS;
    let span = SPANS.into_iter().find(|span| span.name == wanted).unwrap_or(usual);
    let logs = logs(app, ctx, &f, id, params).await?;
    let view = app.tms.terminals().get(ctx, id).await?;
    let presence = &view.presence;
    let is_retired = view.terminal.lifecycle == Lifecycle::Retired;
    let device = match presence.device_seen() {
        Device::Error(code) if code != 0 => format!("{} ({code})", f.name("device", "error")),
        device => f.name("device", device.name()),
    };
    Ok(TerminalPage {
        why: why(&f, &view, &app.tms.settings().rules().presence),
        link: presence.link(ctx.now).as_str(),
        device,
        span: span.name,
        spans: spans(&f, id, &logs.filter),
        series: series(app, ctx, &f, id, span).await?,
        timeline: timeline(app, ctx, &f, &view).await?,
        alerts: alerts(app, ctx, &f, id).await?,
        logs,
        maintenance: planned(app, ctx, &f, id).await?,
        form,
        may_edit: f.may(Permission::TerminalWrite) && !is_retired,
        may_maintain: f.may(Permission::MaintenanceWrite) && !is_retired,
        view,
        f,
    })
}

/// Offers the times, keeping what the logs are narrowed to.
fn spans(f: &Frame, id: TerminalId, narrowed: &LogFilter) -> Vec<SpanChip> {
    let chip = |span: Span| {
        let mut href = f.url(format!("/terminals/{id}"));
        append(&mut href, "span", span.name);
        for (name, value) in [
            ("level", narrowed.level.map(|level| level.to_string())),
            ("type", narrowed.kind.clone()),
            ("text", narrowed.text.clone()),
        ] {
            if let Some(value) = value {
                append(&mut href, name, &value);
            }
        }
        SpanChip { name: span.name, href }
    };
    SPANS.into_iter().map(chip).collect()
}

async fn alerts(app: &App, ctx: &Ctx, f: &Frame, id: TerminalId) -> Result<Vec<AlertRow>, Problem> {
    let filter = AlertFilter {
        terminal: Some(id),
        ..AlertFilter::default()
    };
    let page = PageRequest::first(MOST_ALERTS);
    let found = app.tms.alerts().list(ctx, filter, Order::Descending, &page).await?;
    alert_rows(app, ctx, f, found.items).await
}

async fn planned(app: &App, ctx: &Ctx, f: &Frame, id: TerminalId) -> Result<Vec<Planned>, Problem> {
    let found = app
        .tms
        .maintenance()
        .list(ctx, Some(id), &PageRequest::first(50))
        .await?;
    let goes_on = |maintenance: &Maintenance| maintenance.plan.until.is_none_or(|until| until > ctx.now);
    let shown = |maintenance: Maintenance| Planned {
        id: maintenance.id.get(),
        from: f.moment(&maintenance.plan.from),
        until: maintenance.plan.until.map(|until| f.moment(&until)),
        reason: maintenance.plan.reason,
        by: maintenance.created_by,
    };
    Ok(found.items.into_iter().filter(goes_on).map(shown).collect())
}
