//! The store in memory passes the suite that every store must pass.
#![cfg(feature = "testkit")]

use tms_core::testkit::{Fresh, MemoryBlobs, MemoryStore, conformance::blob::FreshBlobs};

#[allow(
    clippy::unused_async,
    reason = "the suite awaits it: other stores make a database here"
)]
async fn fresh() -> Option<Fresh> {
    let store = MemoryStore::new();
    Some(Fresh::new(store.stores(), store))
}

tms_core::store_conformance!(fresh);

#[allow(clippy::unused_async, reason = "as above")]
async fn fresh_blobs() -> Option<FreshBlobs> {
    Some(FreshBlobs {
        store: MemoryBlobs::new(),
        fetch: None,
        guard: Box::new(()),
    })
}

tms_core::blob_conformance!(fresh_blobs);
