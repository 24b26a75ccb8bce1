//! A session and its person as kept in Redis, before it is encrypted. It lives for less than a second, so another release
//! that spells it otherwise simply reads nothing.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use tms_core::{
    id::{CustomerId, Revision, SessionId, UserId},
    operator::{Profile, Session, SessionTokens, User},
    secret::{Secret, TokenHash},
    time::Timestamp,
};

#[derive(Serialize, Deserialize)]
struct Kept {
    session: i64,
    access: [u8; 32],
    access_until: i64,
    refresh: [u8; 32],
    previous: Option<([u8; 32], i64)>,
    expires_at: i64,
    is_revoked: bool,
    proven_at: i64,
    address: Option<IpAddr>,
    user_agent: String,
    begun_at: i64,
    user: KeptUser,
}

#[derive(Serialize, Deserialize)]
struct KeptUser {
    id: i64,
    username: String,
    full_name: String,
    email: Option<String>,
    role: String,
    customer: Option<i64>,
    is_disabled: bool,
    password_hash: Option<String>,
    has_second_factor: bool,
    created_at: i64,
    revision: i64,
}

pub(super) fn write((session, user): &(Session, User)) -> Vec<u8> {
    let kept = Kept {
        session: session.id.get(),
        access: session.tokens.access.0,
        access_until: session.tokens.access_until.as_micros(),
        refresh: session.tokens.refresh.0,
        previous: session.previous.map(|(hash, at)| (hash.0, at.as_micros())),
        expires_at: session.expires_at.as_micros(),
        is_revoked: session.is_revoked,
        proven_at: session.proven_at.as_micros(),
        address: session.address,
        user_agent: session.user_agent.clone(),
        begun_at: session.created_at.as_micros(),
        user: KeptUser {
            id: user.id.get(),
            username: user.username.clone(),
            full_name: user.profile.full_name.clone(),
            email: user.profile.email.clone(),
            role: user.profile.role.as_str().to_owned(),
            customer: user.profile.customer.map(CustomerId::get),
            is_disabled: user.profile.is_disabled,
            password_hash: user.password_hash.as_ref().map(|hash| hash.expose().clone()),
            has_second_factor: user.has_second_factor,
            created_at: user.created_at.as_micros(),
            revision: user.revision.0,
        },
    };
    serde_json::to_vec(&kept).unwrap_or_default()
}

/// Returns `None` for what no present release has written.
pub(super) fn read(bytes: &[u8]) -> Option<(Session, User)> {
    let kept: Kept = serde_json::from_slice(bytes).ok()?;
    let user = read_user(kept.user)?;
    let session = Session {
        id: SessionId::new(kept.session).ok()?,
        user: user.id,
        tokens: SessionTokens {
            access: TokenHash(kept.access),
            access_until: Timestamp::from_micros(kept.access_until),
            refresh: TokenHash(kept.refresh),
        },
        previous: kept
            .previous
            .map(|(hash, at)| (TokenHash(hash), Timestamp::from_micros(at))),
        expires_at: Timestamp::from_micros(kept.expires_at),
        is_revoked: kept.is_revoked,
        proven_at: Timestamp::from_micros(kept.proven_at),
        address: kept.address,
        user_agent: kept.user_agent,
        created_at: Timestamp::from_micros(kept.begun_at),
    };
    Some((session, user))
}

fn read_user(kept: KeptUser) -> Option<User> {
    Some(User {
        id: UserId::new(kept.id).ok()?,
        username: kept.username,
        profile: Profile {
            full_name: kept.full_name,
            email: kept.email,
            role: kept.role.parse().ok()?,
            customer: kept.customer.map(CustomerId::new).transpose().ok()?,
            is_disabled: kept.is_disabled,
        },
        password_hash: kept.password_hash.map(Secret::new),
        has_second_factor: kept.has_second_factor,
        created_at: Timestamp::from_micros(kept.created_at),
        revision: Revision(kept.revision),
    })
}
