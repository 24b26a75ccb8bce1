//! Enrolment codes.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use tms_core::{
    enrolment::{EnrolmentCode, service::CodeRequest},
    error::FieldErrors,
    id::{CustomerId, EnrolmentCodeId},
    permission::{Permission, Permission as P},
    text::SerialNumber,
    time::Timestamp,
};

use super::field::{checked, created, created_before, id, tagged, time};
use crate::{
    api::routes::Routes,
    extract::{ContentTag, JsonBody, Params, PathId, Repeatable, SignedIn},
    paging::Paging,
    problem::Problem,
    state::App,
    wire::{List, enrollment_code as wire},
};

const PATH: &str = "/enrollment-codes";
const USUAL_LIFE_HOURS: u32 = 24;

pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/enrollment-codes", list_enrollment_codes)
        .doc("Lists enrolment codes, the newest first", |d| {
            d.needs(P::EnrolmentRead)
                .query::<wire::EnrollmentCodeQuery>()
                .list::<wire::EnrollmentCode>()
        })
        .post("/enrollment-codes", create_enrollment_code)
        .doc("Makes an enrolment code; this answer alone shows it", |d| {
            d.needs(P::EnrolmentWrite)
                .takes("Idempotency-Key")
                .body::<wire::EnrollmentCodeCreate>()
                .created::<wire::EnrollmentCode>()
                .tagged()
                .refuses(404)
        })
        .get("/enrollment-codes/{id}", get_enrollment_code)
        .doc("Returns an enrolment code without the code itself", |d| {
            d.needs(P::EnrolmentRead).answers::<wire::EnrollmentCode>().tagged()
        })
        .delete("/enrollment-codes/{id}", revoke_enrollment_code)
        .doc("Withdraws an enrolment code", |d| d.needs(P::EnrolmentWrite).empty())
}

/// `GET /enrollment-codes`
async fn list_enrollment_codes(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    mut params: Params,
) -> Result<Json<List<wire::EnrollmentCode>>, Problem> {
    ctx.require(Permission::EnrolmentRead)?;
    let customer = params.value("customer_id");
    let paging = Paging::take(&app, &ctx, PATH, params)?;
    let page = app.tms.enrolment().list_codes(&ctx, customer, &paging.request).await?;
    Ok(Json(paging.envelope(&app, page.map(Into::into))))
}

/// `GET /enrollment-codes/{id}`
async fn get_enrollment_code(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<EnrolmentCodeId>,
) -> Result<Response, Problem> {
    tagged(wire::EnrollmentCode::from(
        app.tms.enrolment().get_code(&ctx, id).await?,
    ))
}

/// `POST /enrollment-codes`: the answer shows the code this once, and null to who repeats the request with its key.
async fn create_enrollment_code(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<Response, Problem> {
    ctx.require(Permission::EnrolmentWrite)?;
    let ctx = repeatable.of(ctx, body.bytes())?;
    let request = body.begin()?.end(|request, faults| check(request, ctx.now, faults))?;
    let (made, text) = app.tms.enrolment().create_code(&ctx, request).await?;
    let (id, made) = (made.id.get(), wire::EnrollmentCode::from(made));
    let tag = ContentTag::of(&made)?;
    let answer = match text {
        None => created_before(&app, PATH, id, made, "code")?,
        Some(text) => {
            let code = Some(text.expose());
            created(&app, PATH, id, wire::EnrollmentCode { code, ..made })
        }
    };
    Ok((tag, answer).into_response())
}

/// `DELETE /enrollment-codes/{id}`
async fn revoke_enrollment_code(
    State(app): State<App>,
    SignedIn(ctx): SignedIn,
    PathId(id): PathId<EnrolmentCodeId>,
) -> Result<StatusCode, Problem> {
    ctx.require(Permission::EnrolmentWrite)?;
    app.tms.enrolment().revoke_code(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check(request: wire::EnrollmentCodeCreate, now: Timestamp, mut errors: FieldErrors) -> Result<CodeRequest, Problem> {
    let customer = id(&mut errors, "customer_id", CustomerId::new(request.customer_id));
    let serial = request.serial_number.filter(|serial| !serial.is_empty());
    let serial = serial.and_then(|serial| errors.take("serial_number", SerialNumber::parse(&serial)));
    let ttl = Duration::from_secs(3_600 * u64::from(request.ttl_hours.unwrap_or(USUAL_LIFE_HOURS)));
    let expires_at = match request.expires_at {
        Some(_) if request.ttl_hours.is_some() => {
            errors.add("ttl_hours", "stands instead of expires_at, not beside it");
            None
        }
        Some(text) => time(&mut errors, "expires_at", &text),
        None => Some(now.plus(ttl)),
    };
    // Stand-ins for what is named as wrong already, so that the rest is looked at too.
    let customer = customer.or_else(|| CustomerId::new(1).ok());
    let usual = now.plus(Duration::from_secs(3_600 * u64::from(USUAL_LIFE_HOURS)));
    let request = customer.map(|customer| CodeRequest {
        customer,
        store_name: request.store_name,
        store_code: request.store_code,
        serial,
        max_uses: request.uses.unwrap_or(1),
        expires_at: expires_at.unwrap_or(usual),
    });
    if let Some(request) = &request {
        errors.fill(request.clone().checked(now));
    }
    checked(errors, request)
}

impl From<EnrolmentCode> for wire::EnrollmentCode {
    fn from(code: EnrolmentCode) -> Self {
        Self {
            id: code.id.get(),
            code: None,
            customer_id: code.customer.get(),
            store_name: code.store_name,
            store_code: code.store_code,
            serial_number: code.serial.map(|serial| serial.as_str().to_owned()),
            uses: code.max_uses,
            used: code.used,
            expires_at: code.expires_at.to_string(),
            is_revoked: code.is_revoked,
            created_by: code.created_by,
            created_at: code.created_at.to_string(),
        }
    }
}
