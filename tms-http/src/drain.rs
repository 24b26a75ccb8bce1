//! The switch between serving and going away, shared by the accept loop and the health answer (DECISIONS 32).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Tells whether the server is going away; cheap to clone, all clones are one switch.
#[derive(Debug, Clone, Default)]
pub struct Drain(Arc<AtomicBool>);

impl Drain {
    /// Begins going away: health answers 503 and connections close after their answer. There is no way back.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Tells whether the server is going away.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
