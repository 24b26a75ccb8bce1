//! Signing in and out. The store is asked for every request, so that a change of role or a sign-out acts at once.

use std::sync::Arc;

use serde_json::json;

use super::{
    ACCESS_LIFE, NewUser, OperatorStore, RefreshVerdict, SESSION_LIFE, SessionTokens, User, guess::GuessLimit,
    password::Passwords, store::NewSession,
};
use crate::{
    audit::{AuditEntry, AuditTarget},
    ctx::{Actor, Ctx, OperatorIdentity},
    envelope::Envelope,
    error::{Error, FieldErrors, StoreError},
    permission::{Permission, Role},
    random::RandomSource,
    secret::{Secret, Token, TokenKind},
    text::{Lines, clean},
    time::Timestamp,
};

/// A person to add, as asked for.
#[derive(Debug, Clone)]
pub struct UserRequest {
    /// The name used to sign in: 3 to 50 of `a-z 0-9 . _ -`.
    pub username: String,
    /// The name that others see.
    pub full_name: String,
    /// Where to write.
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
    /// The first password.
    pub password: Secret<String>,
}

/// The tokens of a sign-in, shown once.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// For requests, [`ACCESS_LIFE`].
    pub access: Token,
    /// For the next pair.
    pub refresh: Token,
    /// Who.
    pub user: User,
}

/// People who sign in.
#[derive(Debug, Clone)]
pub struct Operators {
    store: Arc<dyn OperatorStore>,
    passwords: Passwords,
    random: Arc<dyn RandomSource>,
    guesses: Arc<GuessLimit>,
}

impl Operators {
    pub(crate) fn new(store: Arc<dyn OperatorStore>, passwords: Passwords, random: Arc<dyn RandomSource>) -> Self {
        Self {
            store,
            passwords,
            random,
            guesses: Arc::default(),
        }
    }

    /// Adds a person.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields, [`Error::Conflict`] when the name is taken.
    pub async fn create(&self, ctx: &Ctx, request: UserRequest) -> Result<User, Error> {
        ctx.require(Permission::UserWrite)?;
        let username = request.username.trim().to_ascii_lowercase();
        let mut errors = FieldErrors::default();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        if !(3..=50).contains(&username.len()) || !username.bytes().all(allowed) {
            errors.add("username", "must be 3 to 50 of a-z, 0-9, '.', '_' and '-'");
        }
        let full_name = errors
            .take("full_name", clean(&request.full_name, 0, 100, Lines::One))
            .unwrap_or_default();
        let email = request.email.map(|email| clean(&email, 3, 254, Lines::One)).transpose();
        let email = errors.take("email", email).flatten();
        if email.as_ref().is_some_and(|email| !email.contains('@')) {
            errors.add("email", "must be an e-mail address");
        }
        errors.finish()?;
        Passwords::check(request.password.expose(), &username)?;
        let password_hash = self.passwords.hash(&request.password).await?;
        let user = NewUser {
            username,
            full_name,
            email,
            role: request.role,
            customer: None,
            password_hash,
        };
        let changes = json!({ "username": { "after": user.username }, "role": { "after": user.role.as_str() } });
        let entry = ctx.audit("user.create", AuditTarget::created("user"), changes);
        Ok(self.store.insert(&user, ctx.now, Envelope::audited(entry)).await?)
    }

    /// Tells whether anybody can sign in at all.
    pub async fn has_users(&self) -> Result<bool, Error> {
        Ok(self.store.has_users().await?)
    }

    /// Signs a person in.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`] for an unknown name, a wrong password and a disabled account alike and after the
    /// same time, [`Error::TooMany`] after ten wrong guesses in half an hour.
    pub async fn sign_in(&self, ctx: &Ctx, username: &str, password: &Secret<String>) -> Result<SignedIn, Error> {
        let username = username.trim().to_ascii_lowercase();
        if username.len() > 50 || password.expose().len() > 4 * super::password::MAX_LENGTH {
            return Err(Error::WrongCredentials);
        }
        self.guesses.begin(&username, ctx.now)?;
        let user = self.store.find_by_name(&username).await?;
        let is_right = self
            .passwords
            .verify(password, user.as_ref().map(|user| &user.password_hash))
            .await?;
        let user = user
            .filter(|user| is_right && !user.is_disabled)
            .ok_or(Error::WrongCredentials)?;
        self.guesses.succeeded(&username);
        let (tokens, access, refresh) = self.make_tokens(ctx.now)?;
        let session = NewSession {
            user: user.id,
            tokens,
            expires_at: ctx.now.plus(SESSION_LIFE),
            address: ctx.origin.address,
        };
        let entry = as_person(ctx, &user, "user.sign_in");
        self.store
            .begin_session(&session, ctx.now, Envelope::audited(entry))
            .await?;
        Ok(SignedIn { access, refresh, user })
    }

