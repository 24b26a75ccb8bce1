//! Cases of [`crate::blob::BlobStore`], with a list of their own: blobs are kept elsewhere than rows.
//!
//! A store's tests say `tms_core::blob_conformance!(fresh);` where `fresh` is an `async fn() -> Option<FreshBlobs>`.

use std::{any::Any, collections::BTreeSet, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::BoxFuture, stream};

use crate::blob::{
    self, BlobContent, BlobDigest, BlobError, BlobKey, BlobPrefix, BlobRange, BlobStore, BlobStoreExt, BlobStream,
    Existing,
};

/// Fetches an address; answers the content, or the status that is no success.
pub type Fetch = Box<dyn Fn(String) -> BoxFuture<'static, Result<Vec<u8>, u16>> + Send + Sync>;

/// An empty store of blobs for one case, with whatever must live as long.
pub struct FreshBlobs {
    /// The store.
    pub store: Arc<dyn BlobStore>,
    /// How its addresses are fetched, if it has some.
    pub fetch: Option<Fetch>,
    /// Dropped after the case.
    pub guard: Box<dyn Any + Send>,
}

impl fmt::Debug for FreshBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreshBlobs")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// Writes one test per case, each on a fresh store; `None` skips the case.
#[macro_export]
macro_rules! blob_conformance {
    ($fresh:path) => {
        $crate::blob_conformance! { @cases $fresh;
            what_was_put_is_read_back, another_content_is_not_stored, a_broken_source_leaves_nothing,
            many_parts_are_read_back, ranges_are_read, what_is_there_is_kept_or_replaced, one_of_two_writers_wins,
            deleting_twice_is_no_fault, lists_go_on_where_they_ended, an_address_leads_to_the_content
        }
    };
    (@cases $fresh:path; $($case:ident),+) => {
        $(
            #[tokio::test]
            async fn $case() {
                if let Some(fresh) = $fresh().await {
                    $crate::testkit::conformance::blob::$case(&fresh).await;
                }
            }
        )+
    };
}

fn key(text: &str) -> BlobKey {
    text.parse().unwrap()
}

/// Makes bytes that repeat nowhere near, so that a part in the wrong place is noticed.
fn content(len: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut made = Vec::with_capacity(len + 8);
    while made.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        made.extend_from_slice(&state.to_le_bytes());
    }
    made.truncate(len);
    made
}

/// Yields contents in uneven pieces.
fn pieces(content: &[u8], piece: usize) -> BlobStream {
    let pieces: Vec<_> = content
        .chunks(piece)
        .map(|part| Ok(Bytes::copy_from_slice(part)))
        .collect();
    stream::iter(pieces).boxed()
}

async fn put(store: &dyn BlobStore, name: &str, content: &[u8]) {
    let stored = store
        .put(
            &key(name),
            pieces(content, 70_001),
            BlobDigest::of(content),
            Existing::Keep,
        )
        .await
        .unwrap();
    assert_eq!((stored.key, stored.bytes), (key(name), content.len() as u64));
}

async fn read(content: BlobContent) -> Vec<u8> {
    let parts: Vec<Bytes> = content.stream.try_collect().await.unwrap();
    parts.concat()
}

async fn is_empty(store: &dyn BlobStore) -> bool {
    store.list_all(&BlobPrefix::default()).await.unwrap().is_empty()
}

/// Contents, empty ones too, come back as they were.
pub async fn what_was_put_is_read_back(fresh: &FreshBlobs) {
    let store = &*fresh.store;
    assert!(is_empty(store).await);
    for (name, len) in [("empty", 0), ("a/small", 1), ("a/b/larger.bin", 300_000)] {
        let content = content(len);
        assert_eq!(store.head(&key(name)).await.unwrap(), None);
        refused!(store.get(&key(name), None).await, BlobError::Missing(_));
        put(store, name, &content).await;
        let head = store.head(&key(name)).await.unwrap().unwrap();
        assert_eq!((head.key, head.bytes), (key(name), len as u64));
        let found = store.get(&key(name), None).await.unwrap();
        assert_eq!(found.info.bytes, len as u64);
        assert_eq!(read(found).await, content);
        assert_eq!(store.read(&key(name), len).await.unwrap(), content);
    }
    refused!(store.read(&key("a/small"), 0).await, BlobError::Differs(_));
}

