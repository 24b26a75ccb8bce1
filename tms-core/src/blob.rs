//! Blobs: large immutable contents under a key, such as firmware images and backups. What they mean is told elsewhere.

pub mod key;
pub mod store;

use std::{fmt, str::FromStr};

use bytes::Bytes;
use futures::stream::BoxStream;
use sha2::{Digest, Sha256};

pub use key::{BlobKey, BlobPrefix, InvalidBlobKey};
pub use store::{BlobError, BlobStore, BlobStoreExt};

/// The bytes of a blob as they come.
pub type BlobStream = BoxStream<'static, Result<Bytes, BlobError>>;

/// A SHA-256 of contents.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobHash(pub [u8; 32]);

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobHash({self})")
    }
}

/// A text that is no SHA-256 in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 in hexadecimal")]
pub struct InvalidBlobHash;

impl FromStr for BlobHash {
    type Err = InvalidBlobHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(InvalidBlobHash)?;
        let mut hash = [0_u8; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
            *byte = pair.iter().fold(0, |byte, digit| (byte << 4) | digit);
        }
        Ok(Self(hash))
    }
}

/// What the contents of a blob are expected to be. Whatever differs is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobDigest {
    /// How long they are.
    pub bytes: u64,
    /// Their hash.
    pub sha256: BlobHash,
}

impl BlobDigest {
    /// Sums up contents that are in memory.
    pub fn of(content: &[u8]) -> Self {
        let mut sum = BlobSum::default();
        sum.add(content);
        sum.finish()
    }
}

/// Sums up contents part by part.
#[derive(Debug, Clone, Default)]
pub struct BlobSum {
    bytes: u64,
    hash: Sha256,
}

impl BlobSum {
    /// Takes the next part.
    pub fn add(&mut self, part: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
        self.hash.update(part);
    }

    /// Returns how much was taken.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns what was summed up.
    pub fn finish(self) -> BlobDigest {
        BlobDigest {
            bytes: self.bytes,
            sha256: BlobHash(self.hash.finalize().into()),
        }
    }
}

/// A stored blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its key.
    pub key: BlobKey,
    /// Its length.
    pub bytes: u64,
}

/// Some of the bytes of a blob, both ends named as HTTP names them: the last one belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobRange {
    /// The first byte.
    pub first: u64,
    /// The last byte; the end of the blob when it is shorter.
    pub last: u64,
}

impl BlobRange {
    /// Returns what there is of it in a blob of this length; `None` when there is nothing.
    #[must_use]
    pub fn within(self, bytes: u64) -> Option<Self> {
        let last = self.last.min(bytes.checked_sub(1)?);
        (self.first <= last).then_some(Self {
            first: self.first,
            last,
        })
    }
}

/// A blob that is read.
pub struct BlobContent {
    /// Which, and how long it is as a whole.
    pub info: BlobInfo,
    /// The bytes that were asked for.
    pub stream: BlobStream,
}

impl fmt::Debug for BlobContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobContent")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// What is to become of a blob that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the new one is refused.
    Keep,
    /// The new one takes its place at once: a reader gets the one or the other, never a mixture.
    Replace,
}

/// Makes a stream of contents that are in memory.
pub fn once(content: impl Into<Bytes>) -> BlobStream {
    let content = content.into();
    Box::pin(futures::stream::once(async move { Ok(content) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_what_it_prints() {
        let hash = BlobDigest::of(b"abc").sha256;
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(text.to_uppercase().parse(), Ok(hash));
        for wrong in ["", "ba78", &text[1..], &format!("{text}0"), &text.replace('b', "g")] {
            assert_eq!(wrong.parse::<BlobHash>(), Err(InvalidBlobHash), "{wrong}");
        }
    }
}
