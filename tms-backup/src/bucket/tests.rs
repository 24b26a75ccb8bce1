use tms_core::testkit::MemoryBlobs;

use super::*;
use crate::{
    contents::Contents,
    depot::Depot,
    manifest::{Archive, FORMAT},
    seal::Digest,
};

const DAY: u64 = 24 * 3_600;

fn at(day: u64) -> Timestamp {
    Timestamp::from_secs(1_769_249_400).plus(Duration::from_secs(day * DAY))
}

struct Bench {
    blobs: Arc<MemoryBlobs>,
    depot: Depot,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let (blobs, folder) = (MemoryBlobs::new(), tempfile::tempdir().unwrap());
        let bucket = Bucket::new(blobs.clone(), "s3://backups/tms/", folder.path().join("desk"));
        Self {
            blobs,
            depot: Depot::Bucket(bucket),
            _folder: folder,
        }
    }

    async fn publish(&self, now: Timestamp) -> Result<Manifest, BackupError> {
        let draft = self.depot.begin(now)?;
        let written = draft.path("plain");
        std::fs::write(&written, b"data").unwrap();
        let manifest = Manifest {
            format: FORMAT,
            name: name_at(now),
            created_at: now.to_string(),
            release: "0".to_owned(),
            database: "postgres".to_owned(),
            archive: Archive {
                file: format!("{}.dump.age", draft.name()),
                digest: Digest {
                    bytes: 4,
                    sha256: BlobDigest::of(b"data").sha256.to_string(),
                },
                is_encrypted: true,
            },
            contents: Contents::default(),
        };
        self.depot.publish(draft, &written, &manifest).await?;
        Ok(manifest)
    }

    async fn replace(&self, file: &str, content: &[u8]) {
        let (key, digest) = (file.parse().unwrap(), BlobDigest::of(content));
        let content = blob::once(content.to_vec());
        self.blobs.put(&key, content, digest, Existing::Replace).await.unwrap();
    }

    async fn count(&self) -> usize {
        self.blobs.list_all(&BlobPrefix::default()).await.unwrap().len()
    }
}

#[tokio::test]
async fn what_was_published_is_found_and_fetched() {
    let bench = Bench::new();
    assert!(matches!(bench.depot.find(None).await, Err(BackupError::Missing { .. })));
    let first = bench.publish(at(0)).await.unwrap();
    let second = bench.publish(at(1)).await.unwrap();
    assert_eq!(bench.depot.list().await.unwrap(), [second.clone(), first.clone()]);
    assert_eq!(bench.depot.find(None).await.unwrap(), second);
    assert_eq!(bench.depot.find(Some(&first.name)).await.unwrap(), first);
    for none in ["tms-20260124T101000001Z", "../x", ""] {
        let outcome = bench.depot.find(Some(none)).await;
        assert!(matches!(outcome, Err(BackupError::Missing { .. })), "{outcome:?}");
    }
    let draft = bench.depot.begin_reading(at(2)).unwrap();
    let fetched = bench.depot.archive(&first, &draft).await.unwrap();
    assert_eq!(std::fs::read(fetched).unwrap(), b"data");
    assert_eq!(
        bench.depot.place_of(&first),
        format!("s3://backups/tms/{}.dump.age", first.name)
    );
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let bench = Bench::new();
    bench.publish(at(0)).await.unwrap();
    assert!(matches!(bench.publish(at(0)).await, Err(BackupError::Busy)));
    assert_eq!(bench.count().await, 2);
    // The manifest is there without the archive, which must not stay then.
    let name = name_at(at(1));
    bench.replace(&format!("{name}.json"), b"{}").await;
    assert!(matches!(bench.publish(at(1)).await, Err(BackupError::Busy)));
    assert_eq!(bench.count().await, 3);
    let broken = bench.depot.find(Some(&name)).await;
    assert!(matches!(broken, Err(BackupError::Manifest { .. })), "{broken:?}");
}

#[tokio::test]
async fn the_last_good_one_is_never_removed() {
    let bench = Bench::new();
    for day in 0..4 {
        bench.publish(at(day)).await.unwrap();
    }
    // Its archive was cut since.
    bench.replace(&format!("{}.dump.age", name_at(at(3))), b"dat").await;
    let month = Duration::from_secs(30 * DAY);
    assert_eq!(bench.depot.sweep(at(20), month).await.unwrap().removed, [""; 0]);
    let swept = bench.depot.sweep(at(32), month).await.unwrap();
    assert_eq!(swept.removed, [name_at(at(1)), name_at(at(0))]);
    let swept = bench.depot.sweep(at(99), month).await.unwrap();
    assert_eq!(
        swept.kept,
        [name_at(at(2))],
        "of those that are whole, the newest stays"
    );
    assert_eq!(bench.count().await, 2);
}

#[tokio::test]
async fn a_manifest_that_leads_elsewhere_is_none() {
    let bench = Bench::new();
    let mut manifest = bench.publish(at(0)).await.unwrap();
    for file in ["../other", "other.dump", "/etc/passwd"] {
        manifest.archive.file = file.to_owned();
        let text = manifest.written().unwrap();
        bench.replace(&format!("{}.json", manifest.name), &text).await;
        let found = bench.depot.find(Some(&manifest.name)).await;
        assert!(matches!(found, Err(BackupError::Manifest { .. })), "{found:?}");
        assert!(bench.depot.list().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_archive_that_is_gone_is_damage() {
    let bench = Bench::new();
    let manifest = bench.publish(at(0)).await.unwrap();
    bench
        .blobs
        .delete(&manifest.archive.file.parse().unwrap())
        .await
        .unwrap();
    let draft = bench.depot.begin_reading(at(1)).unwrap();
    let outcome = bench.depot.archive(&manifest, &draft).await;
    assert!(
        matches!(outcome, Err(BackupError::Damaged { found: 0, .. })),
        "{outcome:?}"
    );
}
