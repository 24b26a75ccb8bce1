//! What a network and a busy AWS do to S3: nothing half is left, and nothing waits for ever.

use std::time::Instant;

use aws_sdk_s3::Client;
use bytes::Bytes;
use futures::{StreamExt, stream};
use tms_aws::{Patience, S3Blobs};
use tms_core::blob::{BlobDigest, BlobError, BlobPrefix, BlobStore, BlobStoreExt, BlobStream, Existing};

use crate::{
    faulty::{Faulty, Way},
    s3::{bucket, client},
    stand_in::{SECRET, aws, hurried, signed, url},
};

const SLOW_DOWN: Way = Way::Answer(
    503,
    "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
);
const BROKEN: Way = Way::Answer(
    500,
    "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>",
);

struct Bench {
    /// Behind the faults.
    store: S3Blobs,
    /// Beside them.
    client: Client,
    bucket: String,
    faulty: Faulty,
}

impl Bench {
    async fn new(ways: &[Way], then: Way, patience: Patience) -> Option<Self> {
        let url = url()?;
        let direct = aws(&url).await;
        let bucket = bucket(&direct, &url).await;
        let faulty = Faulty::before(&url, ways, then).await;
        let through = signed(&faulty.url(), SECRET, patience).await;
        Some(Self {
            store: S3Blobs::new(&through, &bucket, BlobPrefix::default()),
            client: client(&direct, &url),
            bucket,
            faulty,
        })
    }

    async fn put(&self, content: &[u8]) -> Result<(), BlobError> {
        let parts: Vec<_> = content
            .chunks(1 << 20)
            .map(|part| Ok(Bytes::copy_from_slice(part)))
            .collect();
        let stream: BlobStream = stream::iter(parts).boxed();
        let key = "x".parse().unwrap();
        let put = self.store.put(&key, stream, BlobDigest::of(content), Existing::Keep);
        put.await.map(drop)
    }

    /// Counts objects, and uploads that were begun and not ended.
    async fn left(&self) -> (usize, usize) {
        let objects = self.client.list_objects_v2().bucket(&self.bucket).send().await.unwrap();
        let uploads = self
            .client
            .list_multipart_uploads()
            .bucket(&self.bucket)
            .send()
            .await
            .unwrap();
        (objects.contents().len(), uploads.uploads().len())
    }
}

#[tokio::test]
async fn a_few_faults_are_got_over() {
    let ways = [SLOW_DOWN, BROKEN];
    let Some(bench) = Bench::new(&ways, Way::Free, hurried()).await else {
        return;
    };
    bench.put(b"content").await.unwrap();
    assert_eq!(bench.store.read(&"x".parse().unwrap(), 100).await.unwrap(), b"content");
    assert_eq!(bench.left().await, (1, 0));
    assert!(bench.faulty.connections() >= 3);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_no_fault() {
    let Some(bench) = Bench::new(&[Way::Swallowed], Way::Free, hurried()).await else {
        return;
    };
    bench.put(b"content").await.unwrap();
    assert_eq!(bench.left().await, (1, 0));
    // What another one wrote is not taken for one's own.
    assert!(matches!(bench.put(b"content").await, Err(BlobError::Exists(_))));
}

#[tokio::test]
async fn faults_without_end_are_told_in_time() {
    for way in [SLOW_DOWN, BROKEN, Way::Silent, Way::Closed] {
        let Some(bench) = Bench::new(&[], way, hurried()).await else {
            return;
        };
        let begun = Instant::now();
        let key = "x".parse().unwrap();
        let put = bench.put(b"content").await;
        assert!(matches!(put, Err(BlobError::Unavailable(_))), "{way:?}: {put:?}");
        let get = bench.store.get(&key, None).await;
        assert!(matches!(get, Err(BlobError::Unavailable(_))), "{way:?}: {get:?}");
        let head = bench.store.head(&key).await;
        assert!(matches!(head, Err(BlobError::Unavailable(_))), "{way:?}: {head:?}");
        let list = bench.store.list(&BlobPrefix::default(), None, 10).await;
        assert!(matches!(list, Err(BlobError::Unavailable(_))), "{way:?}: {list:?}");
        let delete = bench.store.delete(&key).await;
        assert!(matches!(delete, Err(BlobError::Unavailable(_))), "{way:?}: {delete:?}");
        assert!(begun.elapsed().as_secs() < 25, "{way:?} took {:?}", begun.elapsed());
        assert_eq!(bench.left().await, (0, 0), "{way:?}");
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_aborted() {
    let content = vec![7; 20 << 20];
    // Each request has a connection. The second part is cut, and tried in vain; the way is free again for the end.
    let ways = [Way::Free, Way::Free, Way::CutAfter(1 << 20), BROKEN, BROKEN];
    let patience = Patience {
        attempts: 3,
        ..Patience::default()
    };
    let Some(bench) = Bench::new(&ways, Way::Free, patience).await else {
        return;
    };
    let put = bench.put(&content).await;
    assert!(matches!(put, Err(BlobError::Unavailable(_))), "{put:?}");
    assert_eq!(bench.left().await, (0, 0));
    // The same again works.
    bench.put(&content).await.unwrap();
    assert_eq!(bench.left().await, (1, 0));
}

#[tokio::test]
async fn an_upload_is_aborted_when_nobody_waits_for_it_any_more() {
    let Some(bench) = Bench::new(&[], Way::Free, Patience::default()).await else {
        return;
    };
    let first = stream::once(async { Ok(Bytes::from(vec![7; 9 << 20])) });
    let (key, expected) = ("x".parse().unwrap(), BlobDigest::of(&vec![7; 20 << 20]));
    let endless = first.chain(stream::pending()).boxed();
    let put = bench.store.put(&key, endless, expected, Existing::Keep);
    let mut put = Box::pin(put);
    loop {
        let tick = tokio::time::timeout(std::time::Duration::from_millis(20), &mut put).await;
        assert!(tick.is_err(), "it waits for the rest");
        if bench.left().await.1 == 1 {
            break;
        }
    }
    drop(put);
    while bench.left().await != (0, 0) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_is_a_fault() {
    let Some(bench) = Bench::new(&[], Way::Free, hurried()).await else {
        return;
    };
    let content = vec![7; 3 << 20];
    bench.put(&content).await.unwrap();
    // A connection of its own: the one before is free for good.
    let faulty = Faulty::before(&bench.faulty.url(), &[], Way::CutAnswerAfter(1 << 20)).await;
    let through = signed(&faulty.url(), SECRET, hurried()).await;
    let store = S3Blobs::new(&through, &bench.bucket, BlobPrefix::default());
    let read = store.read(&"x".parse().unwrap(), content.len()).await;
    assert!(
        matches!(read, Err(BlobError::Unavailable(_))),
        "{:?}",
        read.map(|read| read.len())
    );
}
