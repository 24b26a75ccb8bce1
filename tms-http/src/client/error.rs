//! What can go wrong on the way to the server and back.

use std::time::Duration;

use crate::wire::Problem;

/// A request that did not get the answer it was made for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No answer: the server was not reached, went away or took too long. What was asked may have happened.
    #[error("the server did not answer")]
    Transport(#[source] reqwest::Error),
    /// The server said no.
    #[error("the server answered {status}{}", .problem.as_ref().map(|p| format!(": {} {}", p.code, p.message)).unwrap_or_default())]
    Refused {
        /// The status of the answer.
        status: u16,
        /// When to come again, if the server said so.
        retry_after: Option<Duration>,
        /// What the server said; `None` when the answer was not one of TMS.
        problem: Option<Box<Problem>>,
    },
    /// The answer was not what the contract promises.
    #[error("the answer could not be read")]
    Unreadable(#[source] reqwest::Error),
    /// The address of the server or a token can't be used in a request.
    #[error("the request could not be built")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A stream of events ended; it says why. It goes on where it was when it is asked for more.
    #[error("the stream was cut: {0}")]
    Cut(String),
}

impl ClientError {
    /// Returns the status of a refusal.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Tells whether the server wants more proof, or a fresh one: a code at login, else
    /// [`OperatorClient::confirm`](super::OperatorClient::confirm).
    pub fn needs_proof(&self) -> bool {
        matches!(self, Self::Refused { problem: Some(problem), .. } if problem.code == "AUTH_004")
    }

    /// Returns when to come again, if the server said so.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Tells whether the same request may succeed later.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Transport(_) | Self::Cut(_) => true,
            Self::Refused { status, .. } => matches!(*status, 408 | 429 | 500 | 502 | 503 | 504),
            Self::Unreadable(_) | Self::Unusable(_) => false,
        }
    }
}