/// What is longer, shorter or otherwise than announced is not stored.
pub async fn another_content_is_not_stored(fresh: &FreshBlobs) {
    let store = &*fresh.store;
    let right = content(200_000);
    let mut flipped = right.clone();
    flipped[123_456] ^= 1;
    let longer = [&right[..], b"x"].concat();
    for wrong in [&flipped[..], &right[..199_999], &longer, b""] {
        for existing in [Existing::Keep, Existing::Replace] {
            let expected = BlobDigest::of(&right);
            let outcome = store.put(&key("x"), pieces(wrong, 65_536), expected, existing).await;
            refused!(outcome, BlobError::Differs(_));
        }
    }
    assert!(is_empty(store).await);
}

/// A source that ends with a fault, early or late, leaves nothing.
pub async fn a_broken_source_leaves_nothing(fresh: &FreshBlobs) {
    let store = &*fresh.store;
    let whole = content(12 << 20);
    for good in [0, 1, 11] {
        let parts: Vec<_> = whole
            .chunks(1 << 20)
            .take(good)
            .map(|part| Ok(Bytes::copy_from_slice(part)))
            .collect();
        let fault = stream::once(async { Err(BlobError::Source("the line was cut".into())) });
        let outcome = store
            .put(
                &key("x"),
                stream::iter(parts).chain(fault).boxed(),
                BlobDigest::of(&whole),
                Existing::Keep,
            )
            .await;
        refused!(outcome, BlobError::Source(_));
        assert!(is_empty(store).await, "after {good} parts");
    }
}

/// Contents larger than what an adapter holds in memory come back as they were, and wrong ones don't stay.
pub async fn many_parts_are_read_back(fresh: &FreshBlobs) {
    let store = &*fresh.store;
    let content = content((20 << 20) + 17);
    put(store, "large", &content).await;
    assert!(read(store.get(&key("large"), None).await.unwrap()).await == content);
    let expected = BlobDigest::of(&content[1..]);
    let outcome = store
        .put(&key("wrong"), pieces(&content, 1 << 20), expected, Existing::Keep)
        .await;
    refused!(outcome, BlobError::Differs(_));
    let again = store
        .put(
            &key("large"),
            pieces(&content, 1 << 20),
            BlobDigest::of(&content),
            Existing::Keep,
        )
        .await;
    refused!(again, BlobError::Exists(_));
    assert_eq!(store.list_all(&BlobPrefix::default()).await.unwrap().len(), 1);
}

/// Ranges answer their bytes and the length of the whole.
pub async fn ranges_are_read(fresh: &FreshBlobs) {
    let store = &*fresh.store;
    let content = content(100_000);
    put(store, "x", &content).await;
    put(store, "empty", b"").await;
    for (first, last) in [
        (0, 0),
        (0, 99_999),
        (7, 70_000),
        (99_999, 99_999),
        (99_990, 1_000_000),
        (50, u64::MAX),
    ] {
        let found = store.get(&key("x"), Some(BlobRange { first, last })).await.unwrap();
        assert_eq!(found.info.bytes, 100_000);
        let end = usize::try_from(last).unwrap().min(99_999);
        assert!(
            read(found).await == content[usize::try_from(first).unwrap()..=end],
            "{first}-{last}"
        );
    }
    for (name, first, last) in [("x", 100_000, 100_001), ("x", 5, 4), ("empty", 0, 0)] {
        let outcome = store.get(&key(name), Some(BlobRange { first, last })).await;
        refused!(outcome, BlobError::Range(_));
    }
    let outcome = store.get(&key("none"), Some(BlobRange { first: 0, last: 1 })).await;
    refused!(outcome, BlobError::Missing(_));
}

