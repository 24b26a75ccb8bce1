//! People who sign in, and their sessions.

pub mod guess;
pub mod password;
pub mod service;
pub mod store;

use std::{net::IpAddr, time::Duration};

use crate::{
    id::{CustomerId, Revision, SessionId, UserId},
    permission::Role,
    secret::{Secret, TokenHash},
    time::Timestamp,
};

pub use service::Operators;
pub use store::OperatorStore;

/// How long an access token is good.
pub const ACCESS_LIFE: Duration = Duration::from_secs(15 * 60);
/// How long a session lasts at most.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 3_600);
/// How long a refresh token that was just rotated may be shown again.
pub const REFRESH_GRACE: Duration = Duration::from_secs(5);

/// A person to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The name used to sign in, lower case.
    pub username: String,
    /// The name that others see.
    pub full_name: String,
    /// Where to write.
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
    /// The only customer they see, if bound to one.
    pub customer: Option<CustomerId>,
    /// The password, as a PHC string.
    pub password_hash: Secret<String>,
}

/// A person as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The name used to sign in.
    pub username: String,
    /// The name that others see.
    pub full_name: String,
    /// Where to write.
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
    /// The only customer they see, if bound to one.
    pub customer: Option<CustomerId>,
    /// The password, as a PHC string.
    pub password_hash: Secret<String>,
    /// Whether sign-in is refused.
    pub is_disabled: bool,
    /// When they were added.
    pub created_at: Timestamp,
    /// Counts the changes.
    pub revision: Revision,
}

/// The tokens of a session, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTokens {
    /// The access token.
    pub access: TokenHash,
    /// Until when.
    pub access_until: Timestamp,
    /// The refresh token.
    pub refresh: TokenHash,
}

/// A sign-in as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The present tokens.
    pub tokens: SessionTokens,
    /// The refresh token before, and when it was rotated.
    pub previous: Option<(TokenHash, Timestamp)>,
    /// When the session ends, whatever happens.
    pub expires_at: Timestamp,
    /// Whether it was ended.
    pub is_revoked: bool,
    /// From where.
    pub address: Option<IpAddr>,
    /// When.
    pub created_at: Timestamp,
}

/// What a refresh token means at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshVerdict {
    /// The present one: rotate.
    Rotate,
    /// The one just rotated, within its grace: rotate again without alarm.
    Grace,
    /// One rotated long ago: somebody copied it; end the session.
    Reused,
    /// The session is over.
    Over,
}

impl Session {
    /// Tells whether the session goes on at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.is_revoked && now < self.expires_at
    }

    /// Judges a refresh token that belongs to this session.
    pub fn judge_refresh(&self, presented: TokenHash, now: Timestamp) -> RefreshVerdict {
        if !self.is_live(now) {
            return RefreshVerdict::Over;
        }
        if presented == self.tokens.refresh {
            return RefreshVerdict::Rotate;
        }
        match self.previous {
            Some((previous, at)) if previous == presented && now.since(at) <= REFRESH_GRACE => RefreshVerdict::Grace,
            _ => RefreshVerdict::Reused,
        }
    }
}
