//! Seeds as stored: encrypted under a key of the installation, bound to the person, so that a copied database gives no
//! codes and a copied row serves nobody else.

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

use super::totp::Seed;
use crate::{
    error::Error,
    id::UserId,
    key::{DerivedKey, SecretKeys},
    random::RandomSource,
};

const PURPOSE: &str = "tms-core second factor 1";
/// The first byte of a sealed seed: how it was made.
const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;

/// A seed as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSeed(pub Vec<u8>);

impl fmt::Debug for SealedSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedSeed(..)")
    }
}

/// A seed that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The seed.
    pub seed: Seed,
    /// Whether it was sealed with the key before, so that it should be sealed anew.
    pub is_outdated: bool,
}

/// Seals and opens seeds.
#[derive(Debug, Clone)]
pub struct SeedSeal {
    present: DerivedKey,
    previous: Option<DerivedKey>,
}

impl SeedSeal {
    /// Derives the keys of this use.
    pub fn new(keys: &SecretKeys) -> Self {
        Self {
            present: keys.derive(PURPOSE),
            previous: keys.derive_previous(PURPOSE),
        }
    }

    /// Seals a seed with the present key, for one person.
    pub fn seal(&self, seed: &Seed, user: UserId, random: &dyn RandomSource) -> Result<SealedSeed, Error> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce)?;
        let cipher = cipher(&self.present);
        let payload = Payload {
            msg: &seed.0,
            aad: &bound_to(user),
        };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Error::Internal("a seed could not be encrypted".into()))?;
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(SealedSeed(bytes))
    }

    /// Opens the seed of a person; `None` when no key of this installation does.
    pub fn open(&self, sealed: &SealedSeed, user: UserId) -> Option<Opened> {
        let by_present = open_with(&self.present, sealed, user).map(|seed| (seed, false));
        let opened = by_present.or_else(|| {
            let seed = open_with(self.previous.as_ref()?, sealed, user)?;
            Some((seed, true))
        });
        opened.map(|(seed, is_outdated)| Opened { seed, is_outdated })
    }
}

fn cipher(key: &DerivedKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose().into())
}

fn open_with(key: &DerivedKey, sealed: &SealedSeed, user: UserId) -> Option<Seed> {
    let (version, rest) = sealed.0.split_first()?;
    let (nonce, msg) = rest.split_at_checked(NONCE_LEN).filter(|_| *version == VERSION)?;
    let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
    let payload = Payload {
        msg,
        aad: &bound_to(user),
    };
    let opened = cipher(key).decrypt(&XNonce::from(nonce), payload).ok()?;
    opened.try_into().ok().map(Seed)
}

fn bound_to(user: UserId) -> [u8; 8] {
    user.get().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SystemRandom;

    fn user(n: i64) -> UserId {
        UserId::new(n).unwrap()
    }

    #[test]
    fn a_replaced_key_still_opens_and_a_foreign_one_does_not() {
        let seed = Seed([7; 20]);
        let old = SeedSeal::new(&SecretKeys::new("old"));
        let both = SeedSeal::new(&SecretKeys::new("new").with_previous("old"));
        let new = SeedSeal::new(&SecretKeys::new("new"));
        let by_old = old.seal(&seed, user(1), &SystemRandom).unwrap();
        let by_new = both.seal(&seed, user(1), &SystemRandom).unwrap();
        let opened = |is_outdated| Some(Opened { seed, is_outdated });
        assert_eq!(both.open(&by_old, user(1)), opened(true));
        assert_eq!(both.open(&by_new, user(1)), opened(false));
        assert_eq!(new.open(&by_new, user(1)), opened(false));
        assert_eq!(new.open(&by_old, user(1)), None);
        assert_eq!(both.open(&by_new, user(2)), None, "a seed is bound to its person");
        assert_ne!(by_new, both.seal(&seed, user(1), &SystemRandom).unwrap());
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_noticed(seed in any::<[u8; 20]>(), at in any::<prop::sample::Index>(), bit in 0..8) {
            let seal = SeedSeal::new(&SecretKeys::new("key"));
            let mut sealed = seal.seal(&Seed(seed), user(1), &SystemRandom).unwrap();
            prop_assert_eq!(seal.open(&sealed, user(1)).map(|opened| opened.seed), Some(Seed(seed)));
            let at = at.index(sealed.0.len());
            sealed.0[at] ^= 1_u8 << bit;
            prop_assert_eq!(seal.open(&sealed, user(1)), None);
            sealed.0.truncate(at);
            prop_assert_eq!(seal.open(&sealed, user(1)), None);
        }
    }
}
