//! What the services of people have in common: the stores, and the judgement of a password and of a code.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::watch;

use super::{
    HalfSeal, User,
    guess::Guesser,
    password::Passwords,
    seal::SeedSeal,
    second_factor::{Shown, read_code},
    successor::Successors,
};
use crate::{
    audit::{AuditEntry, AuditTarget},
    ctx::Ctx,
    envelope::Envelope,
    error::Error,
    id::UserId,
    key::SecretKeys,
    permission::Role,
    random::RandomSource,
    secret::{Secret, Token, TokenKind},
    settings::SecuritySettings,
    stores::Stores,
    time::Timestamp,
};

/// What the services of people work with.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) passwords: Passwords,
    pub(crate) random: Arc<dyn RandomSource>,
    /// Absent when the program has no secret key: then nobody can set up a second factor.
    pub(crate) seal: Option<SeedSeal>,
    /// Absent likewise.
    pub(crate) half: Option<HalfSeal>,
    pub(crate) successors: Successors,
    pub(crate) security: watch::Receiver<SecuritySettings>,
}

impl Tools {
    pub(crate) fn new(
        passwords: Passwords,
        random: Arc<dyn RandomSource>,
        keys: Option<&SecretKeys>,
        security: watch::Receiver<SecuritySettings>,
    ) -> Self {
        Self {
            passwords,
            seal: keys.map(SeedSeal::new),
            half: keys.map(HalfSeal::new),
            successors: Successors::new(keys, random.clone()),
            random,
            security,
        }
    }
}

/// The stores and the tools.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) stores: Stores,
    pub(super) tools: Tools,
}

impl Shared {
    pub(crate) fn new(stores: Stores, tools: Tools) -> Arc<Self> {
        Arc::new(Self { stores, tools })
    }

    pub(super) fn passwords(&self) -> &Passwords {
        &self.tools.passwords
    }

    /// Returns the person of an id that the context names.
    pub(super) async fn user(&self, id: UserId) -> Result<User, Error> {
        self.stores.users.find(id).await?.ok_or(Error::InvalidToken)
    }

    pub(super) fn generate(&self, kind: TokenKind) -> Result<Token, Error> {
        Ok(Token::generate(kind, &*self.tools.random)?)
    }

    /// Tells whether this person has to set up a second factor before anything else.
    pub(super) fn must_set_up(&self, user: &User) -> bool {
        !user.has_second_factor && self.asks_second_factor_of(user.profile.role)
    }

    fn asks_second_factor_of(&self, role: Role) -> bool {
        self.tools.security.borrow().second_factor_roles.contains(&role)
    }

    /// Returns until when a proof counts as fresh.
    pub(super) fn proven_until(&self, proven_at: Timestamp) -> Timestamp {
        let minutes = self.tools.security.borrow().step_up_minutes;
        proven_at.plus(Duration::from_secs(u64::from(minutes) * 60))
    }

    /// Counts a guess before it is judged.
    ///
    /// # Errors
    /// [`Error::TooMany`] after ten in half an hour.
    pub(super) async fn count_guess(&self, guesser: Guesser<'_>, now: Timestamp) -> Result<(), Error> {
        self.stores.guesses.count(guesser.key(), now).await?.admit(now)
    }

    /// Judges a password; without a person it takes as long.
    pub(super) async fn is_password_of(&self, user: Option<&User>, password: &Secret<String>) -> Result<bool, Error> {
        let phc = user.and_then(|user| user.password_hash.as_ref());
        self.passwords().verify(password, phc).await
    }

    /// Judges a code of the second factor, and uses it up when it is right.
    pub(super) async fn use_code(&self, ctx: &Ctx, user: &User, typed: &str) -> Result<bool, Error> {
        let factors = &self.stores.second_factors;
        let Some(factor) = factors.find(user.id).await?.filter(|f| f.confirmed_at.is_some()) else {
            return Ok(false);
        };
        let opened = self
            .tools
            .seal
            .as_ref()
            .and_then(|seal| seal.open(&factor.seed, user.id));
        let Some(opened) = opened else {
            tracing::error!(
                user.id = user.id.get(),
                "a second factor can't be decrypted: was SECRET_KEY replaced?"
            );
            return self.use_recovery(ctx, user, typed).await;
        };
        match read_code(typed, &opened.seed, ctx.now) {
            Shown::Step(step) => {
                let is_new = factors.use_step(user.id, step).await?;
                if is_new && opened.is_outdated {
                    self.reseal(user.id, &factor.seed).await?;
                }
                Ok(is_new)
            }
            Shown::Recovery(_) => self.use_recovery(ctx, user, typed).await,
            Shown::Nothing => Ok(false),
        }
    }

    async fn use_recovery(&self, ctx: &Ctx, user: &User, typed: &str) -> Result<bool, Error> {
        let Some(code) = super::recovery::hash_typed(typed) else {
            return Ok(false);
        };
        let entry = as_person(ctx, user, "second_factor.recover");
        let with = Envelope::audited(entry);
        Ok(self.stores.second_factors.use_recovery(user.id, code, with).await?)
    }

    /// Seals the seed of a person with the present key.
    async fn reseal(&self, user: UserId, seen: &super::seal::SealedSeed) -> Result<(), Error> {
        let Some(seal) = &self.tools.seal else { return Ok(()) };
        if let Some(opened) = seal.open(seen, user) {
            let next = seal.seal(&opened.seed, user, &*self.tools.random)?;
            self.stores.second_factors.reseal(user, seen, &next).await?;
        }
        Ok(())
    }
}

/// Makes the entry of somebody who is not signed in yet, or no longer.
pub(super) fn as_person(ctx: &Ctx, user: &User, action: &'static str) -> AuditEntry {
    let mut entry = ctx.audit(action, AuditTarget::existing("user", user.id.get()), json!({}));
    entry.actor.clone_from(&user.username);
    entry.role = Some(user.profile.role);
    entry.of_customer(user.profile.customer)
}
