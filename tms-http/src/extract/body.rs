//! A JSON body within its bounds. It is read into memory by the extractor, and into a type by the handler, which has
//! checked the permission by then.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use bytes::Bytes;
use http::{
    HeaderMap,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, de::DeserializeOwned};
use tms_core::error::{BoxError, FieldErrors};

use crate::{
    json::{self, whole::root},
    problem::{Code, Problem},
    state::App,
};

/// The largest body.
pub(crate) const MAX_BODY: usize = 64 * 1_024;
/// The largest body of log lines.
pub(crate) const MAX_LOG_BODY: usize = 256 * 1_024;
/// How much room an announcement alone buys.
const MOST_AT_FIRST: usize = 4_096;

/// A body that claims to be JSON, not read yet.
pub(crate) struct JsonBody<const LIMIT: usize = MAX_BODY>(Bytes);

impl<const LIMIT: usize> JsonBody<LIMIT> {
    /// Returns the bytes as they came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads a body of an operator that has no rules beyond its type.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.begin()?.end(|value, _| Ok(value))
    }

    /// Reads a body of an operator as far as it goes; [`Begun::end`] says all that is wrong with it.
    ///
    /// # Errors
    /// The problem, when nothing of it can be read.
    pub(crate) fn begin<T: DeserializeOwned>(&self) -> Result<Begun<T>, Problem> {
        let (value, faults) = json::whole::read(&self.0)?;
        Ok(Begun { value, faults })
    }

    /// Reads a body of an agent; unknown fields are counted.
    pub(crate) fn read_from_agent<'a, T: Deserialize<'a>>(&'a self, app: &App) -> Result<T, Problem> {
        let (value, ignored) = json::read_from_agent(&self.0)?;
        if ignored > 0 {
            app.meters.ignored_fields.increment(ignored);
        }
        Ok(value)
    }
}

/// A body that was read, with stand-ins for what could not be. Nothing of it is to be done before [`Self::end`].
#[must_use]
pub(crate) struct Begun<T> {
    value: T,
    faults: FieldErrors,
}

impl<T> Begun<T> {
    /// Checks the body. What could not be read is named together with what `check`, which is told of it, finds elsewhere.
    ///
    /// # Errors
    /// The problem that names all that is wrong.
    pub(crate) fn end<U>(self, check: impl FnOnce(T, FieldErrors) -> Result<U, Problem>) -> Result<U, Problem> {
        let Self { value, mut faults } = self;
        let checked = check(value, faults.clone());
        if faults.is_empty() {
            return checked;
        }
        if let Err(problem) = checked {
            // What is said of a stand-in is nothing that the client has sent.
            let roots: Vec<String> = faults.iter().map(|(field, _)| root(field).to_owned()).collect();
            let others = problem.fields().into_iter().flat_map(FieldErrors::iter);
            for (field, messages) in others.filter(|(field, _)| roots.iter().all(|known| known != root(field))) {
                for message in messages {
                    faults.add(field, message);
                }
            }
        }
        Err(Problem::invalid(faults))
    }
}

impl<const LIMIT: usize> FromRequest<App> for JsonBody<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        collect(&parts.headers, body, LIMIT, app.settings.body_timeout)
            .await
            .map(Self)
    }
}

/// Reads a JSON body of at most `limit` bytes that arrives in time.
pub(crate) async fn collect(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, Problem> {
    if !is_json(headers) {
        return Err(Problem::new(Code::MediaType));
    }
    collect_any(headers, body, limit, patience).await
}

/// Reads a body of any type of at most `limit` bytes that arrives in time.
pub(crate) async fn collect_any(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, Problem> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let room = announced.unwrap_or(0).min(MOST_AT_FIRST);
    match tokio::time::timeout(patience, join(Limited::new(body, limit), room)).await {
        Ok(Ok(collected)) => Ok(collected),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Ok(Err(_)) => Err(Problem::malformed("the body broke off")),
        Err(_) => Err(Problem::new(Code::Slow)),
    }
}

/// Copies what comes into one place. A part that is kept as it came keeps the whole buffer into which it was read, so
/// that a client who sends a byte at a time would take eight thousand times what it sends.
async fn join(mut body: Limited<Body>, room: usize) -> Result<Bytes, BoxError> {
    let mut whole = Vec::with_capacity(room);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.into())
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::TooLarge).because(format!("at most {limit} bytes"))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split_once(';').map_or(kind, |(kind, _)| kind);
    kind.trim().eq_ignore_ascii_case("application/json")
}
