//! Passwords: what is accepted, and Argon2id off the async threads (DESIGN section 6).

mod guessable;
mod work;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use argon2::{Params, password_hash::phc::PasswordHash};
use tokio::sync::{Semaphore, oneshot};

pub use self::work::PasswordWork;
use self::{
    guessable::is_guessable,
    work::{Tally, Worker},
};
use super::foreign::ForeignHash;
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
    /// What a hash of another system costs that somebody here still has; zero while none is known. While there are
    /// any, every wrong guess takes as long as one at them: how long an answer takes tells nothing of whose name it is.
    foreign: Arc<AtomicU32>,
    tally: Arc<Tally>,
    random: Arc<dyn RandomSource>,
}

impl Passwords {
    /// Makes a hasher that works on `at_once` passwords at a time.
    pub fn new(cost: PasswordCost, at_once: usize, random: Arc<dyn RandomSource>) -> Self {
        Self {
            cost,
            permits: Arc::new(Semaphore::new(at_once.max(1))),
            queue: Arc::new(Semaphore::new(at_once.max(1) * WAITING)),
            foreign: Arc::default(),
            tally: Arc::default(),
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
        if is_guessable(password, username) {
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
        let password = password.clone();
        self.on_own_thread(move |worker| Ok(Secret::new(worker.hash(password.expose(), &salt)?)))
            .await
    }

    /// Tells how much work passwords made so far.
    pub fn work(&self) -> PasswordWork {
        self.tally.read()
    }

    /// Learns what hashes of another system cost that people here still have.
    pub fn expect(&self, hashes: &[Secret<String>]) {
        let costs = hashes
            .iter()
            .filter_map(|hash| Some(ForeignHash::read(hash.expose())?.iterations));
        self.foreign
            .fetch_max(costs.max().unwrap_or_default(), Ordering::Relaxed);
    }

    /// Tells whether `password` is the one of `phc`. Without a PHC string it takes as long and tells false, so that a
    /// caller can't learn whether a name exists; nor whether it has a hash of another system.
    pub async fn verify(&self, password: &Secret<String>, phc: Option<&Secret<String>>) -> Result<bool, Error> {
        let (password, phc) = (password.clone(), phc.cloned());
        self.expect(phc.as_slice());
        let foreign = self.foreign.load(Ordering::Relaxed);
        self.on_own_thread(move |worker| {
            let phc = phc.as_ref().map(|phc| phc.expose().as_str());
            worker.verify(password.expose(), phc, foreign)
        })
        .await
    }

    async fn on_own_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Worker) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<T, Error> {
        let _place = self.queue.try_acquire().map_err(Error::unavailable)?;
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|e| Error::Internal(e.into()))?;
        let (send, receive) = oneshot::channel();
        let (cost, tally) = (self.cost, Arc::clone(&self.tally));
        let work = move || {
            let _ = send.send(Worker::new(cost, tally).and_then(|worker| work(&worker)));
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

/// Tells whether a hash is one that [`Passwords::verify`] can judge.
pub fn is_verifiable(hash: &Secret<String>) -> bool {
    is_foreign(hash) || PasswordHash::new(hash.expose()).is_ok_and(|known| Params::try_from(&known).is_ok())
}

/// Tells whether another system made the hash; the next sign-in replaces it.
pub fn is_foreign(hash: &Secret<String>) -> bool {
    ForeignHash::read(hash.expose()).is_some()
}

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
    async fn a_hash_of_another_system_verifies_and_is_outdated() {
        let passwords = Passwords::new(PasswordCost::FOR_TESTS, 2, Arc::new(SystemRandom));
        let secret = |text: &str| Secret::new(text.to_owned());
        let hash = secret("pbkdf2_sha256$1000$seasalt2$/AgPzJG5e6Yv25JIyxyWfNnB6QXmfp0Y+BEGfC3zoJE=");
        assert!(
            passwords
                .verify(&secret("correct horse battery"), Some(&hash))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(&secret("correct horse batterx"), Some(&hash))
                .await
                .unwrap()
        );
        assert!(passwords.is_outdated(&hash) && is_foreign(&hash) && is_verifiable(&hash));
        assert!(!is_verifiable(&secret("pbkdf2_sha256$1000$seasalt2$rubbish")));
        assert!(!is_verifiable(&secret("bcrypt_sha256$$2b$12$rubbish")));
        // From now on everybody's wrong guess costs as much.
        assert_eq!(passwords.foreign.load(Ordering::Relaxed), 1_000);
        assert!(!passwords.verify(&secret("anything"), None).await.unwrap());
        let own = passwords.hash(&secret("correct horse battery")).await.unwrap();
        assert!(!passwords.verify(&secret("anything"), Some(&own)).await.unwrap());
        assert!(!is_foreign(&own) && is_verifiable(&own));
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
