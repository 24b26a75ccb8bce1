//! What a connection is waiting for, and until when. Told by the socket and the service, read by one timer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// Nothing of the first request has come.
const FRESH: u8 = 0;
/// A part of the head of a request has come.
const HEAD: u8 = 1;
/// A request is under way.
const SERVING: u8 = 2;
/// The last answer is out; nothing of the next request has come.
const IDLE: u8 = 3;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For the head of a request.
    pub(super) head: Duration,
    /// Between requests.
    pub(super) idle: Duration,
}

/// The state of one connection; the socket and the service write it from the same task.
#[derive(Debug)]
pub(super) struct Watch {
    opened: Instant,
    state: AtomicU8,
    /// When the state began, in milliseconds since the connection was opened.
    since: AtomicU64,
}

impl Watch {
    pub(super) fn new(opened: Instant) -> Self {
        Self {
            opened,
            state: AtomicU8::new(FRESH),
            since: AtomicU64::new(0),
        }
    }

    /// Notes that bytes have come.
    pub(super) fn has_read(&self) {
        if matches!(self.state.load(Ordering::Relaxed), FRESH | IDLE) {
            self.enter(HEAD);
        }
    }

    /// Tells whether no request is under way.
    pub(super) fn is_at_rest(&self) -> bool {
        self.state.load(Ordering::Relaxed) != SERVING
    }

    /// Notes that a request is under way until the guard is dropped.
    pub(super) fn serving(self: &Arc<Self>) -> Serving {
        self.enter(SERVING);
        Serving(Arc::clone(self))
    }

    /// Resolves when the client's time is over.
    pub(super) async fn expired(&self, patience: Patience) {
        loop {
            let since = self.opened + Duration::from_millis(self.since.load(Ordering::Relaxed));
            let deadline = match self.state.load(Ordering::Relaxed) {
                SERVING => Instant::now() + patience.head,
                IDLE => since + patience.idle,
                _ => since + patience.head,
            };
            if deadline <= Instant::now() {
                return;
            }
            // Looked at again then; a state that began meanwhile has its own, later deadline - unless it is the head
            // after a long idle time, so the sleep is never longer than that.
            tokio::time::sleep_until(deadline.min(Instant::now() + patience.head)).await;
        }
    }

    fn enter(&self, state: u8) {
        let since = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(since, Ordering::Relaxed);
        self.state.store(state, Ordering::Relaxed);
    }
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Serving(Arc<Watch>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.enter(IDLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(75),
    };

    async fn lasts(watch: &Watch) -> u64 {
        let begun = Instant::now();
        watch.expired(PATIENCE).await;
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn each_state_has_its_patience() {
        let watch = Arc::new(Watch::new(Instant::now()));
        assert_eq!(lasts(&watch).await, 10, "nothing came");
        drop(watch.serving());
        assert_eq!(lasts(&watch).await, 75, "idle between requests");
        watch.has_read();
        assert_eq!(lasts(&watch).await, 10, "half a head");
        watch.has_read();
        assert_eq!(lasts(&watch).await, 0, "more bytes of the head buy no time");
        let _serving = watch.serving();
        let waited = tokio::time::timeout(Duration::from_secs(1_000), watch.expired(PATIENCE)).await;
        assert!(waited.is_err(), "a request under way is not the client's time");
    }
}
