//! The one place that maps what went wrong to a status and the error body of the contract.

use std::{borrow::Cow, error::Error as StdError, sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use tms_core::{
    Error, ErrorClass,
    error::{BoxError, FieldErrors, Proof},
    random::mix,
    time::{Clock, SystemClock, Timestamp},
};

use crate::{origin::REQUEST_ID, wire};

/// The codes of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    WrongCredentials,
    InvalidToken,
    ProofNeeded,
    Forbidden,
    Invalid,
    Conflict,
    NotJson,
    MediaType,
    /// The media type is not the one of a table; the same code as [`Self::MediaType`].
    NotCsv,
    Stale,
    IfMatchMissing,
    NotFound,
    Method,
    TooLarge,
    /// The head of a request is too large; the same code as [`Self::TooLarge`].
    LargeHead,
    /// The address of a request is too long; the same code as [`Self::TooLarge`].
    LongAddress,
    TooMany,
    Internal,
    Unavailable,
    /// The client took too long to send the body; the contract names no code for it.
    Slow,
}

impl Code {
    /// Returns the code, the status and the message.
    const fn parts(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::WrongCredentials => ("AUTH_001", S::UNAUTHORIZED, "Wrong credentials"),
            Self::InvalidToken => ("AUTH_002", S::UNAUTHORIZED, "The token is missing, expired or revoked"),
            Self::ProofNeeded => ("AUTH_004", S::UNAUTHORIZED, "More proof of who you are is needed"),
            Self::Forbidden => ("AUTH_003", S::FORBIDDEN, "Not allowed"),
            Self::Invalid => ("VAL_001", S::UNPROCESSABLE_ENTITY, "Validation failed"),
            Self::Conflict => ("VAL_002", S::CONFLICT, "The present state forbids it"),
            Self::NotJson => ("VAL_003", S::BAD_REQUEST, "The request can't be read"),
            Self::MediaType => (
                "VAL_004",
                S::UNSUPPORTED_MEDIA_TYPE,
                "The body must be application/json",
            ),
            Self::NotCsv => ("VAL_004", S::UNSUPPORTED_MEDIA_TYPE, "The body must be text/csv"),
            Self::Stale => ("PRE_001", S::PRECONDITION_FAILED, "Changed meanwhile: read it again"),
            Self::IfMatchMissing => ("PRE_002", S::PRECONDITION_REQUIRED, "If-Match is required"),
            Self::NotFound => ("RES_001", S::NOT_FOUND, "Not found"),
            Self::Method => ("RES_002", S::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::TooLarge => ("SIZE_001", S::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::LargeHead => (
                "SIZE_001",
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The head of the request is too large",
            ),
            Self::LongAddress => ("SIZE_001", S::URI_TOO_LONG, "The address is too long"),
            Self::TooMany => ("RATE_001", S::TOO_MANY_REQUESTS, "Too many requests"),
            Self::Internal => ("SYS_001", S::INTERNAL_SERVER_ERROR, "Internal error"),
            Self::Unavailable => ("SYS_002", S::SERVICE_UNAVAILABLE, "Temporarily unavailable"),
            Self::Slow => ("VAL_003", S::REQUEST_TIMEOUT, "The request did not arrive in time"),
        }
    }
}

/// What went wrong, before it is known to which request it belongs.
#[derive(Debug)]
pub(crate) struct Problem {
    code: Code,
    details: Option<Cow<'static, str>>,
    fields: FieldErrors,
    retry_after: Option<Duration>,
    proof: Option<Proof>,
    source: Option<BoxError>,
}

impl Problem {
    pub(crate) fn new(code: Code) -> Self {
        Self {
            code,
            details: None,
            fields: FieldErrors::default(),
            retry_after: None,
            proof: None,
            source: None,
        }
    }

    /// Says more to the client.
    pub(crate) fn because(mut self, details: impl Into<Cow<'static, str>>) -> Self {
        self.details = Some(details.into());
        self
    }

    pub(crate) fn malformed(details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotJson).because(details)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    pub(crate) fn invalid(fields: FieldErrors) -> Self {
        let details = match fields.len() {
            1 => "1 field is wrong".to_owned(),
            count => format!("{count} fields are wrong"),
        };
        Self {
            fields,
            ..Self::new(Code::Invalid).because(details)
        }
    }

    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut fields = FieldErrors::default();
        fields.add(field, message);
        Self::invalid(fields)
    }

