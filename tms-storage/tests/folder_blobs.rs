//! Blobs in a folder pass the suite, and what a crash leaves is not seen.
#![allow(clippy::unwrap_used, reason = "a test that finds the unexpected stops loudly")]

use std::sync::Arc;

use tms_core::{
    blob::{self, BlobDigest, BlobPrefix, BlobStore, BlobStoreExt, Existing},
    testkit::conformance::blob::FreshBlobs,
};
use tms_storage::FolderBlobs;

#[allow(clippy::unused_async, reason = "the suite awaits it")]
async fn fresh() -> Option<FreshBlobs> {
    let folder = tempfile::tempdir().unwrap();
    Some(FreshBlobs {
        store: Arc::new(FolderBlobs::new(folder.path().join("blobs"))),
        fetch: None,
        guard: Box::new(folder),
    })
}

tms_core::blob_conformance!(fresh);

#[tokio::test]
async fn drafts_are_no_blobs_and_folders_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderBlobs::new(folder.path());
    let key = "a/b/c".parse().unwrap();
    let content = || blob::once(&b"x"[..]);
    let digest = BlobDigest::of(b"x");
    store.put(&key, content(), digest, Existing::Keep).await.unwrap();
    std::fs::write(folder.path().join(".drafts/1-0"), "half").unwrap();
    let all = store.list_all(&BlobPrefix::default()).await.unwrap();
    assert_eq!(all.len(), 1);
    for none in ["a", "a/b", "a/b/c/d"] {
        let none = none.parse().unwrap();
        assert_eq!(store.head(&none).await.unwrap(), None, "{none}");
        assert!(store.get(&none, None).await.is_err());
        store.delete(&none).await.unwrap();
    }
    assert!(store.head(&key).await.unwrap().is_some());
}

#[tokio::test]
async fn a_place_that_can_not_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let store = FolderBlobs::new(&file);
    let outcome = store
        .put(
            &"x".parse().unwrap(),
            blob::once(&b"x"[..]),
            BlobDigest::of(b"x"),
            Existing::Keep,
        )
        .await;
    assert!(matches!(outcome, Err(blob::BlobError::Unavailable(_))), "{outcome:?}");
}
