//! Agent tokens in memory, so that a heartbeat costs no look-up; revocations reach it within a second (DECISIONS 26).

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use quick_cache::sync::Cache;

use super::{Credential, CredentialStore};
use crate::{
    error::{Error, StoreError},
    secret::TokenHash,
    time::{Clock, Timestamp, micros},
};

/// How often the feed of revocations is read.
pub const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// A node that could not read the feed for longer asks the database for every token.
pub const BLIND_AFTER: Duration = Duration::from_millis(750);

/// The tokens that this node has seen lately.
#[derive(Debug)]
pub struct CredentialCache {
    store: Arc<dyn CredentialStore>,
    clock: Arc<dyn Clock>,
    known: Cache<TokenHash, Arc<Credential>>,
    /// The place in the feed up to which revocations were taken in; -1 before the first reading.
    position: AtomicI64,
    /// When the feed was last read to its end, in microseconds.
    read_at: AtomicI64,
}

impl CredentialCache {
    /// Makes an empty cache for up to `capacity` tokens.
    pub fn new(store: Arc<dyn CredentialStore>, clock: Arc<dyn Clock>, capacity: usize) -> Self {
        let (position, read_at) = (AtomicI64::new(-1), AtomicI64::new(i64::MIN));
        Self {
            store,
            clock,
            known: Cache::new(capacity),
            position,
            read_at,
        }
    }

    /// Returns whom a token names.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when it is unknown, revoked or over, [`Error::Unavailable`] when the store must be asked
    /// and is away.
    pub async fn authenticate(&self, token: TokenHash, now: Timestamp) -> Result<Arc<Credential>, Error> {
        let position = self.position.load(Ordering::Acquire);
        let can_see = position >= 0 && self.is_current(now);
        if can_see && let Some(known) = self.known.get(&token) {
            return if known.is_valid(now) {
                Ok(known)
            } else {
                Err(Error::InvalidToken)
            };
        }
        let found = self
            .store
            .find(token)
            .await?
            .filter(|credential| credential.is_valid(now));
        let found = Arc::new(found.ok_or(Error::InvalidToken)?);
        // Kept only if no revocation was taken in since before the reading: it might have been this token's.
        if can_see && self.position.load(Ordering::Acquire) == position {
            self.known.insert(token, Arc::clone(&found));
            if self.position.load(Ordering::Acquire) != position {
                self.known.remove(&token);
            }
        }
        Ok(found)
    }

    /// Forgets a token on this node at once.
    pub fn forget(&self, token: TokenHash) {
        self.known.remove(&token);
    }

    /// Reads the feed to its end and forgets what it names; called every [`FOLLOW_EVERY`].
    ///
    /// # Errors
    /// What the store answered; after [`BLIND_AFTER`] of failures every token is looked up in the store.
    pub async fn follow(&self) -> Result<(), StoreError> {
        const STEP: u32 = 1_000;
        let begun = self.clock.now();
        if self.position.load(Ordering::Acquire) < 0 {
            let head = self.store.revocation_head().await?;
            self.known.clear();
            self.position.store(head, Ordering::Release);
        }
        loop {
            let after = self.position.load(Ordering::Acquire);
            let revoked = self.store.revocations_after(after, STEP).await?;
            let Some(last) = revoked.last() else { break };
            // The place moves first: who reads a token now and inserts it later will notice.
            self.position.store(last.position, Ordering::Release);
            for revocation in &revoked {
                self.known.remove(&revocation.token);
            }
        }
        self.read_at.store(begun.as_micros(), Ordering::Release);
        Ok(())
    }

    fn is_current(&self, now: Timestamp) -> bool {
        let age = now.as_micros().saturating_sub(self.read_at.load(Ordering::Acquire));
        age <= micros(BLIND_AFTER)
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
