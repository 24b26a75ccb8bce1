//! The chain: each seal holds the hash of one entry and of everything before it.
//!
//! The hash is plain SHA-256, so that it can be recomputed for years after a key was replaced; each seal also carries a
//! signature over its hash, so that nobody who lacks the key can make one. One seal that verifies vouches for all
//! before it.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

use super::{
    canonical::canonical,
    key::{AuditKeys, Signature, Trust},
    record::SignedRecord,
};
use crate::named_enum;

const VERSION: &[u8] = b"tms audit seal 1";

/// The hash of a place in the chain and of all before it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// Reads what is stored. What is no hash reads as zeros, which no place has.
    pub fn read(bytes: &[u8]) -> Self {
        bytes.try_into().map(Self).unwrap_or_default()
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no hash of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 64 hexadecimal digits")]
pub struct InvalidHash;

impl FromStr for ChainHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidHash);
        }
        let mut hash = [0; 32];
        for (place, byte) in hash.iter_mut().enumerate() {
            let digits = text.get(2 * place..2 * place + 2).ok_or(InvalidHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidHash)?;
        }
        Ok(Self(hash))
    }
}

/// The end of a chain, or of the part of it that was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// The place, counted from 1; 0 before the first.
    pub place: i64,
    /// Its hash; zeros before the first.
    pub hash: ChainHash,
}

named_enum!(
    /// What the sealer found when it linked an entry.
    Verdict {
        /// The signature was ours.
        Genuine = "genuine",
        /// There was no signature, because the entry is older than the chain.
        Adopted = "adopted",
        /// There was no signature of ours: somebody put the row there.
        Forged = "forged",
    }
);

/// A link of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The place, counted from 1 without gaps.
    pub place: i64,
    /// The id of the entry.
    pub entry: i64,
    /// What the sealer found.
    pub verdict: Verdict,
    /// The hash of this place and all before it.
    pub hash: ChainHash,
    /// Over the hash.
    pub signature: Option<Signature>,
}

impl Seal {
    /// Links `entry` behind `after`. Entries older than the chain may stand at its beginning only: `is_beginning` tells
    /// whether everything before is of that kind.
    pub fn link(keys: &AuditKeys, after: &Head, entry: &SignedRecord, is_beginning: bool) -> Self {
        let verdict = match keys.judge(entry) {
            Trust::Genuine => Verdict::Genuine,
            Trust::Unsigned if is_beginning => Verdict::Adopted,
            Trust::Unsigned | Trust::Forged | Trust::UnknownKey => Verdict::Forged,
        };
        let place = after.place + 1;
        let hash = link_hash(&after.hash, place, verdict, entry);
        Self {
            place,
            entry: entry.record.id,
            verdict,
            hash,
            signature: keys.sign_link(&hash),
        }
    }

    /// Returns this place as the end of a chain.
    pub const fn head(&self) -> Head {
        Head {
            place: self.place,
            hash: self.hash,
        }
    }
}

/// Computes the hash of a place: the version, the hash before, the place, the verdict, the signature and the canonical
/// bytes of the entry, each of known length or the last.
pub(super) fn link_hash(before: &ChainHash, place: i64, verdict: Verdict, entry: &SignedRecord) -> ChainHash {
    let mut hash = Sha256::new();
    hash.update(VERSION);
    hash.update(before.0);
    hash.update(place.to_be_bytes());
    hash.update([match verdict {
        Verdict::Genuine => 1,
        Verdict::Adopted => 2,
        Verdict::Forged => 3,
    }]);
    match entry.signature {
        Some(signature) => {
            hash.update([1]);
            hash.update(signature.to_bytes());
        }
        None => hash.update([0]),
    }
    hash.update(canonical(&entry.record));
    ChainHash(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::canonical::tests::record;

    #[test]
    fn a_hash_reads_back() {
        let hash = ChainHash(std::array::from_fn(|n| u8::try_from(n * 7 % 256).unwrap()));
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in ["", "0", &"g".repeat(64), &"é".repeat(32), &"0".repeat(65)] {
            assert_eq!(text.parse::<ChainHash>(), Err(InvalidHash));
        }
    }

    #[test]
    fn every_part_of_a_link_counts() {
        let keys = AuditKeys::public();
        let entry = keys.sign(record(1));
        let hash =
            |before, place, verdict, entry: &SignedRecord| link_hash(&ChainHash([before; 32]), place, verdict, entry);
        let base = hash(0, 1, Verdict::Genuine, &entry);
        let unsigned = SignedRecord {
            signature: None,
            ..entry.clone()
        };
        for other in [
            hash(1, 1, Verdict::Genuine, &entry),
            hash(0, 2, Verdict::Genuine, &entry),
            hash(0, 1, Verdict::Forged, &entry),
            hash(0, 1, Verdict::Genuine, &unsigned),
            hash(0, 1, Verdict::Genuine, &keys.sign(record(2))),
        ] {
            assert_ne!(base, other);
        }
    }
}