    /// Returns whom an access token names, read from the store.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when it is unknown or over, or the person is disabled.
    pub async fn authenticate(&self, presented: &str, now: Timestamp) -> Result<OperatorIdentity, Error> {
        let hash = Token::hash_presented(TokenKind::Access, presented).map_err(|_| Error::InvalidToken)?;
        let (session, user) = self.store.find_by_access(hash).await?.ok_or(Error::InvalidToken)?;
        let is_good = session.is_live(now) && now < session.tokens.access_until && !user.is_disabled;
        if !is_good {
            return Err(Error::InvalidToken);
        }
        let User {
            id,
            username,
            role,
            customer,
            ..
        } = user;
        Ok(OperatorIdentity {
            user: id,
            username,
            role,
            session: session.id,
            customer,
        })
    }

    /// Exchanges a refresh token for a new pair. A token that was exchanged before ends the session.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when the token is unknown, over or was used before.
    pub async fn refresh(&self, ctx: &Ctx, presented: &str) -> Result<SignedIn, Error> {
        let hash = Token::hash_presented(TokenKind::Refresh, presented).map_err(|_| Error::InvalidToken)?;
        for _ in 0..5 {
            let (session, user) = self.store.find_by_refresh(hash).await?.ok_or(Error::InvalidToken)?;
            match session.judge_refresh(hash, ctx.now) {
                RefreshVerdict::Rotate | RefreshVerdict::Grace if !user.is_disabled => {}
                RefreshVerdict::Reused => {
                    let entry = as_person(ctx, &user, "session.refresh_reused");
                    self.store.revoke_session(session.id, Envelope::audited(entry)).await?;
                    return Err(Error::InvalidToken);
                }
                _ => return Err(Error::InvalidToken),
            }
            let (tokens, access, refresh) = self.make_tokens(ctx.now)?;
            match self
                .store
                .rotate_session(session.id, session.tokens.refresh, &tokens, ctx.now)
                .await
            {
                Err(StoreError::Stale(_)) => {}
                outcome => {
                    outcome?;
                    return Ok(SignedIn { access, refresh, user });
                }
            }
        }
        Err(Error::unavailable("the session is refreshed by too many at once"))
    }

    /// Ends the actor's session.
    pub async fn sign_out(&self, ctx: &Ctx) -> Result<(), Error> {
        let Actor::Operator(person) = &ctx.actor else {
            return Err(Error::InvalidToken);
        };
        let entry = ctx.audit(
            "user.sign_out",
            AuditTarget::existing("user", person.user.get()),
            json!({}),
        );
        Ok(self
            .store
            .revoke_session(person.session, Envelope::audited(entry))
            .await?)
    }

    /// Returns the actor as stored.
    pub async fn me(&self, ctx: &Ctx) -> Result<User, Error> {
        let Actor::Operator(person) = &ctx.actor else {
            return Err(Error::InvalidToken);
        };
        self.store
            .find_by_name(&person.username)
            .await?
            .ok_or(Error::InvalidToken)
    }

    fn make_tokens(&self, now: Timestamp) -> Result<(SessionTokens, Token, Token), Error> {
        let access = Token::generate(TokenKind::Access, &*self.random)?;
        let refresh = Token::generate(TokenKind::Refresh, &*self.random)?;
        let access_until = now.plus(ACCESS_LIFE);
        Ok((
            SessionTokens {
                access: access.hash(),
                access_until,
                refresh: refresh.hash(),
            },
            access,
            refresh,
        ))
    }
}

/// Makes the entry of somebody who is not signed in yet, or no longer.
fn as_person(ctx: &Ctx, user: &User, action: &'static str) -> AuditEntry {
    let mut entry = ctx.audit(action, AuditTarget::existing("user", user.id.get()), json!({}));
    entry.actor.clone_from(&user.username);
    entry.role = Some(user.role);
    entry
}
