//! The switch between serving and going away, shared by the accept loop, the health answer and open streams
//! (DECISIONS 32).

use std::sync::Arc;

use tokio::sync::watch;

/// Tells whether the server is going away; cheap to clone, all clones are one switch.
#[derive(Debug, Clone, Default)]
pub struct Drain(Arc<watch::Sender<bool>>);

impl Drain {
    /// Begins going away: health answers 503, streams end, and connections close after their answer. There is no way
    /// back.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Tells whether the server is going away.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the server is going away.
    pub async fn begun(&self) {
        // The sender lives as long as this.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}
