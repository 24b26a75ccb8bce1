//! Alerts.

mod bulk;
mod convert;
pub(crate) mod names;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use tms_core::{
    alert::{Cause, Severity, service::AlertAnswer, store::AlertFilter},
    error::FieldErrors,
    id::AlertId,
    page::Order,
    permission::{Permission, Permission as P},
};

use super::field::{non_empty, spelled, take_span};
use crate::{
    api::routes::Routes,
    extract::{Etag, IfMatch, JsonBody, Params, PathId, SignedIn},
    paging::{Paging, take_order},
    problem::Problem,
    state::App,
    wire::{List, alert as wire},
};
use names::Names;

const PATH: &str = "/alerts";

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/alerts", list_alerts)
        .doc("Lists alerts, the newest first", |d| {
            d.needs(P::AlertRead).query::<wire::AlertQuery>().list::<wire::Alert>()
        })
        .get("/alerts/{id}", get_alert)
        .doc("Returns an alert", |d| {
            d.needs(P::AlertRead).answers::<wire::Alert>().tagged()
        })
        .patch("/alerts/{id}", answer_alert)
        .doc("Acknowledges or resolves an alert", |d| {
            d.needs(P::AlertWrite)
                .may_if_match()
                .body::<wire::AlertPatch>()
                .answers::<wire::AlertPatched>()
                .tagged()
                .more("Neither can be taken back. A resolved alert is final.")
        })
        .post("/alerts/bulk", bulk::answer_alerts)
        .doc("Acknowledges or resolves many alerts at once", |d| {
            d.needs(P::AlertWrite)
                .takes("Idempotency-Key")
                .body::<wire::AlertBulk>()
                .answers::<wire::AlertBulkDone>()
                .more("All in one transaction, with one entry in the audit trail.")
        })
}

/// `GET /alerts`: the newest first, unless asked otherwise.
async fn list_alerts(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    mut params: Params,
) -> Result<Json<List<wire::Alert>>, Problem> {
    let (from, to) = take_span(&mut params, app.calendar(), ["from_date", "to_date"]);
    let filter = AlertFilter {
        ids: None,
        customer: params.value("customer_id"),
        terminal: params.value("terminal_id"),
        is_resolved: params.flag("is_resolved"),
        severity: params.value::<Severity>("severity"),
        cause: params.value::<Cause>("alert_type"),
        from,
        to,
    };
    params.one_of("sort", &["created_at"]);
    let order = take_order(&mut params, Order::Descending);
    let paging = Paging::take(&app, &ctx, PATH, params)?;
    let page = app.tms.alerts().list(&ctx, filter, order, &paging.request).await?;
    let names = Names::of(&app, &ctx, &page.items).await?;
    Ok(Json(
        paging.envelope(&app, page.map(|alert| convert::alert(alert, &names))),
    ))
}

/// `GET /alerts/{id}`
async fn get_alert(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<AlertId>,
) -> Result<Response, Problem> {
    let alert = app.tms.alerts().get(&ctx, id).await?;
    let names = Names::of(&app, &ctx, std::slice::from_ref(&alert)).await?;
    Ok((Etag(alert.revision), Json(convert::alert(alert, &names))).into_response())
}

/// `PATCH /alerts/{id}`
async fn answer_alert(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<AlertId>,
    if_match: IfMatch,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::AlertWrite)?;
    let (seen, answer) = (if_match.wish()?, body.begin()?.end(check)?);
    let alert = app.tms.alerts().answer(&ctx, id, seen, answer).await?;
    let etag = Etag(alert.revision);
    let resolved = alert.resolved;
    let patched = wire::AlertPatched {
        id: alert.id.get(),
        status: alert.state.as_str().into(),
        resolved_at: spelled(resolved.as_ref().map(|resolved| resolved.at)),
        resolved_by: resolved.and_then(|resolved| resolved.by),
    };
    Ok((etag, Json(patched)).into_response())
}

fn check(patch: wire::AlertPatch, mut errors: FieldErrors) -> Result<AlertAnswer, Problem> {
    for (field, wish) in [
        ("is_acknowledged", patch.is_acknowledged),
        ("is_resolved", patch.is_resolved),
    ] {
        if wish == Some(false) {
            errors.add(field, "can't be taken back");
        }
    }
    let answer = AlertAnswer {
        acknowledge: patch.is_acknowledged.unwrap_or(false),
        resolve: patch.is_resolved.unwrap_or(false),
        notes: non_empty(patch.resolution_notes),
    };
    if answer.notes.is_some() && !answer.resolve && !errors.has("is_resolved") {
        errors.add("resolution_notes", "go with is_resolved");
    }
    if errors.is_empty() && !answer.acknowledge && !answer.resolve {
        errors.add("is_acknowledged", "this or is_resolved must be true");
    }
    errors.finish()?;
    Ok(answer)
}
