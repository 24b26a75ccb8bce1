//! A body of comma-separated values. Its text is made of bytes by the handler, which has checked the permission by then.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;

use super::body::collect_any;
use crate::{
    problem::{Code, Problem},
    state::App,
};

/// The largest list.
pub(crate) const MAX_CSV_BODY: usize = 1_024 * 1_024;

/// A body that claims to be `text/csv`.
pub(crate) struct CsvBody {
    /// As they came.
    pub(crate) bytes: Bytes,
    /// The `charset` of the type, if it has one.
    pub(crate) charset: Option<String>,
}

impl FromRequest<App> for CsvBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let (kind, parameters) = kind.map_or(("", ""), |kind| kind.split_once(';').unwrap_or((kind, "")));
        if !kind.trim().eq_ignore_ascii_case("text/csv") {
            return Err(Problem::new(Code::NotCsv));
        }
        let charset = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let is_charset = name.trim().eq_ignore_ascii_case("charset");
            is_charset.then(|| value.trim().trim_matches('"').to_owned())
        });
        let bytes = collect_any(&parts.headers, body, MAX_CSV_BODY, app.settings.body_timeout).await?;
        Ok(Self { bytes, charset })
    }
}
