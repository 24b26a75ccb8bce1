//! Reports, as JSON and as tables.

mod convert;
mod table;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use tms_core::{
    Ctx, Error,
    error::FieldErrors,
    id::{CustomerId, TerminalId},
    permission::{Permission, Permission as P},
    report::{Availability, AvailabilityRequest, Granularity, Period},
};

use super::field::{TURNED, are_turned, edge};
use crate::{
    api::routes::Routes,
    extract::{Params, PathId, SignedIn},
    problem::Problem,
    state::App,
    wire::report as wire,
};

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/reports/availability", get_availability)
        .doc("Returns how available terminals were", |d| {
            d.needs(P::ReportRead)
                .query::<wire::AvailabilityQuery>()
                .answers::<wire::Availability>()
                .refuses(404)
                .more(AVAILABILITY)
        })
        .get("/reports/availability.csv", export_availability)
        .doc("Returns how available terminals were, as a table", |d| {
            d.needs(P::ReportRead)
                .query::<wire::AvailabilityQuery>()
                .sends_file(
                    "text/csv",
                    "A head, a row for each piece of the time, and one for all of it.",
                    table::availability_example(),
                )
                .refuses(404)
        })
        .get("/reports/summary", get_report_summary)
        .doc("Returns the figures of a time", |d| {
            d.needs(P::ReportRead)
                .query::<wire::SummaryQuery>()
                .answers::<wire::ReportSummary>()
                .refuses(404)
        })
        .get("/reports/summary.csv", export_report_summary)
        .doc("Returns the figures of a time as a table", |d| {
            d.needs(P::ReportRead)
                .query::<wire::SummaryQuery>()
                .sends_file(
                    "text/csv",
                    "A head, a row for all, and one for each type of alert and each customer.",
                    table::summary_example(),
                )
                .refuses(404)
        })
        .get("/terminals/{id}/availability", get_terminal_availability)
        .doc("Returns how available a terminal was", |d| {
            d.needs(P::ReportRead)
                .query::<wire::TerminalAvailabilityQuery>()
                .answers::<wire::Availability>()
                .more(AVAILABILITY)
        })
        .get("/terminals/{id}/availability.csv", export_terminal_availability)
        .doc("Returns how available a terminal was, as a table", |d| {
            d.needs(P::ReportRead)
                .query::<wire::TerminalAvailabilityQuery>()
                .sends_file(
                    "text/csv",
                    "A head, a row for each piece of the time, and one for all of it.",
                    table::availability_example(),
                )
        })
}

const AVAILABILITY: &str = "Reckoned from the recorded changes of status: the time online in percent of the time online, \
    offline and in error. Time before the first heartbeat, in maintenance, in retirement and while the server itself was \
    away is shown, but counts for nothing. An interval is of the customer who had the terminal when it ended.";

/// `GET /reports/availability`
async fn get_availability(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    params: Params,
) -> Result<Json<wire::Availability>, Problem> {
    Ok(Json(availability(&app, &ctx, params).await?.into()))
}

/// `GET /reports/availability.csv`
pub(crate) async fn export_availability(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    params: Params,
) -> Result<Response, Problem> {
    Ok(csv(
        "availability.csv",
        table::availability(&availability(&app, &ctx, params).await?),
    ))
}

async fn availability(app: &App, ctx: &Ctx, mut params: Params) -> Result<Availability, Problem> {
    ctx.require(Permission::ReportRead)?;
    let request = take_request(&mut params, "from_date", "to_date");
    let customer = params.value::<CustomerId>("customer_id");
    params.finish()?;
    let found = app.tms.reports().availability(ctx, &request, customer).await;
    Ok(found.map_err(|error| named(error, "from_date", "to_date"))?)
}

/// `GET /terminals/{id}/availability`
async fn get_terminal_availability(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<TerminalId>,
    params: Params,
) -> Result<Json<wire::Availability>, Problem> {
    Ok(Json(availability_of(&app, &ctx, id, params).await?.into()))
}

/// `GET /terminals/{id}/availability.csv`
async fn export_terminal_availability(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<TerminalId>,
    params: Params,
) -> Result<Response, Problem> {
    let found = availability_of(&app, &ctx, id, params).await?;
    Ok(csv("availability.csv", table::availability(&found)))
}

async fn availability_of(app: &App, ctx: &Ctx, id: TerminalId, mut params: Params) -> Result<Availability, Problem> {
    ctx.require(Permission::ReportRead)?;
    let request = take_request(&mut params, "from", "to");
    params.finish()?;
    Ok(app.tms.reports().availability_of(ctx, id, &request).await?)
}

/// `GET /reports/summary`
async fn get_report_summary(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    params: Params,
) -> Result<Json<wire::ReportSummary>, Problem> {
    Ok(Json(summary(&app, &ctx, params).await?))
}

/// `GET /reports/summary.csv`
pub(crate) async fn export_report_summary(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    params: Params,
) -> Result<Response, Problem> {
    Ok(csv("summary.csv", table::summary(&summary(&app, &ctx, params).await?)))
}

async fn summary(app: &App, ctx: &Ctx, mut params: Params) -> Result<wire::ReportSummary, Problem> {
    ctx.require(Permission::ReportRead)?;
    let period = params.value::<Period>("period");
    let customer = params.value::<CustomerId>("customer_id");
    params.finish()?;
    let period = period.unwrap_or(Period::Week);
    Ok(convert::summary(
        period,
        app.tms.reports().summary(ctx, period, customer).await?,
    ))
}

pub(crate) fn take_request(params: &mut Params, from: &'static str, to: &'static str) -> AvailabilityRequest {
    let mut take = |name| {
        let text = params.text(name)?;
        edge(&mut params.errors, name, &text)
    };
    let (begin, end) = (take(from), take(to));
    if are_turned(begin, end) {
        params.errors.add(to, TURNED);
    }
    AvailabilityRequest {
        from: begin,
        to: end,
        by: params.value("granularity").unwrap_or(Granularity::Day),
    }
}

/// Names the ends of the time as the route does.
pub(crate) fn named(error: Error, from: &str, to: &str) -> Error {
    let Error::Invalid(fields) = error else {
        return error;
    };
    let mut renamed = FieldErrors::default();
    for (field, messages) in fields.iter() {
        let field = match field {
            "from" => from,
            "to" => to,
            other => other,
        };
        for message in messages {
            renamed.add(field, message);
        }
    }
    Error::Invalid(renamed)
}

fn csv(name: &str, text: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, text).into_response()
}
