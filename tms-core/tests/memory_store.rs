//! The store in memory passes the suite that every store must pass.
#![cfg(feature = "testkit")]

use tms_core::testkit::{Fresh, MemoryStore};

#[allow(
    clippy::unused_async,
    reason = "the suite awaits it: other stores make a database here"
)]
async fn fresh() -> Option<Fresh> {
    let store = MemoryStore::new();
    Some(Fresh::new(store.stores(), store))
}

tms_core::store_conformance!(fresh);
