//! What surrounds every request but the heartbeat: its name, its time limit, its error body, its headers, its count.

use std::{any::Any, panic::AssertUnwindSafe, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, RETRY_AFTER,
        X_CONTENT_TYPE_OPTIONS,
    },
};

use crate::{
    console::Reader,
    limit::Counted,
    origin::{REQUEST_ID, id_text},
    problem::{Code, Pending, Problem},
    state::{App, Inner},
};

/// The name of a request, for those who handle it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) HeaderValue);

/// Runs a request with everything that surrounds it.
pub(crate) async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = app.ids.take(request.headers());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = method_name(request.method());
    request.extensions_mut().insert(RequestId(id.clone()));
    let reader = Reader::of(&app, &mut request);
    let counted = Counted::default();
    request.extensions_mut().insert(counted.clone());
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(app.settings.request_timeout, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => panicked(&*panic).into_response(),
        Err(_) => Problem::unavailable("the request took too long").into_response(),
    };
    let response = match reader {
        Some(reader) => reader.present(&app, &id, response).await,
        None => response,
    };
    let mut response = finish(&app, &id, response);
    counted.show(response.headers_mut());
    let status = response.status().as_u16().to_string();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    metrics::counter!(
        "tms_http_requests_total", "method" => method, "route" => route.to_owned(), "status" => status.clone()
    )
    .increment(1);
    metrics::histogram!("tms_http_request_duration_seconds", "route" => route.to_owned()).record(begun.elapsed());
    tracing::debug!(
        request.id = id_text(&id),
        method,
        route,
        status,
        duration_us = begun.elapsed().as_micros(),
        "request"
    );
    response
}

/// Turns a pending problem into its answer and adds the headers of every answer.
pub(crate) fn finish(app: &Inner, id: &HeaderValue, mut response: Response) -> Response {
    if let Some(Pending(problem)) = response.extensions_mut().remove::<Pending>() {
        let rendered = problem.render(id_text(id), app.tms.now());
        let shown = std::mem::take(response.headers_mut());
        response = rendered;
        for (name, value) in &shown {
            if name != CONTENT_TYPE && name != CONTENT_LENGTH {
                response.headers_mut().insert(name.clone(), value.clone());
            }
        }
    }
    harden(response.headers_mut());
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .entry(RETRY_AFTER)
            .or_insert(HeaderValue::from_static("1"));
    }
    response.headers_mut().insert(REQUEST_ID, id.clone());
    response
}

/// Adds what keeps a browser from doing anything with an answer but reading it.
fn harden(headers: &mut HeaderMap) {
    const FIXED: [(HeaderName, &str); 3] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    for (name, value) in FIXED {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Makes the problem of a handler that panicked.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Problem {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Problem::internal(format!("a handler panicked: {text}"))
}

/// Names a method for a label; a stranger's invention must not make a new one.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Refuses a request that names a host which is not served here.
pub(crate) async fn check_host(State(app): State<App>, request: Request, next: Next) -> Response {
    match served_host(&app, request.headers(), request.uri().host()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Checks the host that a request names against the settings.
pub(crate) fn served_host(app: &Inner, headers: &HeaderMap, authority: Option<&str>) -> Result<(), Problem> {
    let allowed = &app.settings.allowed_hosts;
    if allowed.is_empty() {
        return Ok(());
    }
    let named = authority.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
    let host = bare_host(named.unwrap_or_default());
    let fits = |pattern: &String| match pattern.strip_prefix('.') {
        _ if pattern == "*" => true,
        Some(parent) => {
            host.len() > parent.len() + 1
                && host
                    .get(host.len() - parent.len()..)
                    .is_some_and(|end| end.eq_ignore_ascii_case(parent))
                && host.as_bytes().get(host.len() - parent.len() - 1) == Some(&b'.')
        }
        None => host.eq_ignore_ascii_case(bare_host(pattern)),
    };
    if !host.is_empty() && allowed.iter().any(fits) {
        Ok(())
    } else {
        Err(Problem::malformed("this host is not served here"))
    }
}

/// Cuts the port off a host.
pub(crate) fn bare_host(host: &str) -> &str {
    let host = host.trim_end_matches('.');
    if let Some(end) = host.strip_prefix('[').and_then(|rest| rest.find(']')) {
        return host.get(1..=end).unwrap_or_default();
    }
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => {
            name.trim_end_matches('.')
        }
        _ => host,
    }
}

/// Answers a path that there is not.
pub(crate) async fn unknown_route() -> Problem {
    Problem::not_found().because("there is no such address")
}

/// Answers a method that an address does not have; axum adds `Allow`.
pub(crate) async fn wrong_method() -> Problem {
    Problem::new(Code::Method)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
    use tms_core::{Tms, testkit::MemoryStore};
    use tower::ServiceExt;

    use super::*;
    use crate::{HttpSettings, wire::ErrorBody};

    async fn panic_now() -> Response {
        panic!("a secret in a panic")
    }

    async fn answer(path: &str) -> (StatusCode, ErrorBody) {
        let mut settings = HttpSettings::new("key");
        settings.request_timeout = Duration::from_millis(20);
        let app = App::new(Tms::builder(MemoryStore::new().stores()).build(), settings);
        let router = Router::new()
            .route("/panic", get(panic_now))
            .route("/slow", get(std::future::pending::<Response>))
            .layer(from_fn_with_state(app.clone(), around))
            .with_state(app);
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_panic_and_a_stuck_handler_have_the_error_body() {
        let (status, body) = answer("/panic").await;
        assert_eq!((status.as_u16(), body.error.code.as_str()), (500, "SYS_001"));
        assert_eq!(
            body.error.details, None,
            "what went wrong inside is nobody's business outside"
        );
        let (status, body) = answer("/slow").await;
        assert_eq!((status.as_u16(), body.error.code.as_str()), (503, "SYS_002"));
    }

    #[test]
    fn the_port_is_no_part_of_the_name() {
        for (given, bare) in [
            ("a.b:80", "a.b"),
            ("[::1]:80", "::1"),
            ("a.b.", "a.b"),
            ("a.b.:80", "a.b"),
            ("", ""),
        ] {
            assert_eq!(bare_host(given), bare, "{given}");
        }
    }
}
