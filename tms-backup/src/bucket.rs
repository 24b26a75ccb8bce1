//! Backups kept as blobs: an archive and a manifest each. Nothing is ever overwritten, so that the place may forbid it.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tms_core::{
    blob::{
        self, BlobDigest, BlobError, BlobHash, BlobKey, BlobPrefix, BlobStore, BlobStoreExt, BlobStream, Existing,
        InvalidBlobKey,
    },
    time::Timestamp,
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
};

use crate::{
    error::BackupError,
    folder::{Folder, Kept},
    manifest::{Manifest, is_name, name_at},
    seal::private,
};

/// The longest manifest: that of thousands of tables.
const LONGEST_MANIFEST: usize = 16 << 20;
const AT_A_TIME: usize = 8;
const STEP: usize = 256 << 10;

/// Backups in a store of blobs.
#[derive(Debug, Clone)]
pub struct Bucket {
    blobs: Arc<dyn BlobStore>,
    address: String,
    desk: Folder,
}

impl Bucket {
    /// Keeps backups in `blobs`, which people know by `address`; drafts are made in the folder `desk`.
    pub fn new(blobs: Arc<dyn BlobStore>, address: impl Into<String>, desk: impl Into<PathBuf>) -> Self {
        Self {
            blobs,
            address: address.into().trim_end_matches('/').to_owned(),
            desk: Folder::new(desk),
        }
    }

