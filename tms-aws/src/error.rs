//! What AWS answers when it refuses, sorted by what a caller can do about it.

use std::error::Error;

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

/// What kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// What was named is not there.
    Missing,
    /// A condition was not met: it is there already.
    Exists,
    /// AWS knows who asks, or can't tell, and refuses.
    Denied,
    /// Too much at a time.
    Throttled,
    /// AWS can't be reached, is too slow, or has a fault of its own.
    Unavailable,
    /// The request is wrong; the same again is refused again.
    Refused,
}

/// What AWS answered, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct AwsFault {
    /// What kind of refusal it is.
    pub kind: FaultKind,
    /// The code and the words of AWS, or what happened on the way.
    pub text: String,
}

impl AwsFault {
    pub(crate) fn new(kind: FaultKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }
}

/// Sorts what a client answered.
pub(crate) fn fault<E>(error: &SdkError<E, HttpResponse>) -> AwsFault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Some(response) = error.raw_response() else {
        return AwsFault::new(FaultKind::Unavailable, chain(error));
    };
    let status = response.status().as_u16();
    let code = error.code().unwrap_or_default();
    let kind = match (code, status) {
        ("NoSuchKey" | "NoSuchUpload" | "NoSuchBucket" | "NotFound" | "ResourceNotFoundException", _) | ("", 404) => {
            FaultKind::Missing
        }
        ("PreconditionFailed" | "ConditionalRequestConflict" | "ResourceAlreadyExistsException", _) | ("", 412) => {
            FaultKind::Exists
        }
        (code, _) if code.contains("Throttl") || code == "SlowDown" || code == "RequestLimitExceeded" => {
            FaultKind::Throttled
        }
        ("", 429) => FaultKind::Throttled,
        (_, 500..) => FaultKind::Unavailable,
        (code, 401 | 403) => match code {
            // The clock of this machine is wrong, which time may mend.
            "RequestTimeTooSkewed" => FaultKind::Unavailable,
            _ => FaultKind::Denied,
        },
        (code, _) if is_credential_fault(code) => FaultKind::Denied,
        _ => FaultKind::Refused,
    };
    let said = match (code, error.message()) {
        ("", None) => format!("status {status}"),
        ("", Some(message)) => message.to_owned(),
        (code, None) => code.to_owned(),
        (code, Some(message)) => format!("{code}: {message}"),
    };
    AwsFault::new(kind, said)
}

fn is_credential_fault(code: &str) -> bool {
    matches!(
        code,
        "AccessDenied"
            | "AccessDeniedException"
            | "ExpiredTokenException"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
            | "AuthorizationError"
    )
}

/// Tells an error with its causes. What is on the way to AWS names hosts at most.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
