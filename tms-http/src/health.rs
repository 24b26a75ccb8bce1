//! Whether this node serves, whether it can, and what it has done.

use std::{net::IpAddr, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{
    HeaderMap, HeaderValue, StatusCode, Uri,
    header::{CONTENT_TYPE, HOST},
};
use serde::Serialize;
use subtle::ConstantTimeEq;
use tms_core::{
    Error,
    upkeep::{Health, SchemaState},
};

use crate::{edge::bare_host, origin::bearer, problem::Problem, settings::Aid, state::App};

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// The routes that are not part of the API.
pub(crate) fn routes(app: &App) -> Router<App> {
    let routes = Router::new()
        .route("/health", get(get_health))
        .route("/health/", get(get_health))
        .route("/health/ready", get(get_readiness));
    if app.settings.metrics.is_some() {
        routes.route("/metrics", get(get_metrics))
    } else {
        routes
    }
}

/// `GET /health/`: whether to send requests here.
async fn get_health(State(app): State<App>) -> Response {
    if app.settings.draining.has_begun() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining").into_response()
    } else {
        (StatusCode::OK, "healthy").into_response()
    }
}

/// What a node depends on.
#[derive(Debug, Serialize)]
struct Readiness {
    status: &'static str,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Serialize)]
struct Dependency {
    name: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

/// `GET /health/ready`: each dependency; 503 when one is away.
async fn get_readiness(State(app): State<App>) -> Response {
    let problems = match tokio::time::timeout(PATIENCE, app.tms.stores().upkeep.health()).await {
        Ok(Ok(health)) => obstacles(health, app.tms.can_write()),
        Ok(Err(_)) => vec!["the store can't be reached".to_owned()],
        Err(_) => vec!["the store does not answer".to_owned()],
    };
    let is_draining = app.settings.draining.has_begun();
    let is_away = !problems.is_empty();
    let is_ready = !is_away && !is_draining;
    let mut dependencies = vec![Dependency {
        name: "store",
        status: if is_away { "away" } else { "ok" },
        problems,
    }];
    if !is_away {
        dependencies.extend(notifications(&app).await);
    }
    dependencies.extend(app.settings.aids.iter().map(aid));
    let body = Readiness {
        status: match (is_draining, is_ready) {
            (true, _) => "draining",
            (false, true) => "ready",
            (false, false) => "unready",
        },
        dependencies,
    };
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body)).into_response()
}

fn aid(aid: &Aid) -> Dependency {
    let problem = (aid.problem)();
    Dependency {
        name: aid.name,
        status: if problem.is_none() { "ok" } else { "away" },
        problems: problem.into_iter().collect(),
    }
}

/// Says whether people are told of alerts. A node is no less ready when they are not: another would fare no better.
async fn notifications(app: &App) -> Option<Dependency> {
    let counted = tokio::time::timeout(PATIENCE, app.tms.notifications().count_failing()).await;
    let (all, failing) = counted.ok()?.ok()?;
    let problem = || format!("{failing} of {all} channels failed the last time");
    Some(Dependency {
        name: "notifications",
        status: if failing == 0 { "ok" } else { "failing" },
        problems: (failing > 0).then(problem).into_iter().collect(),
    })
}

/// Says what keeps a store that answers from being used.
fn obstacles(health: Health, can_write: bool) -> Vec<String> {
    let mut obstacles = health.hazards;
    if !can_write {
        obstacles.push("the store takes no changes; the log says why".to_owned());
    }
    if health.schema == SchemaState::Older {
        obstacles.push("migrations are missing".to_owned());
    }
    obstacles
}

/// Tells whether a request was made on this machine: a proxy beside the server says for whom it asks, or for which host.
fn is_direct(headers: &HeaderMap, authority: Option<&str>) -> bool {
    const PASSED_ON: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
    let named = authority.or_else(|| headers.get(HOST).map(|host| host.to_str().unwrap_or("?")));
    let is_here = |host: &str| {
        let host = bare_host(host);
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    named.is_none_or(is_here) && PASSED_ON.iter().all(|name| !headers.contains_key(*name))
}

/// `GET /metrics`: with a token to whoever shows it, without one to this machine only.
async fn get_metrics(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    match &app.settings.metrics_token {
        Some(token) => {
            let presented = bearer(&headers).unwrap_or_default();
            if !bool::from(presented.as_bytes().ct_eq(token.as_bytes())) {
                return Err(Error::InvalidToken.into());
            }
        }
        None if !is_direct(&headers, uri.host()) => return Err(Problem::not_found()),
        None => {}
    }
    let Some(render) = &app.settings.metrics else {
        return Err(Problem::not_found());
    };
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(CONTENT_TYPE, kind)], render()).into_response())
}
