//! The whole conformance suite, with our own store of logs among the others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test panics to report a failure"
)]

use tms_core::testkit::{Fresh, MemoryStore};
use tms_example_custom_store::JsonLinesLogs;

#[expect(clippy::unused_async, reason = "the suite awaits whatever a store needs to begin")]
async fn fresh() -> Option<Fresh> {
    let folder = tempfile::tempdir().unwrap();
    let stores = JsonLinesLogs::new(folder.path()).instead_of(MemoryStore::new().stores());
    Some(Fresh::new(stores, folder))
}

tms_core::store_conformance!(fresh);
