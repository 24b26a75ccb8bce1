//! The secret key of the installation, and the keys of single uses that are derived from it (DECISIONS 33).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// The key of one use.
pub type DerivedKey = Secret<[u8; 32]>;

/// The present secret key and, while it is being replaced, the one before.
///
/// Write with the present key; read with either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretKeys {
    present: Secret<Vec<u8>>,
    previous: Option<Secret<Vec<u8>>>,
}

impl SecretKeys {
    /// Takes the present key.
    pub fn new(present: impl Into<Vec<u8>>) -> Self {
        Self {
            present: Secret::new(present.into()),
            previous: None,
        }
    }

    /// Adds the key that the present one replaces.
    #[must_use]
    pub fn with_previous(mut self, previous: impl Into<Vec<u8>>) -> Self {
        self.previous = Some(Secret::new(previous.into()));
        self
    }

    /// Derives the key of one use, such as `tms-core second factor 1`, from the present key.
    pub fn derive(&self, purpose: &str) -> DerivedKey {
        derive(&self.present, purpose)
    }

    /// Derives the key of one use from the key before, if there is one.
    pub fn derive_previous(&self, purpose: &str) -> Option<DerivedKey> {
        self.previous.as_ref().map(|key| derive(key, purpose))
    }
}

fn derive(key: &Secret<Vec<u8>>, purpose: &str) -> DerivedKey {
    Secret::new(hmac(key.expose(), purpose))
}

/// Returns the HMAC-SHA-256 of a text under the key of one use.
pub(crate) fn mac(key: &DerivedKey, text: &str) -> [u8; 32] {
    hmac(key.expose(), text)
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    // HMAC takes keys of any length, so the fallback is never taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_use_and_each_secret_key_has_a_key_of_its_own() {
        let keys = SecretKeys::new("new").with_previous("old");
        assert_eq!(keys.derive("a"), SecretKeys::new("new").derive("a"));
        assert_ne!(keys.derive("a"), keys.derive("b"));
        assert_eq!(keys.derive_previous("a"), Some(SecretKeys::new("old").derive("a")));
        assert_ne!(keys.derive_previous("a"), Some(keys.derive("a")));
        assert!(!format!("{keys:?}").contains("110"), "no byte of a key is shown");
    }
}