    pub(crate) fn too_many(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(Code::TooMany)
        }
    }

    pub(crate) fn unavailable(details: &'static str) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(Code::Unavailable).because(details)
        }
    }

    pub(crate) fn internal(source: impl Into<BoxError>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Code::Internal)
        }
    }

    /// Tells whether nobody is signed in, or no longer.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        self.code == Code::InvalidToken
    }

    /// Returns what is missing of the proof of who asks.
    pub(crate) const fn proof(&self) -> Option<Proof> {
        self.proof
    }

    /// Returns the fields that are wrong, if that is the problem.
    pub(crate) fn fields(&self) -> Option<&FieldErrors> {
        (self.code == Code::Invalid).then_some(&self.fields)
    }

    /// Returns what is said beyond the code.
    pub(crate) fn details(&self) -> Option<&str> {
        self.details.as_deref()
    }

    /// Returns the status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.code.parts().1
    }

    /// Returns the code of the contract and what it says to people, where there is no body to put them into.
    pub(crate) fn spelled(&self) -> (String, String) {
        let (code, _, message) = self.code.parts();
        let details = self
            .fields
            .iter()
            .next()
            .map(|(field, messages)| format!("{field} {}", messages.join(", ")));
        let details = details.or_else(|| self.details.as_deref().map(str::to_owned));
        let message = details.map_or_else(|| message.to_owned(), |details| format!("{message}: {details}"));
        (code.to_owned(), message)
    }

    /// Makes the answer to the request named `request_id`, and logs our own faults once.
    pub(crate) fn render(&self, request_id: &str, now: Timestamp) -> Response {
        self.log(request_id);
        let mut response = Response::new(Body::from(self.body(request_id, now)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.retry_after {
            let whole = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(whole.max(1)));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// Makes the answer where no request is known.
    pub(crate) fn into_alone(self) -> Response {
        let now = SystemClock.now();
        let id = alone_id(now);
        let mut response = self.render(&id, now);
        if let Ok(id) = HeaderValue::try_from(id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    /// Makes an id and the body, where no request is known.
    pub(crate) fn render_alone(&self) -> (String, Vec<u8>) {
        let now = SystemClock.now();
        let id = alone_id(now);
        let body = self.body(&id, now);
        (id, body)
    }

    fn body(&self, request_id: &str, now: Timestamp) -> Vec<u8> {
        let (code, _, message) = self.code.parts();
        let fields = self.fields.iter();
        let body = wire::ErrorBody {
            error: wire::Problem {
                code: code.to_owned(),
                message: message.to_owned(),
                details: self.details.as_deref().map(str::to_owned),
                field_errors: fields
                    .map(|(field, messages)| (field.to_owned(), messages.to_vec()))
                    .collect(),
                request_id: request_id.to_owned(),
                timestamp: now.to_string(),
            },
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }

    fn log(&self, request_id: &str) {
        match self.code {
            Code::Internal => {
                tracing::error!(request.id = request_id, error = %chain(self.source.as_deref()), "internal error");
            }
            Code::Unavailable => {
                let details = self.details.as_deref().unwrap_or_default();
                tracing::warn!(
                    request.id = request_id,
                    details,
                    error = %chain(self.source.as_deref()),
                    "temporarily unavailable"
                );
            }
            _ => {}
        }
    }
}

/// Makes an error body to show.
pub(crate) fn sample(code: Code) -> serde_json::Value {
    let problem = match code {
        Code::Invalid => Problem::field("serial_number", "must be 3 to 50 of A-Z, 0-9 and -"),
        other => Problem::new(other),
    };
    let body = problem.body("b1946ac9", Timestamp::from_secs(1_769_248_800));
    serde_json::from_slice(&body).unwrap_or_default()
}

/// Makes an id for an answer to no request in particular.
fn alone_id(now: Timestamp) -> String {
    format!("{:016x}", mix(now.as_micros().unsigned_abs()))
}

/// Spells an error and its sources.
fn chain(error: Option<&(dyn StdError + Send + Sync + 'static)>) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn StdError> = error.map(|error| error as &dyn StdError);
    while let Some(error) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = Self::new(match error.class() {
            ErrorClass::Unauthenticated if matches!(error, Error::WrongCredentials) => Code::WrongCredentials,
            ErrorClass::Unauthenticated => Code::InvalidToken,
            ErrorClass::ProofNeeded => Code::ProofNeeded,
            ErrorClass::Forbidden => Code::Forbidden,
            ErrorClass::NotFound => Code::NotFound,
            ErrorClass::Invalid => Code::Invalid,
            ErrorClass::Conflict => Code::Conflict,
            ErrorClass::Stale => Code::Stale,
            ErrorClass::TooMany => Code::TooMany,
            ErrorClass::Unavailable => Code::Unavailable,
            ErrorClass::Internal => Code::Internal,
        });
        match error {
            Error::Invalid(fields) => Self::invalid(fields),
            Error::TooMany { retry_after } => Self::too_many(retry_after),
            Error::Unavailable { retry_after, source } => Self {
                retry_after: Some(retry_after),
                source,
                ..problem
            },
            Error::Internal(source) => Self {
                source: Some(source),
                ..problem
            },
            Error::WrongCredentials | Error::InvalidToken => problem,
            Error::ProofNeeded(proof) => Self {
                proof: Some(proof),
                ..problem.because(proof.to_string())
            },
            other => problem.because(other.to_string()),
        }
    }
}

/// A problem on its way out; [`crate::edge`] makes it an answer once the request is known.
#[derive(Debug, Clone)]
pub(crate) struct Pending(pub(crate) Arc<Problem>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Pending(Arc::new(self)));
        response
    }
}
