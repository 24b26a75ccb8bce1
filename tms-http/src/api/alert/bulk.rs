//! Many alerts answered at once.

use std::collections::BTreeSet;

use axum::{Json, extract::State};
use tms_core::{
    alert::{bulk::AlertSelection, service::AlertAnswer, store::AlertFilter},
    error::FieldErrors,
    id::{AlertId, CustomerId, TerminalId},
    permission::Permission,
    report::Calendar,
};

use crate::{
    api::field::{checked, id, is_wrong, non_empty, span},
    extract::{JsonBody, Repeatable, SignedIn},
    problem::Problem,
    state::App,
    wire::alert as wire,
};

/// `POST /alerts/bulk`
pub(super) async fn answer_alerts(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<Json<wire::AlertBulkDone>, Problem> {
    ctx.require(Permission::AlertWrite)?;
    let ctx = repeatable.of(ctx, body.bytes())?;
    let checked = |request: wire::AlertBulk, faults| {
        let dry_run = request.dry_run;
        check(request, app.calendar(), faults).map(|(selection, answer)| (selection, answer, dry_run))
    };
    let (selection, answer, dry_run) = body.begin()?.end(checked)?;
    let done = app.tms.alerts().answer_many(&ctx, selection, answer, dry_run).await?;
    Ok(Json(wire::AlertBulkDone {
        dry_run,
        matched: done.matched,
        changed: done.changed,
        not_found: done.not_found.into_iter().map(AlertId::get).collect(),
    }))
}

fn check(
    request: wire::AlertBulk,
    calendar: Calendar,
    mut errors: FieldErrors,
) -> Result<(AlertSelection, AlertAnswer), Problem> {
    let answer = AlertAnswer {
        acknowledge: request.action == "acknowledge",
        resolve: request.action == "resolve",
        notes: non_empty(request.resolution_notes),
    };
    if !answer.acknowledge && !answer.resolve {
        errors.add("action", "must be one of acknowledge, resolve");
    }
    if answer.notes.is_some() && answer.acknowledge {
        errors.add("resolution_notes", "go with resolve");
    }
    let selection = match (request.alert_ids, request.filter) {
        (Some(ids), None) if ids.is_empty() => {
            errors.add("alert_ids", "must name an alert");
            None
        }
        (Some(ids), None) => {
            let ids: Option<BTreeSet<_>> = ids
                .into_iter()
                .map(|n| id(&mut errors, "alert_ids", AlertId::new(n)))
                .collect();
            ids.map(AlertSelection::Ids)
        }
        (None, Some(filter)) => Some(AlertSelection::Filter(read_filter(&mut errors, &filter, calendar))),
        // What can't be read was given all the same.
        _ if is_wrong(&errors, "alert_ids") || is_wrong(&errors, "filter") => None,
        _ => {
            errors.add("alert_ids", "either this or filter must be given");
            None
        }
    };
    checked(errors, selection.map(|selection| (selection, answer)))
}

fn read_filter(errors: &mut FieldErrors, filter: &wire::AlertBulkFilter, calendar: Calendar) -> AlertFilter {
    let mut read = AlertFilter::default();
    if let Some(n) = filter.customer_id {
        read.customer = id(errors, "filter.customer_id", CustomerId::new(n));
    }
    if let Some(n) = filter.terminal_id {
        read.terminal = id(errors, "filter.terminal_id", TerminalId::new(n));
    }
    if let Some(severity) = &filter.severity {
        read.severity = errors.take("filter.severity", severity.parse());
    }
    if let Some(cause) = &filter.alert_type {
        read.cause = errors.take("filter.alert_type", cause.parse());
    }
    let from = ("filter.from_date", filter.from_date.as_deref());
    let to = ("filter.to_date", filter.to_date.as_deref());
    (read.from, read.to) = span(errors, calendar, from, to);
    read
}
