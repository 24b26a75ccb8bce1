//! One-time links with which a person sets a password: the first one, or a new one.

use std::time::Duration;

use crate::{id::UserId, secret::TokenHash, time::Timestamp};

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
