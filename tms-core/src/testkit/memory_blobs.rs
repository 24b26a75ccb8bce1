//! Blobs in memory.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;

use crate::{
    blob::{
        self, BlobContent, BlobDigest, BlobError, BlobInfo, BlobKey, BlobPrefix, BlobRange, BlobStore, BlobStream,
        BlobSum, Existing,
    },
    secret::Secret,
};

/// Blobs in memory; nothing survives the process, and none has an address.
#[derive(Default)]
pub struct MemoryBlobs {
    blobs: Mutex<BTreeMap<BlobKey, Bytes>>,
}

impl MemoryBlobs {
    /// Makes an empty store.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BlobKey, Bytes>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBlobs")
            .field("blobs", &self.lock().len())
            .finish()
    }
}

fn info(key: &BlobKey, content: &Bytes) -> BlobInfo {
    BlobInfo {
        key: key.clone(),
        bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
    }
}

#[async_trait]
impl BlobStore for MemoryBlobs {
    async fn put(
        &self,
        key: &BlobKey,
        mut content: BlobStream,
        expected: BlobDigest,
        existing: Existing,
    ) -> Result<BlobInfo, BlobError> {
        let (mut read, mut sum) = (Vec::new(), BlobSum::default());
        while let Some(part) = content.try_next().await? {
            sum.add(&part);
            read.extend_from_slice(&part);
        }
        if sum.finish() != expected {
            return Err(BlobError::Differs(key.clone()));
        }
        let mut blobs = self.lock();
        if existing == Existing::Keep && blobs.contains_key(key) {
            return Err(BlobError::Exists(key.clone()));
        }
        let content = Bytes::from(read);
        let info = info(key, &content);
        blobs.insert(key.clone(), content);
        Ok(info)
    }

    async fn get(&self, key: &BlobKey, range: Option<BlobRange>) -> Result<BlobContent, BlobError> {
        let content = self.lock().get(key).cloned();
        let content = content.ok_or_else(|| BlobError::Missing(key.clone()))?;
        let info = info(key, &content);
        let asked = match range {
            None => content,
            Some(range) => {
                let outside = || BlobError::Range(key.clone());
                let range = range.within(info.bytes).ok_or_else(outside)?;
                let end = |at: u64| usize::try_from(at).map_err(|_| outside());
                content.slice(end(range.first)?..=end(range.last)?)
            }
        };
        Ok(BlobContent {
            info,
            stream: blob::once(asked),
        })
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<BlobInfo>, BlobError> {
        Ok(self.lock().get(key).map(|content| info(key, content)))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.lock().remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &BlobPrefix, after: Option<BlobKey>, limit: u32) -> Result<Vec<BlobInfo>, BlobError> {
        let limit = usize::try_from(limit.clamp(1, 1_000)).unwrap_or(1_000);
        let blobs = self.lock();
        let asked = blobs.iter().filter(|(key, _)| {
            key.as_str().starts_with(prefix.as_str()) && after.as_ref().is_none_or(|after| *key > after)
        });
        Ok(asked.take(limit).map(|(key, content)| info(key, content)).collect())
    }

    async fn download_url(&self, _key: &BlobKey, _valid_for: Duration) -> Result<Option<Secret<String>>, BlobError> {
        Ok(None)
    }
}
