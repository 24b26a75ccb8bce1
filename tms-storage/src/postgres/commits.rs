//! Who hears of what this node has committed: other nodes learn of it through them. Nobody can undo a commit here, or fail
//! it.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use super::pool::PgStore;

/// Hears of commits, after they were made.
#[async_trait]
pub trait Commits: fmt::Debug + Send + Sync + 'static {
    /// Events were stored. Must not wait.
    fn events(&self);

    /// Something of people changed: sign-ins, roles, second factors. Whoever made the change gets the answer after this.
    async fn people(&self);
}

impl PgStore {
    /// Tells `listener` of every commit from now on; the first one stays.
    pub fn tell_commits_to(&self, listener: Arc<dyn Commits>) {
        let _ = self.commits.set(listener);
    }

    /// Says that events were committed.
    pub(super) fn tell_events(&self) {
        if let Some(listener) = self.commits.get() {
            listener.events();
        }
    }

    /// Says that something of people was committed.
    pub(super) async fn tell_people(&self) {
        if let Some(listener) = self.commits.get() {
            listener.people().await;
        }
    }
}
