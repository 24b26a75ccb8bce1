//! `POST /agent/register`: a code becomes a token.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::IntoResponse,
};
use tms_core::{
    enrolment::service::EnrolmentRequest,
    error::FieldErrors,
    presence::Reported,
    terminal::Host,
    text::{Lines, SerialNumber, clean, mac_address},
};

use super::{optional, optional_address};
use crate::{
    extract::{Anyone, JsonBody},
    problem::Problem,
    router::API,
    state::App,
    wire::agent::{OsInfo, RegisterAnswer, RegisterConfig, RegisterRequest},
};

/// `POST /agent/register`
pub(super) async fn register_agent(
    State(app): State<App>,
    Anyone(ctx): Anyone,
    body: JsonBody,
) -> Result<impl IntoResponse, Problem> {
    let request = check(&body.read_from_agent(&app)?)?;
    let rules = app.tms.settings().rules();
    let welcome = app.tms.enrolment().enrol(&ctx, request, &rules.presence).await?;
    let enrolled = welcome.enrolled;
    let answer = RegisterAnswer {
        terminal_id: enrolled.terminal.get(),
        agent_token: welcome.token.expose().to_owned(),
        heartbeat_interval: enrolled.heartbeat_interval_s,
        server_time: ctx.now.to_string(),
        config: RegisterConfig {
            version: enrolled.config_version,
            log_level: "INFO".into(),
            auto_update: enrolled.auto_update_enabled,
        },
    };
    let location = format!("{}{API}/terminals/{}", app.settings.base_path, enrolled.terminal);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(answer)))
}

fn check(request: &RegisterRequest) -> Result<EnrolmentRequest, Problem> {
    let errors = &mut FieldErrors::default();
    let serial = errors.take("serial_number", SerialNumber::parse(&request.serial_number));
    let model = errors.take("model", clean(&request.model, 1, 50, Lines::One));
    let host = Host {
        mac_address: request
            .mac_address
            .as_deref()
            .filter(|text| !text.is_empty())
            .and_then(|text| errors.take("mac_address", mac_address(text))),
        hostname: optional(errors, "hostname", request.hostname.as_deref(), 255),
        os: optional(
            errors,
            "os_info",
            request.os_info.as_ref().map(one_line).as_deref(),
            200,
        ),
    };
    let reported = Reported {
        firmware_version: optional(errors, "firmware_version", request.firmware_version.as_deref(), 50),
        agent_version: optional(errors, "agent_version", request.agent_version.as_deref(), 50),
        ip_address: optional_address(errors, request.ip_address.as_deref()),
        config_version: None,
    };
    match (serial, model) {
        (Some(serial), Some(model)) if errors.is_empty() => Ok(EnrolmentRequest {
            serial,
            code: request.enrollment_code.clone(),
            model,
            host,
            reported,
        }),
        _ => Err(Problem::invalid(std::mem::take(errors))),
    }
}

fn one_line(os: &OsInfo) -> String {
    let parts = [&os.name, &os.version, &os.build];
    let parts: Vec<&str> = parts.into_iter().filter_map(|part| part.as_deref()).collect();
    parts.join(" ")
}
