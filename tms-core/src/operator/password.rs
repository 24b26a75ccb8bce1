//! Passwords: what is accepted, and Argon2id off the async threads (DESIGN section 6).

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use tokio::sync::{Semaphore, oneshot};

use crate::{
    error::{BoxError, Error, FieldErrors},
    random::RandomSource,
    secret::Secret,
};

/// The shortest password, in characters.
pub const MIN_LENGTH: usize = 12;
/// The longest password, in characters.
pub const MAX_LENGTH: usize = 128;

/// How many passwords wait or are worked on for each that may be worked on at a time.
const WAITING: usize = 32;

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl PasswordCost {
    /// 64 MiB, three passes.
    pub const STANDARD: Self = Self {
        memory_kib: 65_536,
        passes: 3,
    };
    /// For tests only: as good as nothing.
    pub const FOR_TESTS: Self = Self {
        memory_kib: 64,
        passes: 1,
    };
}

/// Hashes and verifies passwords on threads of their own, a few at a time.
#[derive(Debug, Clone)]
pub struct Passwords {
    cost: PasswordCost,
    permits: Arc<Semaphore>,
    /// Bounds who waits for a permit: more would only wait for an answer that comes too late.
    queue: Arc<Semaphore>,
    random: Arc<dyn RandomSource>,
}

impl Passwords {
    /// Makes a hasher that works on `at_once` passwords at a time.
    pub fn new(cost: PasswordCost, at_once: usize, random: Arc<dyn RandomSource>) -> Self {
        Self {
            cost,
            permits: Arc::new(Semaphore::new(at_once.max(1))),
            queue: Arc::new(Semaphore::new(at_once.max(1) * WAITING)),
            random,
        }
    }

    /// Checks a new password.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong length, or one that everybody tries first.
    pub fn check(password: &str, username: &str) -> Result<(), Error> {
        let length = password.chars().count();
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
            let message = format!("must be {MIN_LENGTH} to {MAX_LENGTH} characters");
            return Err(FieldErrors::single("password", message));
        }
        let folded = password.to_lowercase();
        let distinct: std::collections::HashSet<char> = folded.chars().collect();
        let is_common = COMMON
            .iter()
            .any(|word| folded.contains(word) && length < word.len() + 6);
        if distinct.len() < 4 || is_common || (username.len() > 3 && folded.contains(username)) {
            return Err(FieldErrors::single("password", "is too easy to guess"));
        }
        Ok(())
    }

    /// Tells whether a PHC string was made at another cost than new ones are.
    pub fn is_outdated(&self, phc: &Secret<String>) -> bool {
        let params = PasswordHash::new(phc.expose())
            .ok()
            .and_then(|known| Params::try_from(&known).ok());
        params.is_none_or(|p| (p.m_cost(), p.t_cost(), p.p_cost()) != (self.cost.memory_kib, self.cost.passes, 1))
    }

    /// Hashes a password into a PHC string.
    pub async fn hash(&self, password: &Secret<String>) -> Result<Secret<String>, Error> {
        let mut salt = [0_u8; 16];
        self.random.fill(&mut salt)?;
        let (cost, password) = (self.cost, password.clone());
        self.on_own_thread(move || {
            let hash = hasher(cost)?.hash_password_with_salt(password.expose().as_bytes(), &salt);
            Ok(Secret::new(hash.map_err(boxed)?.to_string()))
        })
        .await
    }

    /// Tells whether `password` is the one of `phc`. Without a PHC string it takes as long and tells false, so that a
    /// caller can't learn whether a name exists.
    pub async fn verify(&self, password: &Secret<String>, phc: Option<&Secret<String>>) -> Result<bool, Error> {
        let (cost, password, phc) = (self.cost, password.clone(), phc.cloned());
        self.on_own_thread(move || {
            let hasher = hasher(cost)?;
            let Some(phc) = phc else {
                hasher
                    .hash_password_with_salt(password.expose().as_bytes(), &[0_u8; 16])
                    .map_err(boxed)?;
                return Ok(false);
            };
            let known = PasswordHash::new(phc.expose()).map_err(boxed)?;
            Ok(hasher.verify_password(password.expose().as_bytes(), &known).is_ok())
        })
        .await
    }

    async fn on_own_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BoxError> + Send + 'static,
    ) -> Result<T, Error> {
        let _place = self.queue.try_acquire().map_err(Error::unavailable)?;
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|e| Error::Internal(e.into()))?;
        let (send, receive) = oneshot::channel();
        let work = move || {
            let _ = send.send(work());
            drop(permit);
        };
        std::thread::Builder::new()
            .name("tms-password".to_owned())
            .spawn(work)
            .map_err(Error::unavailable)?;
        receive
            .await
            .map_err(|e| Error::Internal(e.into()))?
            .map_err(Error::Internal)
    }
}

fn hasher(cost: PasswordCost) -> Result<Argon2<'static>, BoxError> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(boxed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn boxed(error: impl std::fmt::Display) -> BoxError {
    error.to_string().into()
}

/// Words that stand at the top of every list of stolen passwords.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "123456789",
    "12345678",
    "qwertyuiop",
    "qwerty",
    "administrator",
    "letmein",
    "welcome",
    "iloveyou",
    "changeme",
    "terminal",
    "asdfghjkl",
    "1q2w3e4r",
    "abcdefgh",
    "secret",
    "monkey",
    "dragon",
    "sunshine",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[tokio::test]
    async fn a_hash_verifies_its_own_password_only() {
        let passwords = Passwords::new(PasswordCost::FOR_TESTS, 2, Arc::new(SystemRandom));
        let right = Secret::new("correct horse battery".to_owned());
        let hash = passwords.hash(&right).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(passwords.verify(&right, Some(&hash)).await.unwrap());
        assert!(
            !passwords
                .verify(&Secret::new("wrong horse".to_owned()), Some(&hash))
                .await
                .unwrap()
        );
        assert!(!passwords.verify(&right, None).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_outdated() {
        let at = |cost| Passwords::new(cost, 1, Arc::new(SystemRandom));
        let dearer = PasswordCost {
            memory_kib: 128,
            passes: 1,
        };
        let (old, new) = (at(PasswordCost::FOR_TESTS), at(dearer));
        let hash = old
            .hash(&Secret::new("correct horse battery".to_owned()))
            .await
            .unwrap();
        assert!(!old.is_outdated(&hash));
        assert!(new.is_outdated(&hash));
        assert!(new.is_outdated(&Secret::new("rubbish".to_owned())));
    }

    #[tokio::test]
    async fn more_than_can_be_answered_in_time_are_sent_away() {
        let passwords = Passwords::new(PasswordCost::FOR_TESTS, 1, Arc::new(SystemRandom));
        let held = Arc::clone(&passwords.permits).acquire_owned().await.unwrap();
        let word = Secret::new("correct horse battery".to_owned());
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(passwords.verify(&word, None))).collect();
        for wait in &mut waiting {
            assert!(futures::poll!(wait).is_pending());
        }
        let refused = passwords.verify(&word, None).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
        drop(held);
        for wait in waiting {
            assert!(!wait.await.unwrap());
        }
    }

    #[test]
    fn short_common_and_own_names_are_refused() {
        for bad in [
            "short",
            "password1234",
            "aaaaaaaaaaaaaa",
            "xx-yamada-2026",
            &"x".repeat(129),
        ] {
            assert!(Passwords::check(bad, "yamada").is_err(), "{bad}");
        }
        assert!(Passwords::check("correct horse battery", "yamada").is_ok());
    }
}
