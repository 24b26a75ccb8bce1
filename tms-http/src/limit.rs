//! Limits per client as the contract shows them.

use std::sync::{Arc, OnceLock};

use http::{HeaderMap, HeaderName, HeaderValue};
use tms_core::limit::{Allowance, Limiter};

use crate::problem::Problem;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Shows the allowance to the client.
pub(crate) fn show(allowance: Allowance, headers: &mut HeaderMap) {
    headers.insert(LIMIT, HeaderValue::from(allowance.limit));
    headers.insert(REMAINING, HeaderValue::from(allowance.remaining));
    headers.insert(RESET, HeaderValue::from(allowance.reset_s));
}

/// Returns the problem of a client that has nothing left.
pub(crate) fn refusal(allowance: Allowance) -> Option<Problem> {
    allowance.retry_after.map(Problem::too_many)
}

/// Carries the allowance of a request from where it is counted to where its answer leaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted(Arc<OnceLock<Allowance>>);

impl Counted {
    /// Notes the allowance, and refuses a client that has nothing left.
    pub(crate) fn note(&self, allowance: Allowance) -> Result<(), Problem> {
        let _ = self.0.set(allowance);
        refusal(allowance).map_or(Ok(()), Err)
    }

    /// Shows what was noted.
    pub(crate) fn show(&self, headers: &mut HeaderMap) {
        if let Some(allowance) = self.0.get() {
            show(*allowance, headers);
        }
    }
}

/// The limits that a node counts alone: agents speak to one node at a time.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Calls of one agent.
    pub(crate) agents: Limiter,
}

impl Limits {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            agents: Limiter::new(seed, 30, 500),
        }
    }
}
