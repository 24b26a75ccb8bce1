//! Signing in and out. The store is asked for every request, so that a change of role, a sign-out or a deleted token
//! acts at once on every node.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{
    ACCESS_LIFE, NewSession, RefreshVerdict, SESSION_LIFE, Session, SessionTokens, Shared, User,
    guess::Guesser,
    password::{MAX_LENGTH, PasswordWork},
    shared::as_person,
    user::{MAX_USERNAME, fold_username},
};
use crate::{
    audit::AuditTarget,
    ctx::{Access, Ctx, OperatorIdentity},
    envelope::Envelope,
    error::{Error, Proof, StoreError},
    secret::{Secret, Token, TokenHash, TokenKind},
    time::Timestamp,
};

/// What somebody shows to sign in.
#[derive(Debug, Clone)]
pub struct SignInRequest {
    /// The name, as typed.
    pub username: String,
    /// The password.
    pub password: Secret<String>,
    /// A code of the second factor, or a recovery code.
    pub code: Option<Secret<String>>,
    /// What the device got when somebody signed in from it before.
    pub device: Option<Secret<String>>,
}

impl SignInRequest {
    /// Shows a name and a password only.
    pub fn with_password(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: Secret::new(password.into()),
            code: None,
            device: None,
        }
    }
}

/// The tokens of a sign-in, shown once.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// For requests, [`ACCESS_LIFE`].
    pub access: Token,
    /// For the next pair.
    pub refresh: Token,
    /// For the device to keep, when it has none yet: with it the next sign-in has a budget of guesses of its own.
    pub device: Option<Token>,
    /// Who.
    pub user: User,
    /// Whether the person must set up a second factor before anything else.
    pub must_set_up: bool,
}

/// Sign-in and sign-out.
#[derive(Debug, Clone)]
pub struct Operators {
    pub(super) shared: Arc<Shared>,
}

/// Somebody whose password was right.
pub(super) struct Known {
    pub(super) user: User,
    /// The device, when it is known to them.
    pub(super) device: Option<TokenHash>,
}

impl Known {
    /// Returns whose guesses this one is counted with.
    pub(super) fn guesser(&self) -> Guesser<'_> {
        self.device
            .map_or(Guesser::Unknown(&self.user.username), Guesser::Device)
    }
}

impl Operators {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Tells whether anybody can sign in at all.
    pub async fn has_users(&self) -> Result<bool, Error> {
        Ok(self.shared.stores.users.has_users().await?)
    }

    /// Tells how much work the passwords of this node made so far.
    pub fn password_work(&self) -> PasswordWork {
        self.shared.passwords().work()
    }

    /// Signs a person in.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`] for an unknown name, a wrong password or code and a disabled account alike and after
    /// the same time, [`Error::ProofNeeded`] when the password was right and a code is missing, [`Error::TooMany`]
    /// after ten wrong guesses in half an hour.
    pub async fn sign_in(&self, ctx: &Ctx, request: SignInRequest) -> Result<SignedIn, Error> {
        let outcome = self.let_in(ctx, request).await;
        outcome.inspect_err(|error| note_refusal(ctx, error))
    }

    async fn let_in(&self, ctx: &Ctx, request: SignInRequest) -> Result<SignedIn, Error> {
        let known = self.check_password(ctx, &request).await?;
        if known.user.has_second_factor {
            let code = request.code.as_ref().ok_or(Error::ProofNeeded(Proof::Code))?;
            self.check_code(ctx, &known.user, code).await?;
        }
        let known = self.accept(known).await?;
        self.begin(ctx, known, TokenKind::Access, ACCESS_LIFE).await
    }

    /// Judges name and password; what follows must count as the same guess.
    pub(super) async fn check_password(&self, ctx: &Ctx, request: &SignInRequest) -> Result<Known, Error> {
        let shared = &*self.shared;
        let username = fold_username(&request.username);
        let found = if username.len() <= MAX_USERNAME {
            shared.stores.users.find_by_name(&username).await?
        } else {
            None
        };
        let device = self.known_device(ctx, found.as_ref(), request.device.as_ref()).await?;
        let guesser = device.map_or(Guesser::Unknown(&username), Guesser::Device);
        shared.count_guess(guesser, ctx.now).await?;
        // A password that nobody can have is not hashed for longer than any other, and who is disabled is judged as
        // nobody is: the right password must not be less work than a wrong one.
        let could_be = request.password.expose().len() <= 4 * MAX_LENGTH;
        let checked = found.filter(|user| could_be && !user.profile.is_disabled);
        let is_right = shared.is_password_of(checked.as_ref(), &request.password).await?;
        let user = checked.filter(|_| is_right).ok_or(Error::WrongCredentials)?;
        let user = self.renew_hash(user, &request.password).await?;
        Ok(Known { user, device })
    }

