//! What people do with their second factor.

use std::sync::Arc;

use serde_json::json;

use super::{
    Shared, recovery,
    second_factor::{Shown, read_code},
    totp::{Seed, draw},
};
use crate::{
    audit::AuditTarget,
    ctx::Ctx,
    enrolment::CodeText,
    envelope::Envelope,
    error::{Error, FieldErrors, StoreError},
    secret::Secret,
};

/// What an app must learn, shown once.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The seed as a person can type it.
    pub secret: Secret<String>,
    /// The seed as an app reads it.
    pub otpauth_uri: Secret<String>,
    /// The address as a QR code, in SVG.
    pub qr_svg: Secret<String>,
}

/// What people do with their second factor.
#[derive(Debug, Clone)]
pub struct SecondFactors {
    shared: Arc<Shared>,
}

impl SecondFactors {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes a seed for the actor's app; it counts once it is confirmed.
    ///
    /// # Errors
    /// [`Error::ProofNeeded`], [`Error::Conflict`] when the actor has a second factor already.
    pub async fn propose(&self, ctx: &Ctx) -> Result<Proposal, Error> {
        let (person, _) = ctx.proven_session()?;
        let seal = self.shared.tools.seal.as_ref().ok_or_else(no_key)?;
        let random = &*self.shared.tools.random;
        let seed = Seed::generate(random)?;
        let sealed = seal.seal(&seed, person.user, random)?;
        let proposed = self.shared.stores.second_factors.propose(person.user, &sealed).await;
        if let Err(StoreError::Duplicate(_)) = proposed {
            return Err(Error::Conflict(
                "a second factor is set up already; disable it first".to_owned(),
            ));
        }
        proposed?;
        let uri = seed.otpauth_uri(&person.username)?;
        Ok(Proposal {
            secret: Secret::new(seed.to_base32()),
            qr_svg: Secret::new(draw(&uri)?),
            otpauth_uri: Secret::new(uri),
        })
    }

    /// Confirms the seed with a code of the app, and returns the recovery codes, shown once.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong code, [`Error::ProofNeeded`], [`Error::Conflict`] when nothing waits for a
    /// confirmation.
    pub async fn confirm(&self, ctx: &Ctx, code: &Secret<String>) -> Result<Vec<CodeText>, Error> {
        let (person, _) = ctx.proven_session()?;
        let seal = self.shared.tools.seal.as_ref().ok_or_else(no_key)?;
        let factors = &self.shared.stores.second_factors;
        let nothing = || Error::Conflict("no second factor waits for a confirmation".to_owned());
        let factor = factors.find(person.user).await?.filter(|f| f.confirmed_at.is_none());
        let factor = factor.ok_or_else(nothing)?;
        let opened = seal.open(&factor.seed, person.user).ok_or_else(nothing)?;
        let Shown::Step(step) = read_code(code.expose(), &opened.seed, ctx.now) else {
            return Err(FieldErrors::single("mfa_code", "is not the code of the app"));
        };
        let codes = recovery::generate(&*self.shared.tools.random)?;
        let hashes: Vec<_> = codes.iter().map(CodeText::hash).collect();
        let target = AuditTarget::existing("user", person.user.get());
        let with = Envelope::audited(ctx.audit("second_factor.confirm", target, json!({})));
        match factors.confirm(&factor, step, &hashes, ctx.now, with).await {
            Err(StoreError::Stale(_)) => Err(nothing()),
            outcome => {
                outcome?;
                Ok(codes)
            }
        }
    }

    /// Removes the actor's second factor and recovery codes.
    ///
    /// # Errors
    /// [`Error::ProofNeeded`].
    pub async fn disable(&self, ctx: &Ctx) -> Result<(), Error> {
        let (person, _) = ctx.proven_session()?;
        let target = AuditTarget::existing("user", person.user.get());
        let with = Envelope::audited(ctx.audit("second_factor.disable", target, json!({})));
        Ok(self.shared.stores.second_factors.remove(person.user, with).await?)
    }
}

fn no_key() -> Error {
    Error::Conflict("this server has no secret key, so it can't keep a second factor".to_owned())
}
