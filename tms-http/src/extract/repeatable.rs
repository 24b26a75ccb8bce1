//! The `Idempotency-Key` of a request that may be repeated (DECISIONS 8).

use axum::extract::FromRequestParts;
use http::{HeaderName, HeaderValue, Method, Uri, request::Parts};
use sha2::{Digest, Sha256};
use tms_core::{Actor, Ctx, idempotency::IdempotencyKey};

use crate::problem::Problem;

const KEY: &str = "Idempotency-Key";

/// Marks an answer that was given before.
pub(crate) const REPLAYED: (HeaderName, HeaderValue) = (
    HeaderName::from_static("idempotency-replayed"),
    HeaderValue::from_static("true"),
);

/// What makes a request known again; its body is added when it has been read.
pub(crate) struct Repeatable {
    /// As given; what is no ASCII is not a key, and says so.
    keys: Vec<String>,
    method: Method,
    uri: Uri,
}

impl Repeatable {
    /// Puts the key into the context, if there is one. Call it after the permission was checked.
    pub(crate) fn of(self, mut ctx: Ctx, body: &[u8]) -> Result<Ctx, Problem> {
        let caller = match &ctx.actor {
            Actor::Operator(person) => format!("operator:{}", person.user),
            Actor::Agent(agent) => format!("agent:{}", agent.terminal),
            Actor::Anonymous | Actor::System => return Ok(ctx),
        };
        let mut hash = Sha256::new();
        hash.update(self.method.as_str());
        hash.update(b" ");
        hash.update(self.uri.path());
        hash.update(b"?");
        hash.update(self.uri.query().unwrap_or_default());
        hash.update(b"\n");
        hash.update(body);
        ctx.idempotency = match self.keys.as_slice() {
            [] => None,
            [key] => {
                let key = IdempotencyKey::new(caller, key, hash.finalize().into());
                Some(key.map_err(|wrong| Problem::field(KEY, wrong.0))?)
            }
            _ => return Err(Problem::field(KEY, "is given twice")),
        };
        Ok(ctx)
    }
}

impl<S: Sync> FromRequestParts<S> for Repeatable {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let keys = parts.headers.get_all(KEY).iter();
        Ok(Self {
            keys: keys.map(|key| key.to_str().unwrap_or_default().to_owned()).collect(),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
        })
    }
}
