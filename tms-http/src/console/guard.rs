//! Who may use what a browser has of ours: only our own pages. A browser says from where a request comes; one that
//! changes something and does not say so is refused.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderName, Method,
    header::{HOST, ORIGIN},
};

use crate::problem::{Code, Problem};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where a request comes from, as the browser says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Site {
    Ours,
    Foreign,
    Unsaid,
}

fn site(headers: &HeaderMap) -> Site {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key(FETCH_SITE) {
        return match text(&FETCH_SITE) {
            // `none`: the person typed the address.
            Some("same-origin" | "none") => Site::Ours,
            _ => Site::Foreign,
        };
    }
    if !headers.contains_key(ORIGIN) {
        return Site::Unsaid;
    }
    let origin = text(&ORIGIN).and_then(|origin| origin.split_once("://"));
    match (origin, text(&HOST)) {
        (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host) => Site::Ours,
        _ => Site::Foreign,
    }
}

/// Refuses a cookie that comes along with what another site asks for.
pub(crate) fn check_reading(headers: &HeaderMap) -> Result<(), Problem> {
    match site(headers) {
        Site::Ours | Site::Unsaid => Ok(()),
        Site::Foreign => Err(foreign()),
    }
}

/// Refuses forms of other sites.
pub(super) async fn check_forms(request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe || site(request.headers()) == Site::Ours {
        next.run(request).await
    } else {
        foreign().into_response()
    }
}

fn foreign() -> Problem {
    Problem::new(Code::Forbidden).because("the page is of another site")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn seen(pairs: &[(HeaderName, &'static str)]) -> Site {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("tms.example:8000"));
        for (name, value) in pairs {
            headers.insert(name, HeaderValue::from_static(value));
        }
        site(&headers)
    }

    #[test]
    fn what_the_browser_says_is_taken() {
        assert_eq!(seen(&[]), Site::Unsaid);
        assert_eq!(seen(&[(FETCH_SITE, "same-origin")]), Site::Ours);
        for foreign in ["cross-site", "same-site", "", "x"] {
            assert_eq!(seen(&[(FETCH_SITE, foreign)]), Site::Foreign, "{foreign}");
        }
        assert_eq!(seen(&[(ORIGIN, "https://TMS.example:8000")]), Site::Ours);
        for foreign in [
            "null",
            "https://tms.example",
            "https://evil.example",
            "tms.example:8000",
        ] {
            assert_eq!(seen(&[(ORIGIN, foreign)]), Site::Foreign, "{foreign}");
        }
        let both = [(FETCH_SITE, "cross-site"), (ORIGIN, "https://tms.example:8000")];
        assert_eq!(seen(&both), Site::Foreign, "what can't be forged by a page comes first");
    }
}
