//! What can be done on the page of a terminal: begin and end a maintenance, retire it.

use axum::extract::{Path, State};
use http::StatusCode;
use tms_core::{
    Error,
    id::{MaintenanceId, Revision, TerminalId},
    maintenance::NewMaintenance,
};

use super::detail::terminal_page;
use crate::{
    api::routes::Routes,
    console::{
        answer::{Answer, go_saying, page_as},
        flash::Flash,
        form::Form,
        format::read_moment,
        visit::Visit,
    },
    extract::{Params, PathId},
    problem::Problem,
    state::App,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .post("/terminals/{id}/maintenance", begin_maintenance)
        .post("/terminals/{id}/maintenance/{maintenance}/end", end_maintenance)
        .post("/terminals/{id}/retire", retire)
}

/// `POST /terminals/{id}/maintenance`
async fn begin_maintenance(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    PathId(id): PathId<TerminalId>,
    mut form: Form,
) -> Answer {
    let until = form.text("until").map(|text| read_moment(&text, f.zone()));
    if until == Some(None) {
        form.errors.add("until", "must be a date such as 2026-01-24");
    }
    if !form.is_wrong() {
        let plan = NewMaintenance {
            terminal: id,
            from: ctx.now,
            until: until.flatten(),
            reason: form.value("reason").to_owned(),
        };
        match app.tms.maintenance().plan(&ctx, plan).await {
            Ok(_) => {
                let to = f.url(format!("/terminals/{id}"));
                return go_saying(&to, &Flash::good("terminal.maintenance_begun", &[]));
            }
            Err(error) => form.refuse(&f, error)?,
        }
    }
    let page = terminal_page(&app, &ctx, f, id, Params::default(), form).await?;
    page_as(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// `POST /terminals/{id}/maintenance/{maintenance}/end`
async fn end_maintenance(
    State(app): State<App>,
    Visit { ctx, f }: Visit,
    Path((id, maintenance)): Path<(String, String)>,
) -> Answer {
    let id: TerminalId = id.parse().map_err(|_| Problem::not_found())?;
    let maintenance: MaintenanceId = maintenance.parse().map_err(|_| Problem::not_found())?;
    app.tms.maintenance().end(&ctx, maintenance).await?;
    let to = f.url(format!("/terminals/{id}"));
    go_saying(&to, &Flash::good("terminal.maintenance_ended", &[]))
}

/// `POST /terminals/{id}/retire`: only with the box ticked that says it is meant, and for what was seen.
async fn retire(State(app): State<App>, Visit { ctx, f }: Visit, PathId(id): PathId<TerminalId>, form: Form) -> Answer {
    let back = f.url(format!("/terminals/{id}/edit"));
    let seen = form.value("revision").parse().map_or(Revision(0), Revision);
    if !form.is_ticked("confirmed") {
        ctx.require(tms_core::permission::Permission::TerminalWrite)?;
        return go_saying(&back, &Flash::bad("terminal.retire_unconfirmed", &[]));
    }
    let serial = app.tms.terminals().get(&ctx, id).await?.terminal.draft.serial;
    match app.tms.terminals().retire(&ctx, id, seen).await {
        Ok(()) => go_saying(
            &f.url(format!("/terminals/{id}")),
            &Flash::good("terminal.retired", &[&serial]),
        ),
        Err(Error::Stale(_)) => go_saying(&back, &Flash::bad("form.stale", &[])),
        Err(error) => Err(error.into()),
    }
}