    /// Judges the code of a person whose password was right.
    pub(super) async fn check_code(&self, ctx: &Ctx, user: &User, code: &Secret<String>) -> Result<(), Error> {
        if self.shared.use_code(ctx, user, code.expose()).await? {
            Ok(())
        } else {
            Err(Error::WrongCredentials)
        }
    }

    /// Forgives the guesses of somebody who has shown everything.
    pub(super) async fn accept(&self, known: Known) -> Result<Known, Error> {
        let guesser = known.guesser().key();
        self.shared.stores.guesses.forgive(guesser).await?;
        Ok(known)
    }

    /// Returns the hash of the device when it is known to this person.
    pub(super) async fn known_device(
        &self,
        ctx: &Ctx,
        user: Option<&User>,
        shown: Option<&Secret<String>>,
    ) -> Result<Option<TokenHash>, Error> {
        let hash = shown.and_then(|shown| Token::hash_presented(TokenKind::Device, shown.expose()).ok());
        let (Some(user), Some(hash)) = (user, hash) else {
            return Ok(None);
        };
        let known = self.shared.stores.guesses.find_device(hash).await?;
        Ok(known.filter(|known| known.vouches_for(user.id, ctx.now)).map(|_| hash))
    }

    /// Hashes the password anew if it was hashed at another cost, and returns the person as they are stored then: what
    /// follows goes by the hash. A sign-in does not fail because the new one can't be made or stored.
    async fn renew_hash(&self, user: User, password: &Secret<String>) -> Result<User, Error> {
        let shared = &*self.shared;
        let is_outdated = |phc: &&Secret<String>| shared.passwords().is_outdated(phc);
        let Some(seen) = user.password_hash.as_ref().filter(is_outdated) else {
            return Ok(user);
        };
        let renewed = async {
            let next = shared.passwords().hash(password).await?;
            shared.stores.users.rehash(user.id, seen, &next).await?;
            Ok::<_, Error>(next)
        };
        let next = match renewed.await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(user.id = user.id.get(), error = %error, "a password could not be hashed anew");
                return Ok(user);
            }
        };
        let stored = shared.user(user.id).await?;
        // Somebody may have been first: either another sign-in with this password, or a change to another one.
        if stored.password_hash.as_ref() == Some(&next) || shared.is_password_of(Some(&stored), password).await? {
            Ok(stored)
        } else {
            Err(Error::WrongCredentials)
        }
    }

    pub(super) async fn begin(
        &self,
        ctx: &Ctx,
        Known { user, device }: Known,
        kind: TokenKind,
        life: Duration,
    ) -> Result<SignedIn, Error> {
        let shared = &*self.shared;
        let (tokens, access, refresh) = self.make_tokens(ctx.now, kind, life)?;
        let session = NewSession {
            user: user.id,
            password_hash: user.password_hash.clone(),
            tokens,
            expires_at: ctx.now.plus(SESSION_LIFE),
            address: ctx.origin.address,
            user_agent: ctx.origin.user_agent.clone(),
        };
        let with = Envelope::audited(as_person(ctx, &user, "user.sign_in"));
        match shared.stores.sessions.begin(&session, ctx.now, with).await {
            // While the password was judged it became another one, or the account was disabled.
            Err(StoreError::Missing(_)) => return Err(Error::WrongCredentials),
            begun => begun?,
        };
        let fresh = match device {
            Some(_) => None,
            None => Some(shared.generate(TokenKind::Device)?),
        };
        let device = device.or(fresh.as_ref().map(Token::hash));
        if let Some(device) = device {
            shared.stores.guesses.remember_device(device, user.id, ctx.now).await?;
        }
        Ok(SignedIn {
            access,
            refresh,
            device: fresh,
            must_set_up: shared.must_set_up(&user),
            user,
        })
    }

    /// Returns whom an access token or a personal API token names, read from the store.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when it is unknown or over, or the person is disabled.
    pub async fn authenticate(&self, presented: &str, now: Timestamp) -> Result<OperatorIdentity, Error> {
        if let Ok(hash) = Token::hash_presented(TokenKind::Personal, presented) {
            return self.authenticate_program(hash, now).await;
        }
        let hash = Token::hash_presented(TokenKind::Access, presented).map_err(|_| Error::InvalidToken)?;
        let found = self.shared.stores.sessions.find_by_access(hash).await?;
        let (session, user) = found.ok_or(Error::InvalidToken)?;
        if !session.is_live(now) || now >= session.tokens.access_until {
            return Err(Error::InvalidToken);
        }
        let access = Access::Session {
            id: session.id,
            proven_until: self.shared.proven_until(session.proven_at),
        };
        self.identify(user, access)
    }

    async fn authenticate_program(&self, hash: TokenHash, now: Timestamp) -> Result<OperatorIdentity, Error> {
        let tokens = &self.shared.stores.api_tokens;
        let (token, user) = tokens.find_by_hash(hash).await?.ok_or(Error::InvalidToken)?;
        if now >= token.expires_at || user.profile.is_disabled {
            return Err(Error::InvalidToken);
        }
        if token.is_use_news(now) {
            tokens.note_use(token.id, now).await?;
        }
        let access = Access::ApiToken {
            id: token.id,
            scopes: token.scopes,
        };
        self.identify(user, access)
    }

    pub(super) fn identify(&self, user: User, access: Access) -> Result<OperatorIdentity, Error> {
        if user.profile.is_disabled {
            return Err(Error::InvalidToken);
        }
        Ok(OperatorIdentity {
            user: user.id,
            must_set_up: self.shared.must_set_up(&user),
            role: user.profile.role,
            customer: user.profile.customer,
            username: user.username,
            access,
        })
    }

    /// Exchanges a refresh token for the pair that follows it. Whoever shows it again within [`REFRESH_GRACE`] gets the same
    /// pair; later it ends the session, because one of the two who show it has copied it.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when the token is unknown, over or was used before.
    ///
    /// [`REFRESH_GRACE`]: super::session::REFRESH_GRACE
    pub async fn refresh(&self, ctx: &Ctx, presented: &str) -> Result<SignedIn, Error> {
        let hash = Token::hash_presented(TokenKind::Refresh, presented).map_err(|_| Error::InvalidToken)?;
        let sessions = &self.shared.stores.sessions;
        let (access, refresh) = self.shared.tools.successors.of(presented)?;
        let tokens = SessionTokens {
            access: access.hash(),
            access_until: ctx.now.plus(ACCESS_LIFE),
            refresh: refresh.hash(),
        };
        for _ in 0..5 {
            let (session, user) = sessions.find_by_refresh(hash).await?.ok_or(Error::InvalidToken)?;
            self.check_refresh(ctx, &session, &user, hash).await?;
            // Somebody who showed it a moment ago may have got it already.
            let rotated = if session.tokens.refresh == tokens.refresh {
                Ok(())
            } else {
                let seen = session.tokens.refresh;
                sessions.rotate(session.id, seen, &tokens, ctx.now).await
            };
            match rotated {
                Err(StoreError::Stale(_)) => {}
                outcome => {
                    outcome?;
                    return Ok(SignedIn {
                        access,
                        refresh,
                        device: None,
                        must_set_up: self.shared.must_set_up(&user),
                        user,
                    });
                }
            }
        }
        Err(Error::unavailable("the session is refreshed by too many at once"))
    }

    async fn check_refresh(&self, ctx: &Ctx, session: &Session, user: &User, shown: TokenHash) -> Result<(), Error> {
        match session.judge_refresh(shown, ctx.now) {
            RefreshVerdict::Rotate | RefreshVerdict::Grace if !user.profile.is_disabled => Ok(()),
            RefreshVerdict::Reused => {
                let entry = as_person(ctx, user, "session.refresh_reused");
                let sessions = &self.shared.stores.sessions;
                sessions.revoke(session.id, Envelope::audited(entry)).await?;
                Err(Error::InvalidToken)
            }
            _ => Err(Error::InvalidToken),
        }
    }

    /// Ends the actor's session.
    pub async fn sign_out(&self, ctx: &Ctx) -> Result<(), Error> {
        let (person, session) = ctx.session()?;
        let target = AuditTarget::existing("user", person.user.get());
        let entry = ctx.audit("user.sign_out", target, json!({}));
        let sessions = &self.shared.stores.sessions;
        Ok(sessions.revoke(session, Envelope::audited(entry)).await?)
    }

    /// Returns the actor as stored, and whether they must set up a second factor before anything else.
    pub async fn me(&self, ctx: &Ctx) -> Result<(User, bool), Error> {
        let person = ctx.person()?;
        Ok((self.shared.user(person.user).await?, person.must_set_up))
    }

    fn make_tokens(
        &self,
        now: Timestamp,
        kind: TokenKind,
        life: Duration,
    ) -> Result<(SessionTokens, Token, Token), Error> {
        let access = self.shared.generate(kind)?;
        let refresh = self.shared.generate(TokenKind::Refresh)?;
        let tokens = SessionTokens {
            access: access.hash(),
            access_until: now.plus(life),
            refresh: refresh.hash(),
        };
        Ok((tokens, access, refresh))
    }
}

/// Notes a refused sign-in for the audit trail.
pub(super) fn note_refusal(ctx: &Ctx, error: &Error) {
    let reason = match error {
        Error::WrongCredentials => "wrong credentials",
        Error::TooMany { .. } => "too many wrong guesses",
        _ => return,
    };
    // Not with the name that was typed: some type their password there.
    ctx.refused("user.sign_in", AuditTarget::created("user"), reason);
}
