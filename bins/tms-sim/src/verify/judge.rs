//! Compares what was acknowledged with what the server has. Pure.

use serde::Serialize;

use super::{ledger::Account, ranges::Ranges};

/// How many numbers of each kind of fault a report names.
const NAMED: usize = 5;

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Acknowledged.
    pub acknowledged: u64,
    /// Acknowledged and stored exactly once.
    pub found: u64,
    /// Sent without an acknowledgement, and stored: allowed.
    pub unacknowledged_found: u64,
    /// Acknowledged, but not stored: lost.
    pub missing: u64,
    /// Stored more than once.
    pub doubled: u64,
    /// Stored, but never sent.
    pub invented: u64,
    /// Some of the faults, for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

impl Finding {
    /// Tells whether nothing was lost, doubled or invented.
    pub const fn is_clean(&self) -> bool {
        self.missing == 0 && self.doubled == 0 && self.invented == 0
    }

    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.found += other.found;
        self.unacknowledged_found += other.unacknowledged_found;
        self.missing += other.missing;
        self.doubled += other.doubled;
        self.invented += other.invented;
        let free = NAMED.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(free));
    }

    fn name(&mut self, terminal: i64, fault: &str, n: i64) {
        if self.examples.len() < NAMED {
            self.examples.push(format!("terminal {terminal}: {n} {fault}"));
        }
    }
}

/// What of a terminal is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The terminal, for naming faults.
    pub terminal: i64,
    /// What the server acknowledged.
    pub acknowledged: &'a Ranges,
    /// What was sent without an acknowledgement.
    pub unsure: &'a Ranges,
    /// Whether everything that was sent is known; else numbers behind the last known one are not called invented.
    pub is_complete: bool,
}

impl<'a> Claim<'a> {
    /// Claims the heartbeats of an account.
    pub const fn of_heartbeats(terminal: i64, account: &'a Account, is_complete: bool) -> Self {
        Self {
            terminal,
            acknowledged: &account.beats,
            unsure: &account.unsure_beats,
            is_complete,
        }
    }

    /// Claims the log lines of an account.
    pub const fn of_lines(terminal: i64, account: &'a Account, is_complete: bool) -> Self {
        Self {
            terminal,
            acknowledged: &account.lines,
            unsure: &account.unsure_lines,
            is_complete,
        }
    }

    /// Returns the smallest number that was sent.
    pub fn first(&self) -> Option<i64> {
        match (self.acknowledged.first(), self.unsure.first()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn last(&self) -> Option<i64> {
        self.acknowledged.last().max(self.unsure.last())
    }

    /// Compares with the numbers that the server has (in any order), all of them at or above the first that was sent.
    pub fn judge(&self, mut stored: Vec<i64>) -> Finding {
        let mut finding = Finding {
            acknowledged: self.acknowledged.len(),
            ..Finding::default()
        };
        stored.sort_unstable();
        let mut before = None;
        for n in stored {
            if before == Some(n) {
                finding.doubled += 1;
                finding.name(self.terminal, "is stored twice", n);
                continue;
            }
            before = Some(n);
            if self.acknowledged.contains(n) {
                finding.found += 1;
            } else if self.unsure.contains(n) || (!self.is_complete && self.last().is_some_and(|last| n > last)) {
                finding.unacknowledged_found += 1;
            } else {
                finding.invented += 1;
                finding.name(self.terminal, "was never sent", n);
            }
        }
        finding.missing = finding.acknowledged - finding.found;
        finding
    }

    /// Names numbers that were acknowledged and are not stored.
    pub fn name_missing(&self, stored: &Ranges, finding: &mut Finding) {
        if finding.missing > 0 {
            let lost = self.acknowledged.iter().filter(|n| !stored.contains(*n)).take(NAMED);
            for n in lost {
                finding.name(self.terminal, "was acknowledged and is lost", n);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranges(numbers: &[i64]) -> Ranges {
        numbers.iter().copied().collect()
    }

    fn judge(acknowledged: &[i64], unsure: &[i64], stored: &[i64], is_complete: bool) -> Finding {
        let (acknowledged, unsure) = (ranges(acknowledged), ranges(unsure));
        let claim = Claim {
            terminal: 7,
            acknowledged: &acknowledged,
            unsure: &unsure,
            is_complete,
        };
        let mut finding = claim.judge(stored.to_vec());
        claim.name_missing(&ranges(stored), &mut finding);
        finding
    }

    #[test]
    fn what_is_acknowledged_must_be_stored_once() {
        let clean = judge(&[1, 2, 3], &[4], &[3, 2, 1], true);
        assert!(clean.is_clean());
        assert_eq!((clean.acknowledged, clean.found), (3, 3));
        let late = judge(&[1, 2, 3], &[4], &[4, 3, 2, 1], true);
        assert!(late.is_clean(), "an unanswered request may have arrived");
        assert_eq!(late.unacknowledged_found, 1);
    }

    #[test]
    fn loss_doubling_and_invention_are_told_apart() {
        let lost = judge(&[1, 2, 3], &[], &[3, 1], true);
        assert_eq!((lost.missing, lost.doubled, lost.invented), (1, 0, 0));
        assert_eq!(lost.examples, ["terminal 7: 2 was acknowledged and is lost"]);
        let doubled = judge(&[1, 2], &[], &[1, 2, 2], true);
        assert_eq!((doubled.missing, doubled.doubled, doubled.invented), (0, 1, 0));
        let doubled = judge(&[1], &[2], &[1, 2, 2], true);
        assert_eq!(doubled.doubled, 1, "a resent one counts once as well");
        let invented = judge(&[1, 2], &[], &[1, 2, 3], true);
        assert_eq!((invented.missing, invented.doubled, invented.invented), (0, 0, 1));
        assert!(
            judge(&[1, 2], &[], &[1, 2, 3], false).is_clean(),
            "the journal was cut off"
        );
        assert_eq!(judge(&[1, 3], &[], &[1, 2, 3], false).invented, 1, "a hole is no cut");
    }

    proptest! {
        #[test]
        fn every_fault_is_counted(acknowledged: Vec<bool>, lose in 0_usize..5, double in 0_usize..5, invent in 0_usize..5) {
            let sent: Vec<i64> = (0..).take(acknowledged.len()).collect();
            let acked: Vec<i64> = sent.iter().copied().zip(&acknowledged).filter(|(_, a)| **a).map(|(n, _)| n).collect();
            let unsure: Vec<i64> = sent.iter().copied().zip(&acknowledged).filter(|(_, a)| !**a).map(|(n, _)| n).collect();
            let lost = lose.min(acked.len());
            let mut stored = acked[lost..].to_vec();
            let doubled = double.min(stored.len());
            stored.extend_from_within(..doubled);
            stored.extend((10_000..).take(invent));
            let finding = judge(&acked, &unsure, &stored, true);
            let count = |n: usize| u64::try_from(n).unwrap();
            prop_assert_eq!((finding.missing, finding.doubled, finding.invented), (count(lost), count(doubled), count(invent)));
            prop_assert_eq!(finding.is_clean(), lost + doubled + invent == 0);
        }
    }
}
