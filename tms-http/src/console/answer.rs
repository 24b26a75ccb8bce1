//! How a page is answered: HTML with a policy that lets nothing in, or a redirect to the next page.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_FRAME_OPTIONS},
};

use super::{flash::Flash, frame::Frame};
use crate::{problem::Problem, settings::StaticUrl};

/// The outcome of a page's handler.
pub(crate) type Answer = Result<Response, Problem>;

/// Answers with a page.
pub(crate) fn page(template: &impl Template) -> Answer {
    page_as(StatusCode::OK, template)
}

/// Answers with a page and a status.
pub(crate) fn page_as(status: StatusCode, template: &impl Template) -> Answer {
    let html = template.render().map_err(Problem::internal)?;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    Ok((status, [(CONTENT_TYPE, kind)], html).into_response())
}

/// Goes on to another page of ours, given with the base path.
pub(crate) fn go(to: &str) -> Answer {
    let to = HeaderValue::try_from(to).map_err(Problem::internal)?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response())
}

/// Goes on to another page of ours, which says what was done.
pub(crate) fn go_saying(to: &str, flash: &Flash) -> Answer {
    let mut response = go(to)?;
    flash.cookie().add_to(response.headers_mut());
    Ok(response)
}

/// Returns where somebody wants to go on: a path of ours, or the dashboard.
pub(crate) fn local(f: &Frame, wanted: &str) -> String {
    let home = f.url("/dashboard");
    let is_path = wanted.starts_with('/') && !wanted.starts_with("//");
    // A browser reads a backslash as a slash and leaves control characters out.
    let is_plain = wanted.len() <= 2_000 && wanted.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let is_ours = wanted
        .strip_prefix(&f.url(""))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if is_path && is_plain && is_ours {
        wanted.to_owned()
    } else {
        home
    }
}

/// Adds what keeps a page from being embedded, from loading what is not ours and from running what it says.
pub(super) fn harden(response: &mut Response, statics: Option<&StaticUrl>) {
    let elsewhere = statics.and_then(StaticUrl::origin);
    let elsewhere = elsewhere.map(|origin| format!(" {origin}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'{elsewhere}; style-src 'self'{elsewhere}; \
         img-src 'self' data:{elsewhere}; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    // With `no-referrer` a browser would also hide from us that a form came from our own page.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
