//! The work on one password, on the thread that does it; and how much was done so far.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};

use super::{
    super::foreign::{ForeignHash, pretend},
    PasswordCost,
};
use crate::error::BoxError;

/// How much work passwords made so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PasswordWork {
    /// Hashes of our own kind, made or compared with.
    pub hashes: u64,
    /// Rounds of hashes that another system made.
    pub foreign_rounds: u64,
}

/// Counts the work of all threads.
#[derive(Debug, Default)]
pub(super) struct Tally {
    hashes: AtomicU64,
    foreign_rounds: AtomicU64,
}

impl Tally {
    pub(super) fn read(&self) -> PasswordWork {
        PasswordWork {
            hashes: self.hashes.load(Ordering::Relaxed),
            foreign_rounds: self.foreign_rounds.load(Ordering::Relaxed),
        }
    }
}

/// Works on one password.
#[derive(Debug)]
pub(super) struct Worker {
    ours: Argon2<'static>,
    tally: Arc<Tally>,
}

impl Worker {
    pub(super) fn new(cost: PasswordCost, tally: Arc<Tally>) -> Result<Self, BoxError> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(boxed)?;
        let ours = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Self { ours, tally })
    }

    /// Makes the PHC string of a password.
    pub(super) fn hash(&self, password: &str, salt: &[u8]) -> Result<String, BoxError> {
        self.tally.hashes.fetch_add(1, Ordering::Relaxed);
        let hash = self.ours.hash_password_with_salt(password.as_bytes(), salt);
        Ok(hash.map_err(boxed)?.to_string())
    }

    /// Judges a password. Every wrong one costs one hash of ours, and `foreign` rounds of another system's, which is what
    /// the dearest costs that people still have.
    pub(super) fn verify(&self, password: &str, phc: Option<&str>, foreign: u32) -> Result<bool, BoxError> {
        if let Some(hash) = phc.and_then(ForeignHash::read) {
            if self.is_of(&hash, password) {
                return Ok(true);
            }
            self.hash(password, &[0; 16])?;
            self.pretend(password, foreign.saturating_sub(hash.iterations));
            return Ok(false);
        }
        let is_right = match phc {
            Some(phc) => self.is_ours(password, &PasswordHash::new(phc).map_err(boxed)?),
            None => self.hash(password, &[0; 16]).map(|_| false)?,
        };
        if !is_right {
            self.pretend(password, foreign);
        }
        Ok(is_right)
    }

    fn is_ours(&self, password: &str, known: &PasswordHash) -> bool {
        self.tally.hashes.fetch_add(1, Ordering::Relaxed);
        self.ours.verify_password(password.as_bytes(), known).is_ok()
    }

    fn is_of(&self, hash: &ForeignHash<'_>, password: &str) -> bool {
        self.count_rounds(hash.iterations);
        hash.is_of(password)
    }

    fn pretend(&self, password: &str, rounds: u32) {
        self.count_rounds(rounds);
        pretend(password, rounds);
    }

    fn count_rounds(&self, rounds: u32) {
        self.tally.foreign_rounds.fetch_add(rounds.into(), Ordering::Relaxed);
    }
}

fn boxed(error: impl std::fmt::Display) -> BoxError {
    error.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOREIGN: &str = "pbkdf2_sha256$1000$seasalt2$/AgPzJG5e6Yv25JIyxyWfNnB6QXmfp0Y+BEGfC3zoJE=";

    #[test]
    fn every_wrong_password_is_the_same_work() {
        let tally = Arc::new(Tally::default());
        let worker = Worker::new(PasswordCost::FOR_TESTS, Arc::clone(&tally)).unwrap();
        let own = worker.hash("correct horse battery", &[7; 16]).unwrap();
        for foreign in [0, 1_000, 5_000] {
            let kinds = [None, Some(own.as_str()), Some(FOREIGN).filter(|_| foreign > 0)];
            for phc in kinds {
                let before = tally.read();
                assert!(!worker.verify("correct horse batterx", phc, foreign).unwrap());
                let after = tally.read();
                assert_eq!(after.hashes - before.hashes, 1, "{phc:?}");
                assert_eq!(
                    after.foreign_rounds - before.foreign_rounds,
                    u64::from(foreign),
                    "{phc:?}"
                );
            }
        }
        assert!(worker.verify("correct horse battery", Some(&own), 1_000).unwrap());
        assert!(worker.verify("correct horse battery", Some(FOREIGN), 1_000).unwrap());
    }
}
