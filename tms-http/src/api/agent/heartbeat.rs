//! `POST /agent/heartbeat`: the hot path. Its surroundings are done by hand, its body is borrowed, its answer is written
//! without serde; nothing here may cost more than it must.

use std::{fmt::Write, panic::AssertUnwindSafe, time::Instant};

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    request::Parts,
};
use tms_core::{
    Actor, Ctx,
    audit::Refusals,
    ctx::Origin,
    error::FieldErrors,
    heartbeat::{Heartbeat, Metrics, Next, Sequence},
    id::TerminalId,
    limit::Allowance,
    presence::{BootId, Counters, Device, Reported},
    time::Timestamp,
};

use super::{authenticate, check_serial, optional, optional_address, time};
use crate::{
    api::routes::{Described, Route},
    edge::{finish, panicked, served_host},
    extract::body::{MAX_BODY, collect},
    json,
    limit::{refusal, show},
    origin::REQUEST_ID,
    problem::Problem,
    state::{App, Inner},
    wire::agent::{DeviceReport, HeartbeatAnswer, HeartbeatRequest},
};

/// What the route says of itself; it is mounted by hand.
pub(crate) fn described(path: &'static str) -> Described {
    Described {
        route: Route { method: "POST", path },
        handler: "post_heartbeat",
        doc: Some(("Tells that terminal and reader are well", |d| {
            d.agents()
                .takes("X-Terminal-Serial")
                .body::<HeartbeatRequest<'static>>()
                .answers::<HeartbeatAnswer>()
                .more("Answered after it is durable. Send the next one after `next_heartbeat` seconds.")
        })),
    }
}

/// `POST /agent/heartbeat`
pub(crate) async fn post_heartbeat(State(app): State<App>, request: Request) -> Response {
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let id = app.ids.take(&parts.headers);
    let mut allowance = None;
    let work = AssertUnwindSafe(record(&app, &parts, body, &mut allowance))
        .catch_unwind()
        .await;
    let problem = match work {
        Ok(Ok((next, now))) => {
            let mut response = acknowledge(next, now);
            let headers = response.headers_mut();
            headers.insert(REQUEST_ID, id);
            if let Some(allowance) = allowance {
                show(allowance, headers);
            }
            app.meters.heartbeats.increment(1);
            app.meters.heartbeat_seconds.record(begun.elapsed());
            return response;
        }
        Ok(Err(problem)) => problem,
        Err(panic) => panicked(&*panic),
    };
    let mut response = problem.into_response();
    if let Some(allowance) = allowance {
        show(allowance, response.headers_mut());
    }
    let response = finish(&app, &id, response);
    let status = response.status().as_u16().to_string();
    let route = "/api/v1/agent/heartbeat";
    metrics::counter!("tms_http_requests_total", "method" => "POST", "route" => route, "status" => status).increment(1);
    response
}

async fn record(
    app: &Inner,
    parts: &Parts,
    body: Body,
    allowance: &mut Option<Allowance>,
) -> Result<(Next, Timestamp), Problem> {
    let headers = &parts.headers;
    served_host(app, headers, parts.uri.host())?;
    let now = app.tms.now();
    let identity = authenticate(app, headers, now).await?;
    if app.settings.rate_limits {
        let taken = app.limits.agents.take(identity.terminal.get().unsigned_abs(), now);
        *allowance = Some(taken);
        refusal(taken).map_or(Ok(()), Err)?;
    }
    let bytes = collect(headers, body, MAX_BODY, app.settings.body_timeout).await?;
    let (request, ignored) = json::read_from_agent::<HeartbeatRequest<'_>>(&bytes)?;
    if ignored > 0 {
        app.meters.ignored_fields.increment(ignored);
    }
    check_serial(&identity, &request.serial_number)?;
    let beat = check(&request, identity.terminal, now)?;
    // Heartbeats are not audited one by one, so nobody will ask where this one came from.
    let ctx = Ctx {
        actor: Actor::Agent(identity),
        now,
        origin: Origin::default(),
        refusals: Refusals::default(),
        idempotency: None,
    };
    Ok((app.tms.heartbeats().record(&ctx, beat).await?, now))
}

