//! What agents call. A token is bound to one terminal; the serial in header or body must be its own.

pub(crate) mod heartbeat;
mod log;
mod register;
mod token;

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, request::Parts};
use tms_core::{
    Actor, Ctx, Error,
    credential::AgentIdentity,
    error::FieldErrors,
    limit::Allowance,
    text::{Lines, SerialNumber, clean},
    time::Timestamp,
};

use crate::{
    api::routes::Routes,
    extract::operator::origin_of,
    limit::{refusal, show},
    origin::{bearer, client_address},
    problem::{Code, Problem},
    state::{App, Inner},
    wire::agent::{LogAnswer, LogBatch, RegisterAnswer, RegisterRequest, RotateAnswer},
};

/// The name of [`SERIAL`] in the document.
const SERIAL_HEADER: &str = "X-Terminal-Serial";
const SERIAL: HeaderName = HeaderName::from_static("x-terminal-serial");

/// The routes of agents but the heartbeat.
pub(crate) fn routes(app: &App) -> Routes {
    let admitted = Routes::default()
        .post("/agent/logs", log::post_logs)
        .doc(
            "Takes 1 to 200 lines of a log, all or nothing; an `event_id` counts once",
            |d| {
                d.agents()
                    .takes(SERIAL_HEADER)
                    .body::<LogBatch<'static>>()
                    .answers::<LogAnswer>()
            },
        )
        .post("/agent/token/rotate", token::rotate_token)
        .doc("Returns a new token; the old one works for ten more minutes", |d| {
            d.agents().takes(SERIAL_HEADER).answers::<RotateAnswer>()
        })
        .surrounded(from_fn_with_state(app.clone(), admit));
    let open = Routes::default()
        .post("/agent/register", register::register_agent)
        .doc("Enrols an agent: a code becomes a token", |d| {
            d.anyone()
                .body::<RegisterRequest>()
                .created::<RegisterAnswer>()
                .refuses(401)
                .more("A wrong, a used and an expired code look alike (401).")
        })
        .surrounded(from_fn_with_state(app.clone(), limit_enrolments));
    admitted.merge(open)
}

/// The context of an agent that was admitted.
struct Agent(Ctx);

impl FromRequestParts<App> for Agent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let identity = parts
            .extensions
            .get::<AgentIdentity>()
            .cloned()
            .ok_or(Error::InvalidToken)?;
        Ok(Self(app.tms.ctx(Actor::Agent(identity), origin_of(parts, app))))
    }
}

/// Lets agents pass that have a token, their own serial and something left of their limit.
async fn admit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let identity = match authenticate(&app, request.headers(), app.tms.now()).await {
        Ok(identity) => identity,
        Err(problem) => return problem.into_response(),
    };
    let key = identity.terminal.get().unsigned_abs();
    let allowance = app.limited(|app, now| app.limits.agents.take(key, now));
    request.extensions_mut().insert(identity);
    limited(allowance, next.run(request)).await
}

/// Lets enrolments pass while their source has something left of its limit.
async fn limit_enrolments(State(app): State<App>, request: Request, next: Next) -> Response {
    let address = client_address(request.headers(), request.extensions(), &app.settings.trusted_proxies);
    let allowance = app.limited(|app, now| app.tms.limits().enrolments.take_from(address, now));
    limited(allowance, next.run(request)).await
}

/// Runs `work` if the allowance permits it, and shows the allowance either way.
pub(crate) async fn limited(allowance: Option<Allowance>, work: impl Future<Output = Response>) -> Response {
    let Some(allowance) = allowance else {
        return work.await;
    };
    let mut response = match refusal(allowance) {
        Some(problem) => problem.into_response(),
        None => work.await,
    };
    show(allowance, response.headers_mut());
    response
}

/// Returns the agent that calls.
async fn authenticate(app: &Inner, headers: &HeaderMap, now: Timestamp) -> Result<AgentIdentity, Problem> {
    let token = bearer(headers).ok_or(Error::InvalidToken)?;
    let identity = app.tms.credentials().authenticate(token, now).await?;
    match headers.get(SERIAL) {
        Some(named) if !named.to_str().is_ok_and(|named| identity.serial.is_spelled(named)) => Err(foreign()),
        _ => Ok(identity),
    }
}

/// Checks that a body speaks of the agent's own terminal.
fn check_serial(identity: &AgentIdentity, named: &str) -> Result<(), Problem> {
    if identity.serial.is_spelled(named) {
        return Ok(());
    }
    match SerialNumber::parse(named) {
        Ok(_) => Err(foreign()),
        Err(wrong) => Err(Problem::field("serial_number", wrong.0)),
    }
}

fn foreign() -> Problem {
    Problem::new(Code::Forbidden).because("the token belongs to another terminal")
}

/// Checks an optional text of one line; an empty one counts as absent.
fn optional(errors: &mut FieldErrors, field: &str, value: Option<&str>, max: usize) -> Option<String> {
    let cleaned = errors.take(field, clean(value?, 0, max, Lines::One))?;
    Some(cleaned).filter(|text| !text.is_empty())
}

/// Checks an optional address; an empty one counts as absent.
fn optional_address(errors: &mut FieldErrors, value: Option<&str>) -> Option<std::net::IpAddr> {
    let text = value.filter(|text| !text.is_empty())?;
    let parsed = text.parse();
    parsed
        .map_err(|_| errors.add("ip_address", "must be an IP address"))
        .ok()
}

/// Checks a time.
fn time(errors: &mut FieldErrors, field: &str, text: &str) -> Option<Timestamp> {
    text.parse()
        .map_err(|e: tms_core::time::InvalidTimestamp| errors.add(field, e.to_string()))
        .ok()
}
