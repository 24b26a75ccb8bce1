//! Wrong guesses: ten in half an hour for one account, counted on this node.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{error::Error, time::Timestamp};

const LIMIT: u32 = 10;
const WINDOW: Duration = Duration::from_secs(30 * 60);
/// More names are not remembered; the oldest windows go first.
const MOST_NAMES: usize = 10_000;

/// Counts wrong guesses per account name, whether the account exists or not.
#[derive(Debug, Default)]
pub struct GuessLimit {
    counts: Mutex<HashMap<String, (u32, Timestamp)>>,
}

impl GuessLimit {
    /// Lets a guess pass, or says when to come again.
    ///
    /// The guess is counted before it is judged, so that many at a time get no more than one after the other.
    ///
    /// # Errors
    /// [`Error::TooMany`] when the window is full.
    pub fn begin(&self, name: &str, now: Timestamp) -> Result<(), Error> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST_NAMES && !counts.contains_key(name) {
            counts.retain(|_, (_, begun)| now.since(*begun) < WINDOW);
            let oldest = counts
                .iter()
                .min_by_key(|(_, (_, begun))| *begun)
                .map(|(name, _)| name.clone());
            if let Some(oldest) = oldest.filter(|_| counts.len() >= MOST_NAMES) {
                counts.remove(&oldest);
            }
        }
        let (count, begun) = counts.entry(name.to_owned()).or_insert((0, now));
        if now.since(*begun) >= WINDOW {
            (*count, *begun) = (0, now);
        }
        if *count >= LIMIT {
            return Err(Error::TooMany {
                retry_after: WINDOW.saturating_sub(now.since(*begun)),
            });
        }
        *count += 1;
        Ok(())
    }

    /// Forgets the guesses of a name that signed in.
    pub fn succeeded(&self, name: &str) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_guess_waits_for_the_window() {
        let (limit, start) = (GuessLimit::default(), Timestamp::from_secs(1_000));
        for _ in 0..LIMIT {
            limit.begin("a", start).unwrap();
        }
        assert!(matches!(limit.begin("a", start), Err(Error::TooMany { .. })));
        assert!(limit.begin("b", start).is_ok());
        assert!(limit.begin("a", start.plus(WINDOW)).is_ok());
    }
}
