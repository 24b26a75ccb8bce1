//! The whole conformance suite, with our own store of logs among the others.

use tms_core::testkit::{Fresh, MemoryStore};
use tms_example_custom_store::JsonLinesLogs;

async fn fresh() -> Option<Fresh> {
    let folder = tempfile::tempdir().unwrap();
    let stores = JsonLinesLogs::new(folder.path()).instead_of(MemoryStore::new().stores());
    Some(Fresh::new(stores, folder))
}

tms_core::store_conformance!(fresh);
