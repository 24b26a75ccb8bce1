//! Terminals: their list, one of them, and what people change.

pub(crate) mod columns;
pub(super) mod convert;
mod history;
pub(crate) mod transfer;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tms_core::{
    id::TerminalId,
    page::Order,
    permission::{Permission, Permission as P},
    presence::Status,
    report::Calendar,
    terminal::{
        Lifecycle, TerminalView,
        store::{TerminalFilter, TerminalSort},
    },
    time::Timestamp,
};

use super::field::{created, edge};
use crate::{
    api::routes::Routes,
    extract::{Etag, IfMatch, JsonBody, Params, PathId, Repeatable, SignedIn},
    paging::{Paging, take_order},
    problem::Problem,
    state::App,
    wire::{List, terminal as wire},
};

const PATH: &str = "/terminals";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/terminals", list_terminals)
        .doc("Lists terminals", |d| {
            d.needs(P::TerminalRead)
                .query::<wire::TerminalQuery>()
                .list::<wire::Terminal>()
        })
        .post("/terminals", create_terminal)
        .doc("Adds a terminal before its agent enrols", |d| {
            d.needs(P::TerminalWrite)
                .takes("Idempotency-Key")
                .body::<wire::TerminalCreate>()
                .created::<wire::Terminal>()
                .tagged()
                .refuses(404)
        })
        .get("/terminals/{id}", get_terminal)
        .doc("Returns a terminal", |d| {
            d.needs(P::TerminalRead).answers::<wire::Terminal>().tagged()
        })
        .patch("/terminals/{id}", update_terminal)
        .doc("Changes a terminal", |d| {
            d.needs(P::TerminalWrite)
                .if_match()
                .body::<wire::TerminalPatch>()
                .answers::<wire::Terminal>()
                .tagged()
        })
        .delete("/terminals/{id}", retire_terminal)
        .doc("Retires a terminal; its history stays", |d| {
            d.needs(P::TerminalWrite).if_match().empty()
        })
        .post("/terminals/import", transfer::import_terminals)
        .doc("Makes and changes terminals from a list", |d| {
            d.needs(P::TerminalWrite)
                .takes("Idempotency-Key")
                .query::<wire::TerminalImportQuery>()
                .accepts("text/csv")
                .answers::<wire::TerminalsImported>()
                .more("UTF-8 or Shift_JIS, a head of columns as the export has it. All rows or none; `field_errors` names \
                       rows by their number.")
        })
        .get("/terminals/export.csv", transfer::export_terminals)
        .doc("Returns the list of terminals as a table", |d| {
            d.needs(P::TerminalRead)
                .query::<wire::TerminalQuery>()
                .without_pages()
                .limits::<crate::openapi::names::TerminalExportSort>("sort", "serial_number, status, store_name.")
                .sends_file(
                    "text/csv",
                    "A head and a row for each terminal, in UTF-8. It breaks off when the sign-in of its reader ends.",
                    columns::example(),
                )
        })
        .merge(history::routes())
}

/// `GET /terminals`
async fn list_terminals(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    mut params: Params,
) -> Result<Json<List<wire::Terminal>>, Problem> {
    let filter = take_filter(&mut params, app.calendar());
    let sort = params.value("sort").unwrap_or(TerminalSort::SerialNumber);
    let order = take_order(&mut params, Order::Ascending);
    let paging = Paging::take(&app, &ctx, PATH, params)?;
    let page = app
        .tms
        .terminals()
        .list(&ctx, filter, sort, order, &paging.request)
        .await?;
    let page = page.map(|view| convert::terminal(view, ctx.now));
    Ok(Json(paging.envelope(&app, page)))
}

/// Takes what a list of terminals is filtered by.
pub(crate) fn take_filter(params: &mut Params, calendar: Calendar) -> TerminalFilter {
    let seen_before = params.text("seen_before");
    let seen_before = seen_before.and_then(|text| edge(&mut params.errors, "seen_before", &text));
    TerminalFilter {
        customer: params.value("customer_id"),
        status: params.value::<Status>("status"),
        lifecycle: params.value::<Lifecycle>("lifecycle"),
        model: params.text("model"),
        firmware_version: params.text("firmware_version"),
        store_code: params.text("store_code"),
        search: params.text("search"),
        seen_before: seen_before.map(|edge| edge.begin(calendar)),
        has_alerts: params.flag("has_alerts"),
        with_retired: false,
    }
}

/// `GET /terminals/{id}`
async fn get_terminal(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<TerminalId>,
) -> Result<Response, Problem> {
    Ok(show(app.tms.terminals().get(&ctx, id).await?, ctx.now))
}

/// `POST /terminals`
async fn create_terminal(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::TerminalWrite)?;
    let ctx = repeatable.of(ctx, body.bytes())?;
    let usual = app.tms.settings().rules().presence.default_interval_s;
    let draft = body
        .begin()?
        .end(|request, faults| convert::draft(request, usual, faults))?;
    let made = app.tms.terminals().create(&ctx, draft).await?;
    let (id, etag) = (made.terminal.id.get(), Etag(made.terminal.revision));
    Ok((etag, created(&app, PATH, id, convert::terminal(made, ctx.now))).into_response())
}

/// `PATCH /terminals/{id}`
async fn update_terminal(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<TerminalId>,
    if_match: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::TerminalWrite)?;
    let (if_match, patch) = (if_match.required()?, body.begin()?);
    let present = app.tms.terminals().get(&ctx, id).await?.terminal;
    let seen = if_match.check(present.revision)?;
    let draft = patch.end(|patch, faults| convert::patched(present.draft, patch, faults))?;
    Ok(show(app.tms.terminals().update(&ctx, id, seen, draft).await?, ctx.now))
}

/// `DELETE /terminals/{id}`: retires it; its history stays.
async fn retire_terminal(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<TerminalId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    ctx.require(Permission::TerminalWrite)?;
    let if_match = if_match.required()?;
    let seen = if_match.check(app.tms.terminals().get(&ctx, id).await?.terminal.revision)?;
    app.tms.terminals().retire(&ctx, id, seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn show(view: TerminalView, now: Timestamp) -> Response {
    (Etag(view.terminal.revision), Json(convert::terminal(view, now))).into_response()
}
