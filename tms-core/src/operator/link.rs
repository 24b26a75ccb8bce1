//! One-time links with which a person sets a password: the first one, or a new one.

use std::time::Duration;

use serde_json::{Value, json};

use super::users::ShownLink;
use crate::{
    id::UserId,
    idempotency::Remembered,
    secret::{Secret, Token, TokenHash},
    time::Timestamp,
};

/// How long a link is good.
pub const LINK_LIFE: Duration = Duration::from_secs(72 * 3_600);

/// A link as stored; a person has one at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordLink {
    /// Who may set a password with it.
    pub user: UserId,
    /// The hash of its token.
    pub hash: TokenHash,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Returns the address of the console's page that takes a token. The token stands in the fragment, which browsers send to
/// nobody, so that no log on the way keeps it.
pub(super) fn address(public_url: &str, token: &Token) -> Secret<String> {
    let root = public_url.trim_end_matches('/');
    Secret::new(format!("{root}/password-reset#token={}", token.expose()))
}

/// Shows a new link in the audit trail.
pub(super) fn changes(expires_at: Timestamp) -> Value {
    json!({ "expires_at": expires_at.to_string() })
}

/// Notes for who repeats a request until when the link is good that it made, if it made one.
pub(super) fn note(expires_at: Option<Timestamp>) -> Value {
    json!({ "link_expires_at": expires_at.map(Timestamp::as_micros) })
}

/// Returns the link that a request made, without what was shown once.
pub(super) fn recall(known: &Remembered) -> Option<ShownLink> {
    let expires_at = known.answer.get("link_expires_at")?.as_i64()?;
    Some(ShownLink {
        token: None,
        expires_at: Timestamp::from_micros(expires_at),
        address: None,
        mailed_to: None,
    })
}
