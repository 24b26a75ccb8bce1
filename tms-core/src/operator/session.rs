//! Sign-ins: their tokens, how long they last, and what a copied refresh token betrays.

use std::{net::IpAddr, time::Duration};

use crate::{
    id::{SessionId, UserId},
    secret::{Secret, TokenHash},
    time::Timestamp,
};

/// How long an access token is good.
pub const ACCESS_LIFE: Duration = Duration::from_secs(15 * 60);
/// How long a session lasts at most.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 3_600);
/// How long a refresh token that was just rotated may be shown again.
pub const REFRESH_GRACE: Duration = Duration::from_secs(5);

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

/// A session to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Whose.
    pub user: UserId,
    /// The hash by which their password was judged: once it is another one the session does not begin.
    pub password_hash: Option<Secret<String>>,
    /// Its tokens.
    pub tokens: SessionTokens,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// From where.
    pub address: Option<IpAddr>,
    /// What the client says it is.
    pub user_agent: String,
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
    /// When the person last proved who they are.
    pub proven_at: Timestamp,
    /// From where.
    pub address: Option<IpAddr>,
    /// What the client says it is.
    pub user_agent: String,
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

#[cfg(test)]
mod tests {
    use super::{
        RefreshVerdict::{Grace, Over, Reused, Rotate},
        *,
    };

    #[test]
    fn a_refresh_token_is_judged_by_its_place_and_age() {
        let (hash, at) = (|n| TokenHash([n; 32]), Timestamp::from_secs);
        let session = Session {
            id: SessionId::new(1).unwrap(),
            user: UserId::new(1).unwrap(),
            tokens: SessionTokens {
                access: hash(1),
                access_until: at(900),
                refresh: hash(2),
            },
            previous: Some((hash(3), at(100))),
            expires_at: at(1_000),
            is_revoked: false,
            proven_at: at(0),
            address: None,
            user_agent: String::new(),
            created_at: at(0),
        };
        for (token, secs, verdict) in [
            (2, 100, Rotate),
            (3, 105, Grace),
            (3, 106, Reused),
            (4, 101, Reused),
            (2, 1_000, Over),
            (4, 1_000, Over),
        ] {
            assert_eq!(
                session.judge_refresh(hash(token), at(secs)),
                verdict,
                "{token} at {secs}"
            );
        }
    }
}
