//! Attempts that were refused: noted without waiting, written by the background work. The first of an actor in a minute
//! is an entry of its own, all others of that minute are one; so nobody can fill the trail, nor the memory.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::json;
use tokio::sync::Notify;

use super::{AuditEntry, AuditResult, AuditTarget};
use crate::time::Timestamp;

/// Actors that are told apart at a time; the attempts of all others count as those of one.
const MOST_ACTORS: usize = 1_000;
/// Entries that are kept while the store is away; what comes beyond them is lost, and counted in the log.
const MOST_UNWRITTEN: usize = 2 * MOST_ACTORS;
/// Actions that are told apart for one actor.
const MOST_ACTIONS: usize = 16;
/// The action of an entry that stands for several attempts.
const SEVERAL: &str = "access.refused";

/// Collects refused attempts of one node; cheap to clone. The default one forgets them.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Option<Arc<Inner>>);

/// Two contexts are equal whoever listens to them.
impl PartialEq for Refusals {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Refusals {}

#[derive(Debug, Default)]
struct Inner {
    /// What was taken and could not be written.
    unwritten: Mutex<Vec<AuditEntry>>,
    minutes: Mutex<BTreeMap<(i64, String), Attempts>>,
    news: Notify,
}

/// The attempts of one actor in one minute.
#[derive(Debug)]
struct Attempts {
    /// Stands for all of them where a single one is shown.
    sample: AuditEntry,
    is_first_written: bool,
    /// How many came after the first.
    more: u64,
    actions: BTreeMap<&'static str, u64>,
}

impl Refusals {
    /// Begins to collect.
    pub fn new() -> Self {
        Self(Some(Arc::default()))
    }

    /// Notes a refused attempt.
    pub fn note(&self, mut entry: AuditEntry) {
        let Some(inner) = &self.0 else { return };
        entry.result = AuditResult::Refused;
        let minute = minute(entry.at);
        let mut minutes = inner.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (minute, who(&entry));
        if minutes.len() >= MOST_ACTORS && !minutes.contains_key(&key) {
            key.1.clear();
            "others".clone_into(&mut entry.actor);
            entry.role = None;
        }
        if let Some(known) = minutes.get_mut(&key) {
            known.more += 1;
            let is_told_apart = known.actions.len() < MOST_ACTIONS || known.actions.contains_key(entry.action);
            if is_told_apart {
                *known.actions.entry(entry.action).or_default() += 1;
            }
            return;
        }
        let attempts = Attempts {
            sample: entry,
            is_first_written: false,
            more: 0,
            actions: BTreeMap::new(),
        };
        minutes.insert(key, attempts);
        drop(minutes);
        inner.news.notify_one();
    }

    /// Takes the entries that are to be written at `now`: the first ones at once, the others when their minute is over.
    pub fn take(&self, now: Timestamp) -> Vec<AuditEntry> {
        let Some(inner) = &self.0 else {
            return Vec::new();
        };
        let mut due = mem::take(&mut *inner.unwritten.lock().unwrap_or_else(PoisonError::into_inner));
        if due.len() >= MOST_UNWRITTEN {
            return due;
        }
        let mut minutes = inner.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        for attempts in minutes.values_mut().filter(|attempts| !attempts.is_first_written) {
            attempts.is_first_written = true;
            due.push(attempts.sample.clone());
        }
        let young = minutes.split_off(&(minute(now), String::new()));
        let over = mem::replace(&mut *minutes, young);
        drop(minutes);
        let several = over.into_values().filter(|attempts| attempts.more > 0);
        due.extend(several.map(|attempts| attempts.summary(now)));
        due
    }

