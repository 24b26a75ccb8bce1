//! Agent tokens as the edges use them.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{AgentIdentity, CredentialCache, CredentialStore};
use crate::{
    audit::AuditTarget,
    ctx::{Actor, Ctx},
    envelope::Envelope,
    error::{Error, StoreError},
    id::TerminalId,
    permission::Permission,
    random::RandomSource,
    secret::{Token, TokenKind},
    time::Timestamp,
};

/// How long a rotated token goes on working, so that an agent that lost the answer is not locked out.
pub const ROTATION_GRACE: Duration = Duration::from_secs(600);

/// Agent tokens.
#[derive(Debug, Clone)]
pub struct Credentials {
    store: Arc<dyn CredentialStore>,
    cache: Arc<CredentialCache>,
    random: Arc<dyn RandomSource>,
}

impl Credentials {
    pub(crate) fn new(
        store: Arc<dyn CredentialStore>,
        cache: Arc<CredentialCache>,
        random: Arc<dyn RandomSource>,
    ) -> Self {
        Self { store, cache, random }
    }

    /// Returns the agent that a presented token names.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when it is not an agent's token, or unknown, revoked or over.
    pub async fn authenticate(&self, presented: &str, now: Timestamp) -> Result<AgentIdentity, Error> {
        let hash = Token::hash_presented(TokenKind::Agent, presented).map_err(|_| Error::InvalidToken)?;
        Ok(self.cache.authenticate(hash, now).await?.agent.clone())
    }

    /// Gives the agent a new token; the presented one ends after [`ROTATION_GRACE`], every other at once.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when the presented token is unknown, revoked or was rotated before.
    pub async fn rotate(&self, ctx: &Ctx, presented: &str) -> Result<Token, Error> {
        let Actor::Agent(agent) = &ctx.actor else {
            return Err(Error::InvalidToken);
        };
        let old = Token::hash_presented(TokenKind::Agent, presented).map_err(|_| Error::InvalidToken)?;
        let next = Token::generate(TokenKind::Agent, &*self.random)?;
        let target = AuditTarget::existing("terminal", agent.terminal.get());
        let entry = ctx.audit("agent_token.rotate", target, json!({}));
        let until = ctx.now.plus(ROTATION_GRACE);
        match self
            .store
            .rotate(old, next.hash(), until, Envelope::audited(entry))
            .await
        {
            Err(StoreError::Missing(_)) => return Err(Error::InvalidToken),
            outcome => outcome?,
        }
        self.cache.forget(old);
        Ok(next)
    }

    /// Revokes every token of a terminal: its agent must enrol again. Returns how many there were.
    pub async fn revoke_all(&self, ctx: &Ctx, terminal: TerminalId) -> Result<u64, Error> {
        ctx.require(Permission::TerminalWrite)?;
        let target = AuditTarget::existing("terminal", terminal.get());
        let entry = ctx.audit("agent_token.revoke", target, json!({}));
        Ok(self.store.revoke_all(terminal, Envelope::audited(entry)).await?)
    }
}
