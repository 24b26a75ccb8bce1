//! Our own outages: while no node could write, no silence of a terminal counts (DECISIONS 11).

use std::time::Duration;

use crate::time::Timestamp;

/// How often a node stamps that it is alive.
pub const STAMP_EVERY: Duration = Duration::from_secs(5);
/// A longer gap between the stamps of all nodes is an outage.
pub const LONGEST_GAP: Duration = Duration::from_secs(15);

/// A time in which no node could write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// The last sign of life before it.
    pub from: Timestamp,
    /// The first after it.
    pub to: Timestamp,
}

impl Outage {
    /// Returns the outage between two stamps, if the gap between them is one.
    pub fn between(last: Timestamp, now: Timestamp) -> Option<Self> {
        (now.since(last) > LONGEST_GAP).then_some(Self { from: last, to: now })
    }
}

/// Returns `deadline` moved by our own outages since `last_seen`.
///
/// Each part of an outage that lies between the last heartbeat and the deadline moves the deadline by its length.
pub fn moved_deadline(last_seen: Timestamp, deadline: Timestamp, outages: &[Outage]) -> Timestamp {
    let mut in_order: Vec<&Outage> = outages.iter().filter(|o| o.to > last_seen).collect();
    in_order.sort_by_key(|o| o.from);
    in_order.into_iter().fold(deadline, |deadline, outage| {
        if outage.from > deadline {
            return deadline;
        }
        deadline.plus(outage.to.since(outage.from.max(last_seen)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + secs)
    }

    #[test]
    fn twenty_minutes_away_move_the_deadline_by_twenty_minutes() {
        let away = Outage {
            from: at(100),
            to: at(1_300),
        };
        assert_eq!(moved_deadline(at(90), at(750), &[away]), at(1_950));
    }

    #[test]
    fn outages_before_the_heartbeat_and_after_the_deadline_do_not_count() {
        let before = Outage {
            from: at(0),
            to: at(80),
        };
        let after = Outage {
            from: at(800),
            to: at(900),
        };
        assert_eq!(moved_deadline(at(90), at(750), &[before, after]), at(750));
    }

    #[test]
    fn an_outage_that_only_the_first_one_brings_into_reach_counts() {
        let first = Outage {
            from: at(100),
            to: at(200),
        };
        let second = Outage {
            from: at(800),
            to: at(900),
        };
        assert_eq!(moved_deadline(at(90), at(750), &[second, first]), at(950));
    }

    #[test]
    fn a_short_gap_is_no_outage() {
        assert_eq!(Outage::between(at(0), at(15)), None);
        assert_eq!(
            Outage::between(at(0), at(16)),
            Some(Outage {
                from: at(0),
                to: at(16)
            })
        );
    }
}
