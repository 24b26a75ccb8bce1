//! What tests of TMS and of programs that embed it need: a clock and randomness held still, stores in memory, builders
//! of test data, and the conformance suite that every store must pass. Never part of a production build.

// A test that finds the unexpected should stop loudly; nothing here runs in a server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::similar_names,
    clippy::assigning_clones,
    reason = "the testkit is test code: it panics to report a failure"
)]

pub mod build;
pub mod conformance;
pub mod given;
pub mod manual_clock;
pub mod memory;
pub mod memory_blobs;
pub mod seeded_random;

use std::{any::Any, fmt};

use crate::Stores;

pub use manual_clock::ManualClock;
pub use memory::MemoryStore;
pub use memory_blobs::MemoryBlobs;
pub use seeded_random::SeededRandom;

/// A store of its own for one conformance case, with whatever must live as long (a folder, a database).
pub struct Fresh {
    /// The empty, migrated store.
    pub stores: Stores,
    /// Dropped after the case.
    pub guard: Box<dyn Any + Send>,
}

impl Fresh {
    /// Hands over `stores` and what must outlive them.
    pub fn new(stores: Stores, guard: impl Any + Send) -> Self {
        Self {
            stores,
            guard: Box::new(guard),
        }
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh")
            .field("stores", &self.stores)
            .finish_non_exhaustive()
    }
}
