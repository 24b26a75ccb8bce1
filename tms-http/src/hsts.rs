//! `Strict-Transport-Security` (RFC 6797): what browsers are told about how to reach this host.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, header::STRICT_TRANSPORT_SECURITY};

use crate::{origin::came_over_tls, state::App};

/// Returns what the header says. Without subdomains: what else is below the name is none of our business.
pub(crate) fn value(keep: Duration) -> HeaderValue {
    let text = format!("max-age={}", keep.as_secs());
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("max-age=0"))
}

/// Adds the header to an answer over TLS. Over plain HTTP it must not be said, as anybody on the way could say it too.
pub(crate) async fn tell(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_safe = came_over_tls(request.headers(), request.extensions(), &app.settings.trusted_proxies);
    let mut response = next.run(request).await;
    if let Some(keep) = app.settings.hsts.filter(|_| is_safe) {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, value(keep));
    }
    response
}
