//! The port of blobs.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use futures::TryStreamExt;

use super::{BlobContent, BlobDigest, BlobInfo, BlobKey, BlobPrefix, BlobRange, BlobStream, Existing};
use crate::{error::BoxError, secret::Secret};

/// Why a blob was not stored or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// There is none of this key.
    #[error("there is no blob {0}")]
    Missing(BlobKey),
    /// There is one of this key already.
    #[error("the blob {0} is there already")]
    Exists(BlobKey),
    /// What came is not what was announced.
    #[error("the blob {0} is not what was announced: its length or its hash is another")]
    Differs(BlobKey),
    /// The range begins behind the end.
    #[error("the blob {0} ends before the range begins")]
    Range(BlobKey),
    /// What was to be stored could not be read.
    #[error("what is to be stored can't be read")]
    Source(#[source] BoxError),
    /// The store knows who asks, and refuses.
    #[error("the blob store denies access")]
    Denied(#[source] BoxError),
    /// The store can't be used at present.
    #[error("the blob store can't be used")]
    Unavailable(#[source] BoxError),
}

/// Keeps blobs. A key may hold another blob later only by [`Existing::Replace`].
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait BlobStore: fmt::Debug + Send + Sync + 'static {
    /// Stores what `content` yields, once it is whole and is what `expected` says; nothing of it is seen before, and
    /// nothing stays of what fails (cases `blob::what_was_put_is_read_back`, `blob::another_content_is_not_stored`,
    /// `blob::a_broken_source_leaves_nothing`, `blob::many_parts_are_read_back`).
    ///
    /// With [`Existing::Keep`] of two at a time one wins (case `blob::one_of_two_writers_wins`).
    ///
    /// # Errors
    /// [`BlobError::Differs`], [`BlobError::Exists`] with [`Existing::Keep`], [`BlobError::Source`].
    async fn put(
        &self,
        key: &BlobKey,
        content: BlobStream,
        expected: BlobDigest,
        existing: Existing,
    ) -> Result<BlobInfo, BlobError>;

    /// Reads a blob, or a part of it (case `blob::ranges_are_read`).
    ///
    /// # Errors
    /// [`BlobError::Missing`]; [`BlobError::Range`] when the range begins behind the end or ends before it begins.
    async fn get(&self, key: &BlobKey, range: Option<BlobRange>) -> Result<BlobContent, BlobError>;

    /// Says how long a blob is; `None` when there is none (case `blob::what_was_put_is_read_back`).
    async fn head(&self, key: &BlobKey) -> Result<Option<BlobInfo>, BlobError>;

    /// Removes a blob; nothing happens when there is none (case `blob::deleting_twice_is_no_fault`).
    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError>;

    /// Lists the blobs below `prefix` whose keys come behind `after`, in the order of their bytes, at most `limit`,
    /// which is taken as 1 to 1,000 (case `blob::lists_go_on_where_they_ended`).
    async fn list(&self, prefix: &BlobPrefix, after: Option<BlobKey>, limit: u32) -> Result<Vec<BlobInfo>, BlobError>;

    /// Makes an address from which whoever has it can read the blob for that long, whether it is there or not; `None`
    /// when this store has no such addresses (case `blob::an_address_leads_to_the_content`).
    async fn download_url(&self, key: &BlobKey, valid_for: Duration) -> Result<Option<Secret<String>>, BlobError>;
}

/// What follows from the port.
#[async_trait]
pub trait BlobStoreExt: BlobStore {
    /// Reads a whole blob of at most `most` bytes into memory.
    ///
    /// # Errors
    /// [`BlobError::Differs`] when it is longer; what [`BlobStore::get`] answers.
    async fn read(&self, key: &BlobKey, most: usize) -> Result<Vec<u8>, BlobError> {
        let mut content = self.get(key, None).await?;
        let mut read = Vec::new();
        while let Some(part) = content.stream.try_next().await? {
            read.extend_from_slice(&part);
            if read.len() > most {
                return Err(BlobError::Differs(key.clone()));
            }
        }
        Ok(read)
    }

    /// Lists all blobs below `prefix`.
    async fn list_all(&self, prefix: &BlobPrefix) -> Result<Vec<BlobInfo>, BlobError> {
        let mut all: Vec<BlobInfo> = Vec::new();
        loop {
            let last = all.last().map(|info| info.key.clone());
            let next = self.list(prefix, last, 1_000).await?;
            if next.is_empty() {
                return Ok(all);
            }
            all.extend(next);
        }
    }
}

impl<S: BlobStore + ?Sized> BlobStoreExt for S {}
