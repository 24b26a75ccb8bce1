//! The folder of backups: an archive and a manifest each, written beside and moved in when they are whole.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tms_core::time::Timestamp;

use crate::{
    error::BackupError,
    manifest::{Manifest, is_name, name_at},
    seal::private,
};

/// What a folder begins with while a backup is being made in it.
const DRAFT: &str = ".draft-";
/// How long a draft may lie about before it is taken for one that was cut off.
const STALE: Duration = Duration::from_secs(24 * 3_600);

/// A folder of backups.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// What was kept and what was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The backups that are there, newest first.
    pub kept: Vec<String>,
    /// Those that were removed.
    pub removed: Vec<String>,
}

impl Folder {
    /// Uses this folder; it is made when the first backup is.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the backups, newest first. Manifests that can't be read are no backups.
    ///
    /// # Errors
    /// [`BackupError::File`] when the folder can't be read; a folder that is not there is empty.
    pub fn list(&self) -> Result<Vec<Manifest>, BackupError> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(BackupError::file(&self.path)(error)),
        };
        let names: BTreeSet<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|file| file.strip_suffix(".json").map(str::to_owned))
            .filter(|name| is_name(name))
            .collect();
        let newest_first = names.iter().rev();
        Ok(newest_first.filter_map(|name| self.read(name).ok()).collect())
    }

    /// Returns the backup of this name, or the newest.
    ///
    /// # Errors
    /// [`BackupError::Missing`], [`BackupError::Manifest`].
    pub fn find(&self, name: Option<&str>) -> Result<Manifest, BackupError> {
        let missing = || BackupError::Missing {
            name: name.map(str::to_owned),
            place: self.path.display().to_string(),
        };
        match name {
            None => self.list()?.into_iter().next().ok_or_else(missing),
            Some(name) if !is_name(name) => Err(missing()),
            Some(name) => match self.read(name) {
                Err(BackupError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Err(missing()),
                outcome => outcome,
            },
        }
    }

    /// Returns where the archive of a backup is.
    pub(crate) fn archive(&self, manifest: &Manifest) -> PathBuf {
        self.path.join(&manifest.archive.file)
    }

    fn read(&self, name: &str) -> Result<Manifest, BackupError> {
        let path = self.manifest(name);
        let text = fs::read_to_string(&path).map_err(BackupError::file(&path))?;
        Manifest::read(name, text.as_bytes()).map_err(|cause| BackupError::Manifest {
            place: path.display().to_string(),
            cause,
        })
    }

    fn manifest(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.json"))
    }

    /// Begins a backup.
    pub(crate) fn begin(&self, now: Timestamp) -> Result<Draft, BackupError> {
        let name = name_at(now);
        if self.manifest(&name).exists() {
            return Err(BackupError::Busy);
        }
        self.draft(name)
    }

    /// Makes room for what is read.
    pub(crate) fn begin_reading(&self, now: Timestamp) -> Result<Draft, BackupError> {
        self.draft(format!("{}-read-{}", name_at(now), std::process::id()))
    }

    fn draft(&self, name: String) -> Result<Draft, BackupError> {
        let mut private = DirBuilder::new();
        private.mode(0o700);
        let made = private.recursive(true).create(&self.path);
        made.map_err(BackupError::file(&self.path))?;
        let path = self.path.join(format!("{DRAFT}{name}"));
        match private.recursive(false).create(&path) {
            Ok(()) => Ok(Draft {
                folder: self.clone(),
                name,
                path,
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Busy),
            Err(error) => Err(BackupError::file(path)(error)),
        }
    }

    /// Removes what is older than `keep`, but never the newest whose archive is whole, and drafts that were cut off.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn sweep(&self, now: Timestamp, keep: Duration) -> Result<Kept, BackupError> {
        let oldest = name_at(now.minus(keep));
        let (mut kept, mut removed, mut has_good) = (Vec::new(), Vec::new(), false);
        for manifest in self.list()? {
            let archive = self.archive(&manifest);
            let is_good = fs::metadata(&archive).is_ok_and(|found| found.len() == manifest.archive.digest.bytes);
            if manifest.name >= oldest || (is_good && !has_good) {
                has_good |= is_good;
                kept.push(manifest.name);
                continue;
            }
            // The manifest goes first: without it, there is no backup.
            for path in [self.manifest(&manifest.name), archive] {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(BackupError::file(path)(error));
                    }
                    _ => {}
                }
            }
            removed.push(manifest.name);
        }
        self.remove_drafts(now)?;
        Ok(Kept { kept, removed })
    }

    /// Removes drafts that were cut off.
    pub(crate) fn remove_drafts(&self, now: Timestamp) -> Result<(), BackupError> {
        let oldest = &*name_at(now.minus(STALE));
        let failed = BackupError::file(&self.path);
        let entries = fs::read_dir(&self.path).map_err(failed)?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().and_then(|name| name.to_str());
            if name
                .and_then(|name| name.strip_prefix(DRAFT))
                .is_some_and(|name| name < oldest)
            {
                fs::remove_dir_all(&path).map_err(BackupError::file(&path))?;
            }
        }
        Ok(())
    }
}

