//! Agent tokens: bound to one terminal, hashed at rest, cached with revocation within a second on every node.

pub mod cache;
pub mod service;
pub mod store;

use crate::{
    id::{CustomerId, TerminalId},
    secret::TokenHash,
    text::SerialNumber,
    time::Timestamp,
};

pub use cache::CredentialCache;
pub use service::Credentials;
pub use store::CredentialStore;

/// The agent that a token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentIdentity {
    /// Its terminal.
    pub terminal: TerminalId,
    /// The terminal's customer.
    pub customer: CustomerId,
    /// The terminal's serial number.
    pub serial: SerialNumber,
}

/// A token as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Whom it names.
    pub agent: AgentIdentity,
    /// When it ends, if it was rotated.
    pub valid_until: Option<Timestamp>,
}

impl Credential {
    /// Tells whether the token is still good at `now`.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.valid_until.is_none_or(|until| now < until)
    }
}

/// A token about which caches must forget what they know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Its place in the feed; the feed has no gap that is filled later.
    pub position: i64,
    /// The token.
    pub token: TokenHash,
}
