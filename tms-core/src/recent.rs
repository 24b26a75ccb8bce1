//! Answers that are shared by all who ask the same within a time: one asker finds out, the others wait for it.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Mutex as Turn;

use crate::{error::Error, time::Timestamp};

/// How many answers are kept at a time.
const MOST_KEYS: usize = 1_000;
/// How long a failure is shared, so that those who waited for it do not fail one after the other.
const FAILED_FOR: Duration = Duration::from_secs(1);

/// An answer and when it was asked for; none when that failed.
type Slot<V> = Arc<Turn<Option<(Timestamp, Option<V>)>>>;

/// Answers by what was asked, each good for a time.
pub(crate) struct Recent<K, V> {
    fresh_for: Duration,
    slots: Mutex<HashMap<K, Slot<V>>>,
}

impl<K, V> fmt::Debug for Recent<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent")
            .field("fresh_for", &self.fresh_for)
            .finish_non_exhaustive()
    }
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    pub(crate) fn new(fresh_for: Duration) -> Self {
        Self {
            fresh_for,
            slots: Mutex::default(),
        }
    }

    /// Returns the answer to `key`: the one of before while it is fresh, or else what `find` finds out.
    ///
    /// # Errors
    /// That of `find`; [`Error::Unavailable`] when another asker has just failed.
    pub(crate) async fn get<F>(&self, key: K, now: Timestamp, find: impl FnOnce() -> F) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>>,
    {
        let slot = self.slot(key);
        let mut known = slot.lock().await;
        match &*known {
            Some((at, Some(answer))) if apart(*at, now) < self.fresh_for => return Ok(answer.clone()),
            Some((at, None)) if apart(*at, now) < FAILED_FOR => {
                return Err(Error::unavailable("it failed for somebody else a moment ago"));
            }
            _ => {}
        }
        let found = find().await;
        *known = Some((now, found.as_ref().ok().cloned()));
        found
    }

    fn slot(&self, key: K) -> Slot<V> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST_KEYS && !slots.contains_key(&key) {
            slots.clear();
        }
        Arc::clone(slots.entry(key).or_default())
    }
}

/// Returns the time between two moments: who waited may have asked before the one whose answer it is.
fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn who_asks_the_same_shares_the_answer_while_it_is_fresh() {
        let recent = Recent::new(Duration::from_secs(10));
        let asked = AtomicU32::new(0);
        let ask = async |key: u8, secs: i64| {
            let find = || async {
                tokio::task::yield_now().await;
                Ok(asked.fetch_add(1, Ordering::Relaxed))
            };
            recent.get(key, Timestamp::from_secs(secs), find).await.unwrap()
        };
        assert_eq!(join_all((0..5).map(|_| ask(1, 100))).await, [0; 5], "one asks for all");
        assert_eq!((ask(1, 109).await, ask(2, 109).await), (0, 1));
        assert_eq!(ask(1, 110).await, 2, "it is not fresh any more");
        assert_eq!(ask(1, 90).await, 3, "an answer from the future is none");
    }

    #[tokio::test]
    async fn a_failure_is_shared_for_a_moment_only() {
        let recent = Recent::<u8, u8>::new(Duration::from_secs(10));
        let at = Timestamp::from_secs;
        let failed = recent
            .get(1, at(100), || async { Err(Error::unavailable("away")) })
            .await;
        assert!(failed.is_err());
        let waited = recent.get(1, at(100), || async { Ok(1) }).await;
        assert!(matches!(waited, Err(Error::Unavailable { .. })));
        assert_eq!(recent.get(1, at(101), || async { Ok(2) }).await.unwrap(), 2);
    }
}