/// A folder of its own for what is not whole yet; removed in any case.
#[derive(Debug)]
pub(crate) struct Draft {
    folder: Folder,
    name: String,
    path: PathBuf,
}

impl Draft {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// Moves the archive in, then the manifest that makes it a backup.
    pub(crate) fn publish(self, written: &Path, manifest: &Manifest) -> Result<(), BackupError> {
        let place = self.folder.archive(manifest);
        let publish = || {
            File::open(written)?.sync_all()?;
            fs::rename(written, &place)?;
            let draft = self.path("manifest");
            let mut file = private(&draft)?;
            file.write_all(&manifest.written()?)?;
            file.sync_all()?;
            fs::rename(&draft, self.folder.manifest(&self.name))?;
            File::open(&self.folder.path)?.sync_all()
        };
        publish().map_err(|error| {
            // An archive without a manifest is no backup, and takes room.
            let _ = fs::remove_file(&place);
            BackupError::file(&place)(error)
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contents::Contents,
        manifest::{Archive, FORMAT},
        seal::Digest,
    };

    const DAY: u64 = 24 * 3_600;

    fn at(day: u64) -> Timestamp {
        Timestamp::from_secs(1_769_249_400).plus(Duration::from_secs(day * DAY))
    }

    fn publish(folder: &Folder, now: Timestamp, bytes: u64) -> Result<Manifest, BackupError> {
        let draft = folder.begin(now)?;
        let written = draft.path("plain");
        fs::write(&written, b"data").unwrap();
        let archive = Archive {
            file: format!("{}.dump", draft.name()),
            digest: Digest {
                bytes,
                sha256: String::new(),
            },
            is_encrypted: false,
        };
        let manifest = Manifest {
            format: FORMAT,
            name: name_at(now),
            created_at: now.to_string(),
            release: "0".to_owned(),
            database: "postgres".to_owned(),
            archive,
            contents: Contents::default(),
        };
        draft.publish(&written, &manifest)?;
        Ok(manifest)
    }

    #[test]
    fn the_last_good_one_is_never_removed() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path().join("new/folder"));
        assert!(folder.list().unwrap().is_empty());
        for day in [0, 1, 2] {
            publish(&folder, at(day), 4).unwrap();
        }
        // Its archive was cut since.
        publish(&folder, at(3), 9).unwrap();
        let month = Duration::from_secs(30 * DAY);
        assert!(folder.sweep(at(20), month).unwrap().removed.is_empty());
        let swept = folder.sweep(at(32), month).unwrap();
        assert_eq!(swept.removed, [name_at(at(1)), name_at(at(0))]);
        let swept = folder.sweep(at(99), month).unwrap();
        assert_eq!(
            swept.kept,
            [name_at(at(2))],
            "of those that are whole, the newest stays"
        );
        assert_eq!(folder.find(None).unwrap().name, name_at(at(2)));
        assert!(matches!(
            folder.find(Some(&name_at(at(3)))),
            Err(BackupError::Missing { .. })
        ));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn two_of_one_moment_do_not_mix() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path());
        let first = folder.begin(at(0)).unwrap();
        assert!(matches!(folder.begin(at(0)), Err(BackupError::Busy)));
        drop(first);
        publish(&folder, at(0), 4).unwrap();
        assert!(matches!(folder.begin(at(0)), Err(BackupError::Busy)));
    }

    #[test]
    fn what_was_cut_off_is_no_backup_and_is_removed_later() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path());
        std::mem::forget(folder.begin(at(0)).unwrap());
        fs::write(temporary.path().join("tms-20260124T101000000Z.json"), "{").unwrap();
        assert!(folder.list().unwrap().is_empty());
        let broken = folder.find(Some("tms-20260124T101000000Z"));
        assert!(matches!(broken, Err(BackupError::Manifest { .. })), "{broken:?}");
        folder.sweep(at(3), Duration::ZERO).unwrap();
        assert_eq!(
            fs::read_dir(temporary.path()).unwrap().count(),
            1,
            "what can't be read is left to people"
        );
    }
}
