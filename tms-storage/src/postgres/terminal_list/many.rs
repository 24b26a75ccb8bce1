//! Remembers for a moment which filters find more terminals than are ever counted. Never a number that is shown as exact.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tms_core::terminal::store::TerminalFilter;

/// How long it is taken for true that there are still so many: as old as counts of the fleet may be.
const BELIEVED_FOR: Duration = Duration::from_secs(2);
/// How many filters are remembered.
const MOST: usize = 32;

/// The filters that found so many, and when.
#[derive(Debug, Default)]
pub(in super::super) struct Many(Mutex<Vec<(TerminalFilter, Instant)>>);

impl Many {
    /// Tells whether `filter` found so many a moment before `now`.
    pub(super) fn knows(&self, filter: &TerminalFilter, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|(seen, at)| seen == filter && is_fresh(*at, now))
    }

    /// Notes that `filter` found so many at `now`.
    pub(super) fn note(&self, filter: &TerminalFilter, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(seen, at)| seen != filter && is_fresh(*at, now));
        if known.len() < MOST {
            known.push((filter.clone(), now));
        }
    }
}

fn is_fresh(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < BELIEVED_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_believed_for_a_moment_and_only_itself() {
        let (many, now) = (Many::default(), Instant::now());
        let all = TerminalFilter::default();
        let of_a_model = TerminalFilter {
            model: Some("TC-200".into()),
            ..TerminalFilter::default()
        };
        assert!(!many.knows(&all, now));
        many.note(&all, now);
        assert!(many.knows(&all, now) && !many.knows(&of_a_model, now));
        assert!(!many.knows(&all, now + BELIEVED_FOR));
        many.note(&all, now + BELIEVED_FOR);
        assert!(many.knows(&all, now + BELIEVED_FOR));
    }

    #[test]
    fn few_are_remembered() {
        let (many, now) = (Many::default(), Instant::now());
        for n in 0..3 * MOST {
            let filter = TerminalFilter {
                model: Some(n.to_string()),
                ..TerminalFilter::default()
            };
            many.note(&filter, now);
        }
        assert_eq!(many.0.lock().unwrap().len(), MOST);
    }
}
