//! Blobs in a folder of this machine: one file each, written beside and moved in when it is whole and on the disk.

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tms_core::{
    blob::{
        BlobContent, BlobDigest, BlobError, BlobInfo, BlobKey, BlobPrefix, BlobRange, BlobStore, BlobStream, BlobSum,
        Existing,
    },
    secret::Secret,
};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom},
};

/// Where files are written before they are moved in; no key begins with a point.
const DRAFTS: &str = ".drafts";
const STEP: usize = 256 << 10;

/// Blobs in a folder. Here a key can't be the beginning of another one: `a` is a file, or the folder of `a/b`.
#[derive(Debug)]
pub struct FolderBlobs {
    root: PathBuf,
    drafts: AtomicU64,
}

impl FolderBlobs {
    /// Uses this folder; it is made when the first blob is.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            drafts: AtomicU64::new(0),
        }
    }

    /// A key has no part that leads out of the folder.
    fn path(&self, key: &BlobKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Makes a file that nobody else writes. What a process of the same id left behind is passed over.
    async fn draft(&self) -> io::Result<(PathBuf, File)> {
        let folder = self.root.join(DRAFTS);
        fs::create_dir_all(&folder).await?;
        loop {
            let n = self.drafts.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{n}", std::process::id()));
            match File::options().write(true).create_new(true).open(&path).await {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                outcome => return outcome.map(|file| (path, file)),
            }
        }
    }

    async fn publish(&self, draft: &Path, key: &BlobKey, existing: Existing) -> Result<(), BlobError> {
        let place = self.path(key);
        let folder = place.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).await.map_err(unusable)?;
        match existing {
            Existing::Replace => fs::rename(draft, &place).await.map_err(unusable)?,
            // A link is refused when the name is taken, so that one of two writers wins.
            Existing::Keep => match fs::hard_link(draft, &place).await {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(BlobError::Exists(key.clone()));
                }
                outcome => outcome.map_err(unusable)?,
            },
        }
        // The name is on the disk too, and so are the folders on the way to it.
        for folder in folder.ancestors().take_while(|path| path.starts_with(&self.root)) {
            let opened = File::open(folder).await.map_err(unusable)?;
            opened.sync_all().await.map_err(unusable)?;
        }
        Ok(())
    }
}

async fn write(mut file: File, mut content: BlobStream) -> Result<BlobDigest, BlobError> {
    let mut sum = BlobSum::default();
    while let Some(part) = content.try_next().await? {
        sum.add(&part);
        file.write_all(&part).await.map_err(unusable)?;
    }
    file.flush().await.map_err(unusable)?;
    file.sync_all().await.map_err(unusable)?;
    Ok(sum.finish())
}

fn unusable(error: io::Error) -> BlobError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        BlobError::Denied(error.into())
    } else {
        BlobError::Unavailable(error.into())
    }
}

fn missing(key: &BlobKey) -> impl FnOnce(io::Error) -> BlobError {
    move |error| match error.kind() {
        // A part of the key that is a file, and a folder of the name of the key, are no blobs either.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => BlobError::Missing(key.clone()),
        _ => unusable(error),
    }
}

#[async_trait]
impl BlobStore for FolderBlobs {
    async fn put(
        &self,
        key: &BlobKey,
        content: BlobStream,
        expected: BlobDigest,
        existing: Existing,
    ) -> Result<BlobInfo, BlobError> {
        let (draft, file) = self.draft().await.map_err(unusable)?;
        let stored = async {
            if write(file, content).await? != expected {
                return Err(BlobError::Differs(key.clone()));
            }
            self.publish(&draft, key, existing).await
        }
        .await;
        let _ = fs::remove_file(&draft).await;
        stored.map(|()| BlobInfo {
            key: key.clone(),
            bytes: expected.bytes,
        })
    }

    async fn get(&self, key: &BlobKey, range: Option<BlobRange>) -> Result<BlobContent, BlobError> {
        let mut file = File::open(self.path(key)).await.map_err(missing(key))?;
        let metadata = file.metadata().await.map_err(unusable)?;
        if !metadata.is_file() {
            return Err(BlobError::Missing(key.clone()));
        }
        let bytes = metadata.len();
        let len = match range {
            None => bytes,
            Some(range) => {
                let range = range.within(bytes).ok_or_else(|| BlobError::Range(key.clone()))?;
                file.seek(SeekFrom::Start(range.first)).await.map_err(unusable)?;
                range.last - range.first + 1
            }
        };
        Ok(BlobContent {
            info: BlobInfo {
                key: key.clone(),
                bytes,
            },
            stream: stream::try_unfold(file.take(len), next_part).boxed(),
        })
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<BlobInfo>, BlobError> {
        match fs::metadata(self.path(key)).await.map_err(missing(key)) {
            Ok(metadata) if metadata.is_file() => Ok(Some(BlobInfo {
                key: key.clone(),
                bytes: metadata.len(),
            })),
            Ok(_) | Err(BlobError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        if self.head(key).await?.is_none() {
            return Ok(());
        }
        match fs::remove_file(self.path(key)).await.map_err(missing(key)) {
            Err(BlobError::Missing(_)) => Ok(()),
            outcome => outcome,
        }
    }

    async fn list(&self, prefix: &BlobPrefix, after: Option<BlobKey>, limit: u32) -> Result<Vec<BlobInfo>, BlobError> {
        let mut found = Vec::new();
        let mut folders = vec![prefix.as_str().trim_end_matches('/').to_owned()];
        while let Some(folder) = folders.pop() {
            let mut entries = match fs::read_dir(self.root.join(&folder)).await {
                Ok(entries) => entries,
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    continue;
                }
                Err(error) => return Err(unusable(error)),
            };
            while let Some(entry) = entries.next_entry().await.map_err(unusable)? {
                let name = entry.file_name();
                let separator = if folder.is_empty() { "" } else { "/" };
                let path = format!("{folder}{separator}{}", name.to_string_lossy());
                // What is no key, such as the drafts, was not put here.
                let Ok(key) = path.parse::<BlobKey>() else { continue };
                // It may have been deleted meanwhile.
                let Ok(metadata) = entry.metadata().await else { continue };
                if metadata.is_dir() {
                    folders.push(path);
                } else if metadata.is_file() && after.as_ref().is_none_or(|after| key > *after) {
                    let bytes = metadata.len();
                    found.push(BlobInfo { key, bytes });
                }
            }
        }
        found.sort_unstable_by(|one, two| one.key.cmp(&two.key));
        found.truncate(usize::try_from(limit.clamp(1, 1_000)).unwrap_or(1_000));
        Ok(found)
    }

    async fn download_url(&self, _key: &BlobKey, _valid_for: Duration) -> Result<Option<Secret<String>>, BlobError> {
        Ok(None)
    }
}

async fn next_part(mut file: tokio::io::Take<File>) -> Result<Option<(Bytes, tokio::io::Take<File>)>, BlobError> {
    let wanted = usize::try_from(file.limit()).unwrap_or(STEP).min(STEP);
    if wanted == 0 {
        return Ok(None);
    }
    let mut part = Vec::with_capacity(wanted);
    file.read_buf(&mut part).await.map_err(unusable)?;
    if part.is_empty() {
        // The file was cut while it was read: an end would pass for the whole.
        return Err(unusable(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Some((part.into(), file)))
}
