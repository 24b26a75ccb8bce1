//! What a connection is waiting for, and until when. Told by the socket and the service, read by one timer.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    task::Poll,
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
/// The client takes what is written to it.
const FLOWING: u64 = u64::MAX;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For the head of a request.
    pub(super) head: Duration,
    /// Between requests.
    pub(super) idle: Duration,
    /// Without taking anything of what is written.
    pub(super) write: Duration,
}

/// The state of one connection; the socket and the service write it from the same task.
#[derive(Debug)]
pub(super) struct Watch {
    opened: Instant,
    state: AtomicU8,
    /// When the state began, in milliseconds since the connection was opened.
    since: AtomicU64,
    /// When the client stopped to take what is written, counted alike; [`FLOWING`] while it does take it.
    stalled: AtomicU64,
}

impl Watch {
    pub(super) fn new(opened: Instant) -> Self {
        Self {
            opened,
            state: AtomicU8::new(FRESH),
            since: AtomicU64::new(0),
            stalled: AtomicU64::new(FLOWING),
        }
    }

    /// Notes that bytes have come.
    pub(super) fn has_read(&self) {
        if matches!(self.state.load(Ordering::Relaxed), FRESH | IDLE) {
            self.enter(HEAD);
        }
    }

    /// Notes what became of a write: whether the client took some of it, or nothing.
    pub(super) fn has_written(&self, polled: &Poll<io::Result<usize>>) {
        match polled {
            Poll::Ready(Ok(taken)) if *taken > 0 => self.stalled.store(FLOWING, Ordering::Relaxed),
            Poll::Pending if self.stalled.load(Ordering::Relaxed) == FLOWING => {
                self.stalled.store(self.millis(), Ordering::Relaxed);
            }
            _ => {}
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
            let now = Instant::now();
            // Looked at again then; a state that began meanwhile has its own, later deadline - unless it is the head
            // after a long idle time, or a client that stopped reading, so the sleep is never longer than those.
            let next_look = now + patience.head.min(patience.write);
            let since = self.at(&self.since);
            let deadline = match self.state.load(Ordering::Relaxed) {
                SERVING => next_look,
                IDLE => since + patience.idle,
                _ => since + patience.head,
            };
            let is_stalled = self.stalled.load(Ordering::Relaxed) != FLOWING;
            let deadline = if is_stalled {
                deadline.min(self.at(&self.stalled) + patience.write)
            } else {
                deadline
            };
            if deadline <= now {
                return;
            }
            tokio::time::sleep_until(deadline.min(next_look)).await;
        }
    }

    fn enter(&self, state: u8) {
        self.since.store(self.millis(), Ordering::Relaxed);
        self.state.store(state, Ordering::Relaxed);
    }

    /// Returns how long the connection has been open, in milliseconds.
    fn millis(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(FLOWING - 1)
    }

    fn at(&self, noted: &AtomicU64) -> Instant {
        self.opened + Duration::from_millis(noted.load(Ordering::Relaxed))
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
        write: Duration::from_secs(30),
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

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let watch = Arc::new(Watch::new(Instant::now()));
        let _serving = watch.serving();
        watch.has_written(&Poll::Pending);
        tokio::time::advance(Duration::from_secs(29)).await;
        watch.has_written(&Poll::Ready(Ok(1)));
        watch.has_written(&Poll::Pending);
        tokio::time::advance(Duration::from_secs(9)).await;
        watch.has_written(&Poll::Pending);
        assert_eq!(lasts(&watch).await, 21, "counted from when it stopped");
        watch.has_written(&Poll::Ready(Ok(1)));
        let waited = tokio::time::timeout(Duration::from_secs(1_000), watch.expired(PATIENCE)).await;
        assert!(waited.is_err(), "a stream that says nothing is not stalled");
    }
}
