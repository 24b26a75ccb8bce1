//! Where backups are kept: a folder of this machine, or a place elsewhere.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use tms_core::time::Timestamp;

use crate::{
    bucket::Bucket,
    error::BackupError,
    folder::{Draft, Folder, Kept},
    manifest::Manifest,
};

/// Where backups are kept.
#[derive(Debug, Clone)]
pub enum Depot {
    /// In a folder.
    Folder(Folder),
    /// Elsewhere, where others might read: only encrypted.
    Bucket(Bucket),
}

impl fmt::Display for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.path().display()),
            Self::Bucket(bucket) => f.write_str(bucket.address()),
        }
    }
}

impl Depot {
    /// Returns the backups, newest first. Manifests that can't be read are no backups.
    ///
    /// # Errors
    /// [`BackupError::File`], [`BackupError::Store`].
    pub async fn list(&self) -> Result<Vec<Manifest>, BackupError> {
        match self {
            Self::Folder(folder) => folder.list(),
            Self::Bucket(bucket) => bucket.list().await,
        }
    }

    /// Returns the backup of this name, or the newest.
    ///
    /// # Errors
    /// [`BackupError::Missing`], [`BackupError::Manifest`], [`BackupError::Store`].
    pub async fn find(&self, name: Option<&str>) -> Result<Manifest, BackupError> {
        match self {
            Self::Folder(folder) => folder.find(name),
            Self::Bucket(bucket) => bucket.find(name).await,
        }
    }

    /// Removes what is older than `keep`, but never the newest whose archive is whole, and drafts that were cut off.
    ///
    /// # Errors
    /// [`BackupError::File`], [`BackupError::Store`].
    pub async fn sweep(&self, now: Timestamp, keep: Duration) -> Result<Kept, BackupError> {
        match self {
            Self::Folder(folder) => folder.sweep(now, keep),
            Self::Bucket(bucket) => bucket.sweep(now, keep).await,
        }
    }

    /// Says where the archive of a backup is.
    pub fn place_of(&self, manifest: &Manifest) -> String {
        format!("{self}/{}", manifest.archive.file)
    }

    pub(crate) const fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Bucket(_))
    }

    /// Returns the folder in which drafts are made.
    const fn desk(&self) -> &Folder {
        match self {
            Self::Folder(folder) => folder,
            Self::Bucket(bucket) => bucket.desk(),
        }
    }

    pub(crate) fn begin(&self, now: Timestamp) -> Result<Draft, BackupError> {
        self.desk().begin(now)
    }

    pub(crate) fn begin_reading(&self, now: Timestamp) -> Result<Draft, BackupError> {
        self.desk().begin_reading(now)
    }

    pub(crate) async fn publish(&self, draft: Draft, written: &Path, manifest: &Manifest) -> Result<(), BackupError> {
        match self {
            Self::Folder(_) => draft.publish(written, manifest),
            Self::Bucket(bucket) => bucket.publish(written, manifest).await,
        }
    }

    /// Returns a file with the archive; what is elsewhere is fetched into the draft.
    pub(crate) async fn archive(&self, manifest: &Manifest, draft: &Draft) -> Result<PathBuf, BackupError> {
        match self {
            Self::Folder(folder) => Ok(folder.archive(manifest)),
            Self::Bucket(bucket) => bucket.fetch(manifest, draft.path("fetched")).await,
        }
    }
}
