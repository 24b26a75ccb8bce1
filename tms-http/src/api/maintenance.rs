//! Maintenance times.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tms_core::{
    error::FieldErrors,
    id::{MaintenanceId, TerminalId},
    maintenance::{Maintenance, NewMaintenance},
    permission::{Permission, Permission as P},
    time::Timestamp,
};

use super::field::{checked, created, id, spelled, tagged, time};
use crate::{
    api::routes::Routes,
    extract::{ContentTag, JsonBody, Params, PathId, Repeatable, SignedIn},
    paging::Paging,
    problem::Problem,
    state::App,
    wire::{List, maintenance as wire},
};

const PATH: &str = "/maintenance";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/maintenance", list_maintenance)
        .doc("Lists maintenance times", |d| {
            d.needs(P::TerminalRead)
                .query::<wire::MaintenanceQuery>()
                .list::<wire::Maintenance>()
        })
        .post("/maintenance", plan_maintenance)
        .doc("Plans a maintenance; without `from` it begins at once", |d| {
            d.needs(P::MaintenanceWrite)
                .takes("Idempotency-Key")
                .body::<wire::MaintenanceCreate>()
                .created::<wire::Maintenance>()
                .tagged()
        })
        .get("/maintenance/{id}", get_maintenance)
        .doc("Returns a maintenance time", |d| {
            d.needs(P::TerminalRead).answers::<wire::Maintenance>().tagged()
        })
        .delete("/maintenance/{id}", end_maintenance)
        .doc("Ends a maintenance now", |d| d.needs(P::MaintenanceWrite).empty())
}

/// `GET /maintenance`
async fn list_maintenance(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    mut params: Params,
) -> Result<Json<List<wire::Maintenance>>, Problem> {
    let terminal = params.value("terminal_id");
    let paging = Paging::take(&app, &ctx, PATH, params)?;
    let page = app.tms.maintenance().list(&ctx, terminal, &paging.request).await?;
    Ok(Json(paging.envelope(&app, page.map(Into::into))))
}

/// `GET /maintenance/{id}`
async fn get_maintenance(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<MaintenanceId>,
) -> Result<Response, Problem> {
    tagged(wire::Maintenance::from(app.tms.maintenance().get(&ctx, id).await?))
}

/// `POST /maintenance`
async fn plan_maintenance(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::MaintenanceWrite)?;
    let ctx = repeatable.of(ctx, body.bytes())?;
    let plan = body.begin()?.end(|request, faults| check(request, ctx.now, faults))?;
    let made = app.tms.maintenance().plan(&ctx, plan).await?;
    let made = wire::Maintenance::from(made);
    Ok((ContentTag::of(&made)?, created(&app, PATH, made.id, made)).into_response())
}

/// `DELETE /maintenance/{id}`: ends it now.
async fn end_maintenance(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<MaintenanceId>,
) -> Result<StatusCode, Problem> {
    ctx.require(Permission::MaintenanceWrite)?;
    app.tms.maintenance().end(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check(request: wire::MaintenanceCreate, now: Timestamp, mut errors: FieldErrors) -> Result<NewMaintenance, Problem> {
    let terminal = id(&mut errors, "terminal_id", TerminalId::new(request.terminal_id));
    let from = request.from.and_then(|text| time(&mut errors, "from", &text));
    let until = request.until.and_then(|text| time(&mut errors, "until", &text));
    // A stand-in for what is named as wrong already, so that the rest is looked at too.
    let terminal = terminal.or_else(|| TerminalId::new(1).ok());
    let plan = terminal.map(|terminal| NewMaintenance {
        terminal,
        from: from.unwrap_or(now),
        until,
        reason: request.reason,
    });
    // Planning says the same, and whether there is such a terminal.
    if let Some(plan) = plan.as_ref().filter(|_| !errors.is_empty()) {
        errors.fill(plan.check(now));
    }
    checked(errors, plan)
}

impl From<Maintenance> for wire::Maintenance {
    fn from(maintenance: Maintenance) -> Self {
        let plan = maintenance.plan;
        Self {
            id: maintenance.id.get(),
            terminal_id: plan.terminal.get(),
            from: plan.from.to_string(),
            until: spelled(plan.until),
            reason: plan.reason,
            created_by: maintenance.created_by,
            created_at: maintenance.created_at.to_string(),
        }
    }
}