    /// Returns by what people know it.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub(crate) const fn desk(&self) -> &Folder {
        &self.desk
    }

    fn failed(&self, file: &str) -> impl FnOnce(BlobError) -> BackupError {
        let place = format!("{}/{file}", self.address);
        move |source| BackupError::Store { place, source }
    }

    fn key(&self, file: &str) -> Result<BlobKey, BackupError> {
        // Names of backups are keys, so this never happens.
        file.parse()
            .map_err(|wrong: InvalidBlobKey| self.no_manifest(file, &wrong.to_string()))
    }

    fn no_manifest(&self, file: &str, cause: &str) -> BackupError {
        BackupError::Manifest {
            place: format!("{}/{file}", self.address),
            cause: cause.to_owned(),
        }
    }

    /// Lists what is there: names of backups, and lengths of all files.
    async fn files(&self) -> Result<BTreeMap<String, u64>, BackupError> {
        let all = self.blobs.list_all(&BlobPrefix::default()).await;
        let all = all.map_err(self.failed(""))?;
        Ok(all.into_iter().map(|info| (info.key.to_string(), info.bytes)).collect())
    }

    async fn manifests(&self, files: &BTreeMap<String, u64>) -> Result<Vec<Manifest>, BackupError> {
        let names = files.keys().rev().filter_map(|file| file.strip_suffix(".json"));
        let read = names.filter(|name| is_name(name)).map(|name| async move {
            match self.read(name).await {
                Ok(manifest) => Ok(Some(manifest)),
                // What can't be read is left to people; what was removed meanwhile is gone.
                Err(BackupError::Manifest { .. } | BackupError::Missing { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let read: Vec<Option<Manifest>> = stream::iter(read).buffered(AT_A_TIME).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    pub(crate) async fn list(&self) -> Result<Vec<Manifest>, BackupError> {
        self.manifests(&self.files().await?).await
    }

    pub(crate) async fn find(&self, name: Option<&str>) -> Result<Manifest, BackupError> {
        let missing = || BackupError::Missing {
            name: name.map(str::to_owned),
            place: self.address.clone(),
        };
        match name {
            None => self.list().await?.into_iter().next().ok_or_else(missing),
            Some(name) if !is_name(name) => Err(missing()),
            Some(name) => self.read(name).await,
        }
    }

    async fn read(&self, name: &str) -> Result<Manifest, BackupError> {
        let file = format!("{name}.json");
        match self.blobs.read(&self.key(&file)?, LONGEST_MANIFEST).await {
            Ok(text) => Manifest::read(name, &text).map_err(|cause| self.no_manifest(&file, &cause)),
            Err(BlobError::Missing(_)) => Err(BackupError::Missing {
                name: Some(name.to_owned()),
                place: self.address.clone(),
            }),
            Err(BlobError::Differs(_)) => Err(self.no_manifest(&file, "it is too long")),
            Err(error) => Err(self.failed(&file)(error)),
        }
    }

    /// Uploads the archive, then the manifest that makes it a backup.
    pub(crate) async fn publish(&self, written: &Path, manifest: &Manifest) -> Result<(), BackupError> {
        let (file, digest) = (&manifest.archive.file, &manifest.archive.digest);
        let archive = self.key(file)?;
        let sha256: BlobHash = digest.sha256.parse().map_err(|_| self.no_manifest(file, "no hash"))?;
        let bytes = digest.bytes;
        let content = self.content(written).await?;
        self.put(&archive, content, BlobDigest { bytes, sha256 }).await?;
        let name = format!("{}.json", manifest.name);
        let text = manifest
            .written()
            .map_err(|error| self.no_manifest(&name, &error.to_string()))?;
        let digest = BlobDigest::of(&text);
        let outcome = self.put(&self.key(&name)?, blob::once(text), digest).await;
        if outcome.is_err() {
            // An archive without a manifest is no backup, and takes room.
            let _ = self.blobs.delete(&archive).await;
        }
        outcome
    }

    async fn put(&self, key: &BlobKey, content: BlobStream, digest: BlobDigest) -> Result<(), BackupError> {
        match self.blobs.put(key, content, digest, Existing::Keep).await {
            Ok(_) => Ok(()),
            Err(BlobError::Exists(_)) => Err(BackupError::Busy),
            Err(error) => Err(self.failed(key.as_str())(error)),
        }
    }

    async fn content(&self, path: &Path) -> Result<BlobStream, BackupError> {
        let file = File::open(path).await.map_err(BackupError::file(path))?;
        let parts = stream::try_unfold(file, |mut file| async move {
            let mut part = Vec::with_capacity(STEP);
            let read = file.read_buf(&mut part).await;
            read.map_err(|error| BlobError::Source(error.into()))?;
            Ok((!part.is_empty()).then(|| (Bytes::from(part), file)))
        });
        Ok(parts.boxed())
    }

    /// Writes the archive to a file of this machine.
    pub(crate) async fn fetch(&self, manifest: &Manifest, to: PathBuf) -> Result<PathBuf, BackupError> {
        let file = &manifest.archive.file;
        let failed = |error| match error {
            BlobError::Missing(_) => BackupError::Damaged {
                place: format!("{}/{file}", self.address),
                expected: manifest.archive.digest.bytes,
                found: 0,
            },
            error => self.failed(file)(error),
        };
        let mut content = self.blobs.get(&self.key(file)?, None).await.map_err(failed)?;
        let written = private(&to).map_err(BackupError::file(&to))?;
        let mut written = File::from_std(written);
        while let Some(part) = content.stream.try_next().await.map_err(failed)? {
            written.write_all(&part).await.map_err(BackupError::file(&to))?;
        }
        written.flush().await.map_err(BackupError::file(&to))?;
        Ok(to)
    }

    pub(crate) async fn sweep(&self, now: Timestamp, keep: Duration) -> Result<Kept, BackupError> {
        let files = self.files().await?;
        let oldest = name_at(now.minus(keep));
        let (mut kept, mut removed, mut has_good) = (Vec::new(), Vec::new(), false);
        for manifest in self.manifests(&files).await? {
            let archive = &manifest.archive.file;
            let is_good = files.get(archive) == Some(&manifest.archive.digest.bytes);
            if manifest.name >= oldest || (is_good && !has_good) {
                has_good |= is_good;
                kept.push(manifest.name);
                continue;
            }
            // The manifest goes first: without it, there is no backup.
            for file in [&format!("{}.json", manifest.name), archive] {
                let gone = self.blobs.delete(&self.key(file)?).await;
                gone.map_err(self.failed(file))?;
            }
            removed.push(manifest.name);
        }
        match self.desk.remove_drafts(now) {
            Err(BackupError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            outcome => outcome?,
        }
        Ok(Kept { kept, removed })
    }
}

#[cfg(test)]
mod tests;