    /// Keeps entries that could not be written for the next [`Self::take`].
    pub fn give_back(&self, entries: Vec<AuditEntry>) {
        let Some(inner) = &self.0 else { return };
        let mut unwritten = inner.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        unwritten.extend(entries);
        if unwritten.len() > MOST_UNWRITTEN {
            let lost = unwritten.len() - MOST_UNWRITTEN;
            tracing::warn!(lost, "refused attempts could not be written to the audit trail");
            unwritten.truncate(MOST_UNWRITTEN);
        }
    }

    /// Resolves when there is something new to write.
    pub async fn news(&self) {
        match &self.0 {
            Some(inner) => inner.news.notified().await,
            None => std::future::pending().await,
        }
    }
}

impl Attempts {
    fn summary(self, now: Timestamp) -> AuditEntry {
        AuditEntry {
            at: now.min(Timestamp::from_secs((minute(self.sample.at) + 1) * 60)),
            action: SEVERAL,
            target: AuditTarget::created("access"),
            changes: json!({ "attempts": self.more, "actions": self.actions }),
            ..self.sample
        }
    }
}

const fn minute(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(60_000_000)
}

/// Who has not signed in is known by the address.
fn who(entry: &AuditEntry) -> String {
    match entry.origin.address {
        Some(address) if entry.role.is_none() => format!("{} {address}", entry.actor),
        _ => entry.actor.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ctx::Origin, permission::Role};

    fn attempt(actor: &str, action: &'static str, secs: i64) -> AuditEntry {
        AuditEntry {
            at: Timestamp::from_secs(secs),
            actor: actor.to_owned(),
            role: Some(Role::Viewer),
            action,
            target: AuditTarget::created("permission"),
            customer: None,
            changes: json!({}),
            result: AuditResult::Done,
            origin: Origin::default(),
        }
    }

    fn shown(entries: &[AuditEntry]) -> Vec<(&str, &str)> {
        entries.iter().map(|entry| (&*entry.actor, entry.action)).collect()
    }

    #[test]
    fn the_first_is_written_at_once_and_the_rest_of_its_minute_as_one() {
        let refusals = Refusals::new();
        for n in 0..10 {
            refusals.note(attempt("a", if n % 2 == 0 { "x.write" } else { "y.write" }, 60 + n));
        }
        refusals.note(attempt("b", "x.write", 65));
        let first = refusals.take(Timestamp::from_secs(70));
        assert_eq!(shown(&first), [("a", "x.write"), ("b", "x.write")]);
        assert!(first.iter().all(|entry| entry.result == AuditResult::Refused));
        refusals.note(attempt("a", "x.write", 80));
        assert!(refusals.take(Timestamp::from_secs(119)).is_empty());
        let rest = refusals.take(Timestamp::from_secs(121));
        assert_eq!(shown(&rest), [("a", SEVERAL)]);
        assert_eq!(
            rest[0].changes,
            json!({ "attempts": 10, "actions": { "x.write": 5, "y.write": 5 } })
        );
        assert!(refusals.take(Timestamp::from_secs(1_000)).is_empty());
    }

    #[test]
    fn what_could_not_be_written_is_not_lost() {
        let refusals = Refusals::new();
        refusals.note(attempt("a", "x.write", 60));
        let first = refusals.take(Timestamp::from_secs(61));
        refusals.give_back(first.clone());
        assert_eq!(refusals.take(Timestamp::from_secs(62)), first);
        assert!(refusals.take(Timestamp::from_secs(63)).is_empty());
    }

    #[test]
    fn any_number_of_actors_takes_a_bounded_room() {
        let refusals = Refusals::new();
        for n in 0..5_000 {
            refusals.note(attempt(&format!("actor {n}"), "x.write", 60));
        }
        let entries = refusals.take(Timestamp::from_secs(120));
        assert_eq!(
            entries.len(),
            MOST_ACTORS + 2,
            "each of the told apart, and two entries of the others"
        );
        assert_eq!(shown(&entries).last(), Some(&("others", SEVERAL)));
        assert_eq!(entries[entries.len() - 1].changes["attempts"], 3_999);
    }
}
