//! Backups of a TMS database: an archive with a manifest of what is in it, made from one snapshot, encrypted to a public
//! key if there is one, and put back beside the present database before it takes its place.
//!
//! A backup exists when its manifest does: the archive is written, read back and flushed before. What was restored is
//! compared with the manifest table by table before anything is replaced.

#![warn(missing_docs)]

mod bucket;
mod contents;
mod database;
mod depot;
mod error;
mod folder;
mod manifest;
#[cfg(feature = "postgres")]
pub mod postgres;
mod seal;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use std::path::PathBuf;

use folder::Draft;
use tms_core::time::Timestamp;

pub use self::{
    bucket::Bucket,
    contents::{AuditHead, Contents, TableSum},
    database::{Beside, Database, Place, Swapped},
    depot::Depot,
    error::BackupError,
    folder::{Folder, Kept},
    manifest::{Archive, Manifest},
    seal::{Identity, Recipient},
};

/// Makes backups of one database, keeps them in one place, and puts them back.
#[derive(Debug)]
pub struct Backups {
    /// Where backups are.
    pub depot: Depot,
    /// What is backed up.
    pub database: Database,
    /// Whose private key is needed to restore; without one, archives can be read by whoever has them.
    pub recipient: Option<Recipient>,
}

impl Backups {
    /// Makes a backup. Older ones are left alone.
    ///
    /// # Errors
    /// [`BackupError`]; whatever was begun is removed then.
    pub async fn make(&self, now: Timestamp) -> Result<Manifest, BackupError> {
        if self.depot.is_elsewhere() && self.recipient.is_none() {
            return Err(BackupError::NeedsRecipient(self.depot.to_string()));
        }
        let draft = self.depot.begin(now)?;
        let plain = draft.path("plain");
        let contents = self.database.dump(&plain).await?;
        let (archive, is_encrypted) = match &self.recipient {
            Some(recipient) => {
                let sealed = draft.path("sealed");
                seal::encrypt(plain, sealed.clone(), recipient.clone()).await?;
                (sealed, true)
            }
            None => (plain, false),
        };
        let archive = Archive {
            file: manifest::archive_name(draft.name(), self.database.extension(), is_encrypted),
            digest: seal::digest(archive.clone()).await?,
            is_encrypted,
        }
        .at(archive);
        let (archive, written) = archive;
        let manifest = Manifest {
            format: manifest::FORMAT,
            name: manifest::name_at(now),
            created_at: now.to_string(),
            release: env!("CARGO_PKG_VERSION").to_owned(),
            database: self.database.kind().to_owned(),
            archive,
            contents,
        };
        self.depot.publish(draft, &written, &manifest).await?;
        Ok(manifest)
    }

    /// Restores a backup beside the present database, and compares it with the manifest.
    ///
    /// # Errors
    /// [`BackupError`]; nothing is left beside then.
    pub async fn restore_beside(
        &self,
        manifest: &Manifest,
        identity: Option<&Identity>,
        now: Timestamp,
    ) -> Result<Beside, BackupError> {
        if manifest.database != self.database.kind() {
            return Err(BackupError::OtherDatabase(manifest.database.clone()));
        }
        let draft = self.depot.begin_reading(now)?;
        let archive = self.checked_archive(manifest, &draft).await?;
        let plain = if manifest.archive.is_encrypted {
            let identity = identity.ok_or(BackupError::NoIdentity)?;
            let plain = draft.path("plain");
            seal::decrypt(archive, plain.clone(), identity.clone()).await?;
            plain
        } else {
            archive
        };
        let beside = self.database.restore_beside(&plain, now).await?;
        let found = self.database.contents(beside.place()).await;
        let differences = found.map(|found| manifest.contents.differences(&found));
        match differences {
            Ok(differences) if differences.is_empty() => Ok(beside),
            Ok(differences) => {
                self.database.discard(beside).await?;
                Err(BackupError::Differs(differences))
            }
            Err(error) => {
                self.database.discard(beside).await?;
                Err(error)
            }
        }
    }

    async fn checked_archive(&self, manifest: &Manifest, draft: &Draft) -> Result<PathBuf, BackupError> {
        let path = self.depot.archive(manifest, draft).await?;
        let found = seal::digest(path.clone()).await?;
        if found == manifest.archive.digest {
            Ok(path)
        } else {
            Err(BackupError::Damaged {
                place: self.depot.place_of(manifest),
                expected: manifest.archive.digest.bytes,
                found: found.bytes,
            })
        }
    }
}
