//! Agent tokens in memory.

use async_trait::async_trait;

use super::{
    MemoryStore,
    state::{State, Token},
};
use crate::{
    credential::{AgentIdentity, Credential, CredentialStore, Revocation},
    envelope::Envelope,
    error::StoreError,
    id::{EntityRef, TerminalId},
    secret::TokenHash,
    time::Timestamp,
};

impl State {
    fn credential(&self, token: TokenHash) -> Option<Credential> {
        let token = self.tokens.get(&token)?;
        let terminal = self.terminals.get(&token.terminal)?;
        Some(Credential {
            agent: AgentIdentity {
                terminal: terminal.id,
                customer: terminal.draft.customer,
                serial: terminal.draft.serial.clone(),
            },
            valid_until: token.valid_until,
        })
    }
}

#[async_trait]
impl CredentialStore for MemoryStore {
    async fn find(&self, token: TokenHash) -> Result<Option<Credential>, StoreError> {
        Ok(self.enter()?.credential(token))
    }

    async fn rotate(
        &self,
        old: TokenHash,
        next: TokenHash,
        old_until: Timestamp,
        with: Envelope,
    ) -> Result<(), StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let present = state.tokens.get(&old).filter(|token| token.valid_until.is_none());
        let missing = || StoreError::Missing(EntityRef::new("token", ""));
        let terminal = present.map(|token| token.terminal).ok_or_else(missing)?;
        state.revoke_tokens(terminal, Some(old));
        for (hash, valid_until) in [(old, Some(old_until)), (next, None)] {
            state.tokens.insert(hash, Token { terminal, valid_until });
        }
        state.tell_caches(old);
        state.finish(with, terminal.get());
        Ok(())
    }

    async fn revoke_all(&self, terminal: TerminalId, with: Envelope) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        state.check(&with)?;
        let revoked = state.revoke_tokens(terminal, None);
        let customer = state.terminals.get(&terminal).map(|terminal| terminal.draft.customer);
        state.finish(with.of_customer(customer), terminal.get());
        Ok(revoked)
    }

    async fn revocations_after(&self, position: i64, limit: u32) -> Result<Vec<Revocation>, StoreError> {
        let state = self.enter()?;
        let entries = state.revocations.iter().map(|(_, entry)| *entry);
        let behind = entries.filter(|entry| entry.position > position);
        Ok(behind.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }

    async fn revocation_head(&self) -> Result<i64, StoreError> {
        Ok(self.enter()?.revocations.last().map_or(0, |(_, entry)| entry.position))
    }

    async fn drop_before(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.enter()?;
        let held = state.revocations.len() + state.tokens.len();
        state.revocations.retain(|(at, _)| *at >= before);
        state
            .tokens
            .retain(|_, token| token.valid_until.is_none_or(|until| until >= before));
        let left = state.revocations.len() + state.tokens.len();
        Ok(u64::try_from(held - left).unwrap_or(u64::MAX))
    }
}
