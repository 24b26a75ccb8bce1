//! What people do with their API tokens. A token can't make another, nor do what asks for a fresh proof.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    ApiToken, NewApiToken, Shared,
    api_token::{LONGEST_LIFE, MOST_TOKENS, Scopes, USUAL_LIFE},
};
use crate::{
    audit::AuditTarget,
    ctx::{Ctx, OperatorIdentity},
    envelope::Envelope,
    error::{Error, FieldErrors, Proof, StoreError},
    id::ApiTokenId,
    idempotency::{once_made, unreadable},
    page::{Page, PageRequest},
    permission::Permission,
    secret::{Token, TokenKind},
    text::{InvalidText, Lines, clean},
    time::Timestamp,
};

/// A token to make, as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// When it ends; in 90 days when nobody says.
    pub expires_at: Option<Timestamp>,
}

impl TokenRequest {
    /// Checks what the actor asks for; making it checks the same.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields, [`Error::ProofNeeded`].
    pub fn check(&self, ctx: &Ctx) -> Result<(), Error> {
        let (person, _) = ctx.proven_session()?;
        self.read(person, ctx.now).map(drop)
    }

    fn read(&self, person: &OperatorIdentity, now: Timestamp) -> Result<(String, Scopes, Timestamp), Error> {
        let mut errors = FieldErrors::default();
        let name = errors.take("name", clean(&self.name, 1, 100, Lines::One));
        let granted = Scopes::granted(self.scopes.iter().copied(), person.role, person.customer);
        let scopes = errors.take("scopes", granted);
        let expires_at = errors.take("expires_at", check_end(self.expires_at, now));
        errors.finish()?;
        let (Some(name), Some(scopes), Some(expires_at)) = (name, scopes, expires_at) else {
            return Err(Error::Internal("a checked field is missing".into()));
        };
        Ok((name, scopes, expires_at))
    }
}

/// What people do with their API tokens.
#[derive(Debug, Clone)]
pub struct ApiTokens {
    shared: Arc<Shared>,
}

impl ApiTokens {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes a token for the actor and shows it this once, and not again to who repeats the request with its key.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields, [`Error::ProofNeeded`], [`Error::Conflict`] when the actor has too many.
    pub async fn create(&self, ctx: &Ctx, request: TokenRequest) -> Result<(ApiToken, Option<Token>), Error> {
        let (person, _) = ctx.proven_session()?;
        if person.must_set_up {
            return Err(Error::ProofNeeded(Proof::SetUp));
        }
        let make = async || {
            let (made, token) = self.make(ctx, person, request.clone()).await?;
            Ok((made, Some(token)))
        };
        let again = async |id: i64| Ok((self.get(ctx, ApiTokenId::new(id).map_err(unreadable)?).await?, None));
        once_made(&*self.shared.stores.idempotency, ctx, make, again).await
    }

    async fn make(
        &self,
        ctx: &Ctx,
        person: &OperatorIdentity,
        request: TokenRequest,
    ) -> Result<(ApiToken, Token), Error> {
        let (name, scopes, expires_at) = request.read(person, ctx.now)?;
        let tokens = &self.shared.stores.api_tokens;
        let token = self.shared.generate(TokenKind::Personal)?;
        let changes = json!({
            "name": { "after": name }, "scopes": { "after": scopes.to_string() },
            "expires_at": { "after": expires_at.to_string() },
        });
        let entry = ctx.audit("api_token.create", AuditTarget::created("api_token"), changes);
        let with = Envelope::audited(entry).once(ctx, Value::Null);
        let new = NewApiToken {
            user: person.user,
            name,
            hash: token.hash(),
            scopes,
            expires_at,
        };
        match tokens.insert(&new, ctx.now, with).await {
            Err(StoreError::Full(_)) => Err(Error::Conflict(format!("nobody has more than {MOST_TOKENS} tokens"))),
            made => Ok((made?, token)),
        }
    }

    /// Returns a token of the actor.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the actor has no such token.
    pub async fn get(&self, ctx: &Ctx, id: ApiTokenId) -> Result<ApiToken, Error> {
        let (person, _) = ctx.session()?;
        let found = self.shared.stores.api_tokens.find(person.user, id).await?;
        found.ok_or_else(|| Error::not_found("api token", id))
    }

    /// Lists the actor's tokens, newest first.
    pub async fn list(&self, ctx: &Ctx, page: &PageRequest) -> Result<Page<ApiToken>, Error> {
        let (person, _) = ctx.session()?;
        Ok(self.shared.stores.api_tokens.list(person.user, page).await?)
    }

    /// Deletes a token of the actor; it is refused at once.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the actor has no such token.
    pub async fn delete(&self, ctx: &Ctx, id: ApiTokenId) -> Result<(), Error> {
        let token = self.get(ctx, id).await?;
        let changes = json!({ "name": { "before": token.name } });
        let target = AuditTarget::existing("api_token", id.get());
        let with = Envelope::audited(ctx.audit("api_token.delete", target, changes));
        Ok(self.shared.stores.api_tokens.delete(token.user, id, with).await?)
    }
}

fn check_end(wanted: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, InvalidText> {
    let end = wanted.unwrap_or_else(|| now.plus(USUAL_LIFE));
    let life = end.since(now);
    if life == Duration::ZERO {
        Err(InvalidText("must be in the future".to_owned()))
    } else if life > LONGEST_LIFE {
        let days = LONGEST_LIFE.as_secs() / 86_400;
        Err(InvalidText(format!("must be at most {days} days from now")))
    } else {
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_within_a_year() {
        let now = Timestamp::from_secs(1_000_000);
        assert_eq!(check_end(None, now), Ok(now.plus(USUAL_LIFE)));
        assert_eq!(check_end(Some(now.plus(LONGEST_LIFE)), now), Ok(now.plus(LONGEST_LIFE)));
        assert!(check_end(Some(now), now).is_err());
        assert!(check_end(Some(now.plus(LONGEST_LIFE + Duration::from_secs(1))), now).is_err());
    }
}
