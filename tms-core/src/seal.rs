//! Secrets as stored: encrypted under a key of the installation, bound to what they serve, so that a copied database
//! gives none away and a copied row serves nothing else.

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

use crate::{
    error::Error,
    key::{DerivedKey, SecretKeys},
    random::RandomSource,
};

/// The first byte of what is sealed: how it was made.
const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;

/// Seals and opens the secrets of one use.
#[derive(Debug, Clone)]
pub struct Seal {
    present: DerivedKey,
    previous: Option<DerivedKey>,
}

/// What was opened.
#[derive(Clone)]
pub struct Unsealed {
    /// The secret.
    pub secret: Vec<u8>,
    /// Whether it was sealed with the key before, so that it should be sealed anew.
    pub is_outdated: bool,
}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsealed(..)")
    }
}

impl Seal {
    /// Derives the keys of a use.
    pub fn new(keys: &SecretKeys, purpose: &str) -> Self {
        Self {
            present: keys.derive(purpose),
            previous: keys.derive_previous(purpose),
        }
    }

    /// Seals a secret with the present key, for what `bound_to` names.
    pub fn seal(&self, secret: &[u8], bound_to: &[u8], random: &dyn RandomSource) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce)?;
        let payload = Payload {
            msg: secret,
            aad: bound_to,
        };
        let sealed = cipher(&self.present).encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Error::Internal("a secret could not be encrypted".into()))?;
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// Opens what was sealed for the same; `None` when no key of this installation does.
    pub fn open(&self, sealed: &[u8], bound_to: &[u8]) -> Option<Unsealed> {
        let by_present = open_with(&self.present, sealed, bound_to).map(|secret| (secret, false));
        let opened = by_present.or_else(|| {
            let secret = open_with(self.previous.as_ref()?, sealed, bound_to)?;
            Some((secret, true))
        });
        opened.map(|(secret, is_outdated)| Unsealed { secret, is_outdated })
    }
}

fn cipher(key: &DerivedKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose().into())
}

fn open_with(key: &DerivedKey, sealed: &[u8], bound_to: &[u8]) -> Option<Vec<u8>> {
    let (version, rest) = sealed.split_first()?;
    let (nonce, msg) = rest.split_at_checked(NONCE_LEN).filter(|_| *version == VERSION)?;
    let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
    let payload = Payload { msg, aad: bound_to };
    cipher(key).decrypt(&XNonce::from(nonce), payload).ok()
}
