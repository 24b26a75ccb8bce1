//! What people do with their own account: prove again who they are, change the password, watch and end their sessions.

use std::sync::Arc;

use serde_json::json;

use super::{
    Session, Shared,
    guess::Guesser,
    password::{MAX_LENGTH, Passwords},
    shared::as_person,
};
use crate::{
    audit::AuditTarget,
    ctx::Ctx,
    envelope::Envelope,
    error::{Error, FieldErrors},
    id::SessionId,
    page::{Page, PageRequest},
    secret::{Secret, Token, TokenKind},
};

/// What a signed-in person shows to prove again who they are.
#[derive(Debug, Clone)]
pub enum Evidence {
    /// The password.
    Password(Secret<String>),
    /// A code of the second factor, or a recovery code.
    Code(Secret<String>),
}

/// What people do with their own account.
#[derive(Debug, Clone)]
pub struct Accounts {
    shared: Arc<Shared>,
}

impl Accounts {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Proves again who the actor is; for some minutes dangerous acts are allowed then.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`], [`Error::TooMany`] after ten wrong guesses in half an hour.
    pub async fn prove(&self, ctx: &Ctx, evidence: &Evidence) -> Result<(), Error> {
        let (_, session) = ctx.session()?;
        self.check(ctx, evidence).await?;
        Ok(self.shared.stores.sessions.prove(session, ctx.now).await?)
    }

    /// Compares what the actor shows with what is known, and counts the guess.
    async fn check(&self, ctx: &Ctx, evidence: &Evidence) -> Result<(), Error> {
        let (person, _) = ctx.session()?;
        let user = self.shared.user(person.user).await?;
        let guesser = Guesser::SignedIn(user.id);
        self.shared.count_guess(guesser, ctx.now).await?;
        let is_right = match evidence {
            Evidence::Password(password) if password.expose().len() > 4 * MAX_LENGTH => false,
            Evidence::Password(password) => self.shared.is_password_of(Some(&user), password).await?,
            Evidence::Code(code) => self.shared.use_code(ctx, &user, code.expose()).await?,
        };
        if !is_right {
            return Err(Error::WrongCredentials);
        }
        Ok(self.shared.stores.guesses.forgive(guesser.key()).await?)
    }

    /// Changes the actor's password; every other session of theirs ends.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`] for a wrong present password, [`Error::Invalid`] for a new one that is not good
    /// enough, [`Error::TooMany`].
    pub async fn change_password(
        &self,
        ctx: &Ctx,
        present: &Secret<String>,
        next: &Secret<String>,
    ) -> Result<(), Error> {
        let (person, session) = ctx.session()?;
        Passwords::check(next.expose(), &person.username).map_err(|e| renamed(e, "new_password"))?;
        self.check(ctx, &Evidence::Password(present.clone())).await?;
        if present.expose() == next.expose() {
            return Err(FieldErrors::single("new_password", "must differ from the present one"));
        }
        let hash = self.shared.passwords().hash(next).await?;
        let target = AuditTarget::existing("user", person.user.get());
        let with = Envelope::audited(ctx.audit("user.change_password", target, json!({})));
        let users = &self.shared.stores.users;
        Ok(users.set_password(person.user, &hash, Some(session), with).await?)
    }

    /// Sets a password with a one-time link; every session of the person ends. The second factor stays.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when the link is unknown, used or over, [`Error::Invalid`] for a password that is not
    /// good enough (the link stays good then).
    pub async fn redeem_link(&self, ctx: &Ctx, presented: &str, password: &Secret<String>) -> Result<(), Error> {
        let hash = Token::hash_presented(TokenKind::PasswordLink, presented).map_err(|_| Error::InvalidToken)?;
        let links = &self.shared.stores.password_links;
        let found = links.find(hash).await?;
        let (_, user) = found
            .filter(|(link, user)| ctx.now < link.expires_at && !user.profile.is_disabled)
            .ok_or(Error::InvalidToken)?;
        Passwords::check(password.expose(), &user.username).map_err(|e| renamed(e, "new_password"))?;
        let phc = self.shared.passwords().hash(password).await?;
        let with = Envelope::audited(as_person(ctx, &user, "user.set_password"));
        match links.redeem(hash, &phc, ctx.now, with).await {
            Err(crate::StoreError::Missing(_)) => Err(Error::InvalidToken),
            outcome => Ok(outcome?),
        }
    }

    /// Lists the actor's sessions, newest first, and says which one is the present.
    pub async fn sessions(&self, ctx: &Ctx, page: &PageRequest) -> Result<(Page<Session>, SessionId), Error> {
        let (person, present) = ctx.session()?;
        let sessions = self.shared.stores.sessions.list(person.user, ctx.now, page).await?;
        Ok((sessions, present))
    }

    /// Returns one of the actor's sessions that goes on, and says which one is the present.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the actor has no such session.
    pub async fn session(&self, ctx: &Ctx, id: SessionId) -> Result<(Session, SessionId), Error> {
        let (person, present) = ctx.session()?;
        let own = self.shared.stores.sessions.find(person.user, id).await?;
        let live = own.filter(|session| session.is_live(ctx.now));
        live.map(|session| (session, present))
            .ok_or_else(|| Error::not_found("session", id))
    }

    /// Ends one of the actor's sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the actor has no such session.
    pub async fn end_session(&self, ctx: &Ctx, id: SessionId) -> Result<(), Error> {
        self.session(ctx, id).await?;
        let target = AuditTarget::existing("session", id.get());
        let with = Envelope::audited(ctx.audit("session.revoke", target, json!({})));
        Ok(self.shared.stores.sessions.revoke(id, with).await?)
    }

    /// Ends all of the actor's sessions but the present one; returns how many.
    pub async fn end_other_sessions(&self, ctx: &Ctx) -> Result<u64, Error> {
        let (person, present) = ctx.session()?;
        let target = AuditTarget::existing("user", person.user.get());
        let with = Envelope::audited(ctx.audit("session.revoke_others", target, json!({})));
        let sessions = &self.shared.stores.sessions;
        Ok(sessions.revoke_all(person.user, Some(present), ctx.now, with).await?)
    }
}

/// Names the field as the request of the caller does.
fn renamed(error: Error, field: &str) -> Error {
    let Error::Invalid(errors) = error else { return error };
    let mut named = FieldErrors::default();
    for message in errors.iter().flat_map(|(_, messages)| messages) {
        named.add(field, message.clone());
    }
    Error::Invalid(named)
}