/// A key that is taken refuses another blob, or takes it as a whole.
pub async fn what_is_there_is_kept_or_replaced(fresh: &FreshBlobs) {
    let store = &*fresh.store;
    put(store, "x", b"first").await;
    let second = BlobDigest::of(b"second");
    let kept = store
        .put(&key("x"), blob::once(&b"second"[..]), second, Existing::Keep)
        .await;
    refused!(kept, BlobError::Exists(_));
    assert_eq!(store.read(&key("x"), 100).await.unwrap(), b"first");
    store
        .put(&key("x"), blob::once(&b"second"[..]), second, Existing::Replace)
        .await
        .unwrap();
    assert_eq!(store.read(&key("x"), 100).await.unwrap(), b"second");
}

/// Of writers at one time one wins, and its content stays whole.
pub async fn one_of_two_writers_wins(fresh: &FreshBlobs) {
    let store = &*fresh.store;
    let contents: Vec<Vec<u8>> = (0..6).map(|n| vec![n; 150_000]).collect();
    let name = key("x");
    let writes = contents
        .iter()
        .map(|content| store.put(&name, pieces(content, 50_000), BlobDigest::of(content), Existing::Keep));
    let outcomes = futures::future::join_all(writes).await;
    let won: Vec<usize> = (0..6).filter(|n| outcomes[*n].is_ok()).collect();
    assert_eq!(won.len(), 1, "{outcomes:?}");
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        refused!(outcome, BlobError::Exists(_));
    }
    assert!(store.read(&key("x"), 150_000).await.unwrap() == contents[won[0]]);
}

/// What is deleted is gone; deleting it again is no fault.
pub async fn deleting_twice_is_no_fault(fresh: &FreshBlobs) {
    let store = &*fresh.store;
    put(store, "a/x", b"1").await;
    put(store, "a/y", b"2").await;
    for _ in 0..2 {
        store.delete(&key("a/x")).await.unwrap();
        assert_eq!(store.head(&key("a/x")).await.unwrap(), None);
    }
    assert!(store.head(&key("a/y")).await.unwrap().is_some());
    put(store, "a/x", b"3").await;
}

/// Lists are in the order of bytes, bounded, below whole parts, and go on where they ended.
pub async fn lists_go_on_where_they_ended(fresh: &FreshBlobs) {
    let store = &*fresh.store;
    let names = ["a/1", "a/10", "a/2", "a/B/x", "a/b-c", "a/b/x", "a/b/y/z", "ab", "b/1"];
    for name in names {
        put(store, name, name.as_bytes()).await;
    }
    let listed = |infos: Vec<blob::BlobInfo>| infos.into_iter().map(|info| info.key.to_string()).collect::<Vec<_>>();
    let all = listed(store.list_all(&BlobPrefix::default()).await.unwrap());
    let sorted: BTreeSet<&str> = names.into();
    assert_eq!(all, sorted.into_iter().collect::<Vec<_>>());
    let prefix = BlobPrefix::new("a").unwrap();
    let (mut walked, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(&prefix, after.clone(), 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        walked.extend(page);
    }
    assert!(walked.iter().all(|info| info.bytes == info.key.as_str().len() as u64));
    assert_eq!(listed(walked), all[..7]);
    let below = BlobPrefix::new("a/b").unwrap();
    assert_eq!(listed(store.list_all(&below).await.unwrap()), ["a/b/x", "a/b/y/z"]);
    let none = BlobPrefix::new("c").unwrap();
    assert!(store.list_all(&none).await.unwrap().is_empty());
}

/// A store that has addresses gives ones that lead to the content, and to nothing else.
pub async fn an_address_leads_to_the_content(fresh: &FreshBlobs) {
    let store = &*fresh.store;
    put(store, "a/x", b"content").await;
    put(store, "a/y", b"other").await;
    let url = store.download_url(&key("a/x"), Duration::from_secs(60)).await.unwrap();
    let Some((url, fetch)) = url.zip(fresh.fetch.as_ref()) else {
        return;
    };
    assert_eq!(fetch(url.expose().clone()).await.as_deref(), Ok(&b"content"[..]));
    let elsewhere = url.expose().replacen("/x", "/y", 1);
    assert!(fetch(elsewhere).await.is_err());
}