/// Checks every field of a heartbeat.
pub(crate) fn check(
    request: &HeartbeatRequest<'_>,
    terminal: TerminalId,
    now: Timestamp,
) -> Result<Heartbeat, Problem> {
    let errors = &mut FieldErrors::default();
    let agent_time = time(errors, "timestamp", &request.timestamp);
    let device = device(errors, &request.status, request.device.as_ref());
    let metrics = request.metrics.map_or_else(Metrics::default, |m| {
        Metrics::check(m.cpu_usage, m.memory_usage, m.disk_usage, m.temperature, errors)
    });
    let boot = request
        .boot_id
        .as_ref()
        .and_then(|boot| errors.take("boot_id", BootId::parse(boot)));
    let seq = not_negative(errors, "seq", request.seq);
    let reported = Reported {
        firmware_version: optional(errors, "firmware_version", request.firmware_version.as_deref(), 50),
        agent_version: optional(errors, "agent_version", request.agent_version.as_deref(), 50),
        ip_address: optional_address(errors, request.ip_address.as_deref()),
        config_version: not_negative(errors, "config_version", request.config_version),
    };
    let last = request.last_transaction.as_ref();
    let counters = Counters {
        uptime_s: not_negative(errors, "uptime_seconds", request.uptime_seconds),
        last_transaction: last.and_then(|last| time(errors, "last_transaction", last)),
        transaction_count: not_negative(errors, "transaction_count", request.transaction_count),
    };
    if !errors.is_empty() {
        return Err(Problem::invalid(std::mem::take(errors)));
    }
    Ok(Heartbeat {
        terminal,
        received_at: now,
        agent_time: agent_time.unwrap_or(now),
        sequence: boot.zip(seq).map(|(boot, seq)| Sequence { boot, seq }),
        device,
        metrics,
        reported,
        counters,
    })
}

/// Reads the reader's state; `status` stands for it when it is not said more exactly.
fn device(errors: &mut FieldErrors, status: &str, report: Option<&DeviceReport<'_>>) -> Device {
    let stands_for = match status {
        "online" => Device::Ok,
        "error" => Device::Error(0),
        "offline" => Device::Absent,
        _ => {
            errors.add("status", "must be one of online, offline, error");
            Device::Unknown
        }
    };
    let Some(report) = report else {
        return stands_for;
    };
    let Ok(code) = i32::try_from(report.error_code.unwrap_or(0)) else {
        errors.add("device.error_code", "must fit 32 bits");
        return stands_for;
    };
    errors
        .take("device.state", Device::from_parts(&report.state, code))
        .unwrap_or(stands_for)
}

fn not_negative(errors: &mut FieldErrors, field: &str, value: Option<i64>) -> Option<i64> {
    if value.is_some_and(|value| value < 0) {
        errors.add(field, "must not be negative");
    }
    value
}

/// Writes the answer. Numbers and a time need no escape, so no JSON writer is needed.
fn acknowledge(next: Next, now: Timestamp) -> Response {
    let mut text = String::with_capacity(160);
    let _ = write!(
        text,
        r#"{{"status":"acknowledged","server_time":"{now}","next_heartbeat":{},"config_version":{},"commands":[]}}"#,
        next.next_s, next.config_version
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::agent::HeartbeatAnswer;

    #[test]
    fn the_answer_written_by_hand_is_the_one_of_the_contract() {
        let next = Next {
            next_s: 297,
            config_version: 8,
        };
        let response = acknowledge(next, Timestamp::from_secs(1_769_248_805));
        let body = response.into_body().collect_now();
        let answer: HeartbeatAnswer = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer.server_time, "2026-01-24T10:00:05Z");
        assert_eq!((answer.next_heartbeat, answer.config_version), (297, 8));
        assert_eq!((&*answer.status, answer.commands.len()), ("acknowledged", 0));
    }

    trait CollectNow {
        fn collect_now(self) -> bytes::Bytes;
    }

    impl CollectNow for Body {
        fn collect_now(self) -> bytes::Bytes {
            use http_body_util::BodyExt;
            self.collect().now_or_never().unwrap().unwrap().to_bytes()
        }
    }
}
