//! The keys of the trail and the signatures made with them. They are derived from the secret key of the installation,
//! so that nobody who can only write to the database can sign (DECISIONS 33).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{
    canonical::{canonical, canonical_at},
    chain::ChainHash,
    record::{AuditRecord, SignedRecord},
};
use crate::{key::SecretKeys, secret::Secret};

const ENTRY: &str = "tms-core audit entry 1";
const CHAIN: &str = "tms-core audit chain 1";
const CHECKPOINT: &str = "tms-core audit checkpoint 1";
const NAME: &str = "tms-core audit key name 1";
const NAME_LEN: usize = 4;

/// A keyed MAC, with the name of the key it was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    key: [u8; NAME_LEN],
    mac: [u8; 32],
}

impl Signature {
    /// Returns what is stored: the name of the key, then the MAC.
    pub fn to_bytes(self) -> Vec<u8> {
        [&self.key[..], &self.mac].concat()
    }

    /// Reads what is stored; `None` if that is no signature.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (key, mac) = bytes.split_first_chunk()?;
        Some(Self {
            key: *key,
            mac: mac.try_into().ok()?,
        })
    }
}

/// What a signature says of what it stands beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It was made by us over exactly this.
    Genuine,
    /// It was not.
    Forged,
    /// It was made with a key that is no longer known, so that nobody can tell.
    UnknownKey,
    /// There is none.
    Unsigned,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct KeySet {
    name: [u8; NAME_LEN],
    entry: Secret<[u8; 32]>,
    chain: Secret<[u8; 32]>,
    checkpoint: Secret<[u8; 32]>,
}

impl KeySet {
    fn derive(derive: impl Fn(&str) -> Option<Secret<[u8; 32]>>) -> Option<Self> {
        let name = derive(NAME)?;
        let (name, _) = name.expose().split_first_chunk()?;
        Some(Self {
            name: *name,
            entry: derive(ENTRY)?,
            chain: derive(CHAIN)?,
            checkpoint: derive(CHECKPOINT)?,
        })
    }
}

/// The keys of the trail: the present ones sign, the ones before still verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditKeys {
    present: Option<KeySet>,
    previous: Option<KeySet>,
}

impl AuditKeys {
    /// Derives the keys of the trail.
    pub fn new(secret: &SecretKeys) -> Self {
        Self {
            present: KeySet::derive(|purpose| Some(secret.derive(purpose))),
            previous: KeySet::derive(|purpose| secret.derive_previous(purpose)),
        }
    }

    /// Returns the keys of an installation without a secret key. Everybody knows them: what is signed with them is
    /// safe from accidents, and from nobody who means to change it.
    pub fn public() -> Self {
        Self::new(&SecretKeys::new("an installation of tms without a secret key"))
    }

    /// Signs an entry.
    pub fn sign(&self, record: AuditRecord) -> SignedRecord {
        let signature = self.make(|keys| &keys.entry, &canonical(&record));
        SignedRecord { record, signature }
    }

    /// Says whether an entry is as it was signed.
    pub fn judge(&self, entry: &SignedRecord) -> Trust {
        self.check(|keys| &keys.entry, &canonical(&entry.record), entry.signature)
    }

    /// Tells whether what stands in `entry` was signed under another id.
    pub fn belongs_to(&self, entry: &SignedRecord, id: i64) -> bool {
        let bytes = canonical_at(&entry.record, id);
        self.check(|keys| &keys.entry, &bytes, entry.signature) == Trust::Genuine
    }

    pub(super) fn sign_link(&self, hash: &ChainHash) -> Option<Signature> {
        self.make(|keys| &keys.chain, &hash.0)
    }

    pub(super) fn judge_link(&self, hash: &ChainHash, signature: Option<Signature>) -> Trust {
        self.check(|keys| &keys.chain, &hash.0, signature)
    }

    pub(super) fn sign_checkpoint(&self, bytes: &[u8]) -> Option<Signature> {
        self.make(|keys| &keys.checkpoint, bytes)
    }

    pub(super) fn judge_checkpoint(&self, bytes: &[u8], signature: Option<Signature>) -> Trust {
        self.check(|keys| &keys.checkpoint, bytes, signature)
    }

    fn make(&self, key: impl Fn(&KeySet) -> &Secret<[u8; 32]>, bytes: &[u8]) -> Option<Signature> {
        let keys = self.present.as_ref()?;
        Some(Signature {
            key: keys.name,
            mac: mac(key(keys), bytes)?,
        })
    }

    fn check(&self, key: impl Fn(&KeySet) -> &Secret<[u8; 32]>, bytes: &[u8], signature: Option<Signature>) -> Trust {
        let Some(signature) = signature else {
            return Trust::Unsigned;
        };
        let mut known = self.present.iter().chain(&self.previous);
        let Some(keys) = known.find(|keys| keys.name == signature.key) else {
            return Trust::UnknownKey;
        };
        match mac(key(keys), bytes) {
            Some(expected) if bool::from(expected.ct_eq(&signature.mac)) => Trust::Genuine,
            _ => Trust::Forged,
        }
    }
}

/// HMAC takes keys of any length, so that this is never `None`.
fn mac(key: &Secret<[u8; 32]>, bytes: &[u8]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).ok()?;
    mac.update(bytes);
    Some(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::canonical::tests::record;

    #[test]
    fn a_replaced_key_verifies_and_an_older_one_is_unknown() {
        let old = AuditKeys::new(&SecretKeys::new("old"));
        let entry = old.sign(record(1));
        let rotated = AuditKeys::new(&SecretKeys::new("new").with_previous("old"));
        let again = AuditKeys::new(&SecretKeys::new("newest").with_previous("new"));
        assert_eq!(old.judge(&entry), Trust::Genuine);
        assert_eq!(rotated.judge(&entry), Trust::Genuine);
        assert_eq!(again.judge(&entry), Trust::UnknownKey);
        assert_eq!(again.judge(&rotated.sign(record(1))), Trust::Genuine);
        assert_eq!(AuditKeys::public().judge(&entry), Trust::UnknownKey);
    }

    #[test]
    fn a_signature_is_good_for_its_entry_only() {
        let keys = AuditKeys::public();
        let entry = keys.sign(record(1));
        let mut altered = entry.clone();
        altered.record.actor.push('x');
        assert_eq!(keys.judge(&altered), Trust::Forged);
        let mut moved = entry.clone();
        moved.record.id = 2;
        assert_eq!(keys.judge(&moved), Trust::Forged);
        assert!(keys.belongs_to(&moved, 1));
        let unsigned = SignedRecord {
            signature: None,
            ..entry.clone()
        };
        assert_eq!(keys.judge(&unsigned), Trust::Unsigned);
        let stored = entry.signature.unwrap().to_bytes();
        assert_eq!(Signature::read(&stored), entry.signature);
        for wrong in [&stored[1..], b"", b"abc"] {
            assert_eq!(Signature::read(wrong), None);
        }
    }
}
