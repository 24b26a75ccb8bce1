//! Seeds as stored: encrypted under a key of the installation, bound to the person, so that a copied database gives no
//! codes and a copied row serves nobody else.

use std::fmt;

use super::totp::Seed;
use crate::{error::Error, id::UserId, key::SecretKeys, random::RandomSource, seal::Seal};

const PURPOSE: &str = "tms-core second factor 1";

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
pub struct SeedSeal(Seal);

impl SeedSeal {
    /// Derives the keys of this use.
    pub fn new(keys: &SecretKeys) -> Self {
        Self(Seal::new(keys, PURPOSE))
    }

    /// Seals a seed with the present key, for one person.
    pub fn seal(&self, seed: &Seed, user: UserId, random: &dyn RandomSource) -> Result<SealedSeed, Error> {
        self.0.seal(&seed.0, &bound_to(user), random).map(SealedSeed)
    }

    /// Opens the seed of a person; `None` when no key of this installation does.
    pub fn open(&self, sealed: &SealedSeed, user: UserId) -> Option<Opened> {
        let opened = self.0.open(&sealed.0, &bound_to(user))?;
        let seed = opened.secret.try_into().ok().map(Seed)?;
        Some(Opened {
            seed,
            is_outdated: opened.is_outdated,
        })
    }
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
