//! From intervals of status to time by phase in each piece of a window. Pure.
//!
//! A store need not bring the intervals one by one: all that the sums need to know of those which begin in one piece
//! and end in another is how many there are and the sums of their ends.

use std::{collections::BTreeMap, time::Duration};

use crate::{presence::Phase, time::Timestamp};

/// The moments at which a window is cut into pieces, its begin and its end among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cuts(Vec<Timestamp>);

impl Cuts {
    /// Sorts moments and drops repeats; `None` when fewer than two are left, so that there is no piece.
    pub fn new(mut moments: Vec<Timestamp>) -> Option<Self> {
        moments.sort_unstable();
        moments.dedup();
        (moments.len() > 1).then_some(Self(moments))
    }

    /// Returns the moments, in order.
    pub fn as_slice(&self) -> &[Timestamp] {
        &self.0
    }

    /// Returns the begin of the window.
    pub fn from(&self) -> Timestamp {
        self.0.first().copied().unwrap_or(Timestamp::EPOCH)
    }

    /// Returns the end of the window.
    pub fn to(&self) -> Timestamp {
        self.0.last().copied().unwrap_or(Timestamp::EPOCH)
    }

    /// Returns how many pieces there are.
    pub fn pieces(&self) -> usize {
        self.0.len() - 1
    }

    /// Returns how many cuts are not after `at`: 0 before the window, 1 in the first piece, and so on; one more than
    /// there are pieces from the end of the window on.
    pub fn place(&self, at: Timestamp) -> usize {
        self.0.partition_point(|cut| *cut <= at)
    }
}

/// All intervals of one phase that begin in one place and end in another, as [`Cuts::place`] numbers places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans {
    /// What their time counts as.
    pub phase: Phase,
    /// Where they begin.
    pub begin: usize,
    /// Where they end; those that have not ended so far end behind the window.
    pub end: usize,
    /// How many there are.
    pub count: u64,
    /// The sum of their begins, in microseconds after the begin of the window. Only one within the window matters.
    pub begins_us: i128,
    /// The sum of their ends, likewise.
    pub ends_us: i128,
}

/// Gathers single intervals into [`Spans`], for stores that read them one by one.
#[derive(Debug)]
pub struct Gather<'a> {
    cuts: &'a Cuts,
    spans: BTreeMap<(Phase, usize, usize), (u64, i128, i128)>,
}

impl<'a> Gather<'a> {
    /// Begins with none.
    pub fn new(cuts: &'a Cuts) -> Self {
        Self {
            cuts,
            spans: BTreeMap::new(),
        }
    }

    /// Takes an interval in; `end` is `None` for one that has not ended so far.
    pub fn add(&mut self, phase: Phase, begin: Timestamp, end: Option<Timestamp>) {
        let after = |at: Timestamp| i128::from(at.as_micros()) - i128::from(self.cuts.from().as_micros());
        let last = self.cuts.as_slice().len();
        let places = (
            phase,
            self.cuts.place(begin),
            end.map_or(last, |end| self.cuts.place(end)),
        );
        let (count, begins, ends) = self.spans.entry(places).or_default();
        *count += 1;
        *begins += after(begin);
        *ends += end.map_or(0, after);
    }

    /// Returns what was gathered.
    pub fn finish(self) -> Vec<Spans> {
        let span = |((phase, begin, end), (count, begins_us, ends_us))| Spans {
            phase,
            begin,
            end,
            count,
            begins_us,
            ends_us,
        };
        self.spans.into_iter().map(span).collect()
    }
}

/// How long terminals were what, added up over all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Heard, and the reader worked.
    pub online: Duration,
    /// Not heard.
    pub offline: Duration,
    /// Heard, but the reader was absent or in error.
    pub error: Duration,
    /// In maintenance.
    pub maintenance: Duration,
    /// Before the first heartbeat.
    pub unheard: Duration,
    /// Retired.
    pub retired: Duration,
    /// While no node of ours could write: nothing is known of whether they worked.
    pub outage: Duration,
}

impl Times {
    /// Adds time of a phase; that of an outage of ours counts as nothing else, unless it would not count anyway.
    fn add(&mut self, phase: Phase, is_outage: bool, time: Duration) {
        *match phase {
            phase if is_outage && phase.is_counted() => &mut self.outage,
            Phase::Online => &mut self.online,
            Phase::Offline => &mut self.offline,
            Phase::Error => &mut self.error,
            Phase::Maintenance => &mut self.maintenance,
            Phase::Unheard => &mut self.unheard,
            Phase::Retired => &mut self.retired,
        } += time;
    }

    /// Adds other times.
    pub fn add_all(&mut self, other: &Self) {
        self.online += other.online;
        self.offline += other.offline;
        self.error += other.error;
        self.maintenance += other.maintenance;
        self.unheard += other.unheard;
        self.retired += other.retired;
        self.outage += other.outage;
    }

    /// Returns the whole of which availability is a share: online, offline and in error.
    pub fn counted(&self) -> Duration {
        self.online + self.offline + self.error
    }

    /// Returns the share of online time, in percent; `None` where no time counts.
    pub fn availability(&self) -> Option<f64> {
        let whole = self.counted().as_secs_f64();
        (whole > 0.0).then(|| self.online.as_secs_f64() / whole * 100.0)
    }
}

/// Spreads spans over the pieces of the window, in order. `is_outage` tells by its begin whether a piece lies in an outage
/// of ours.
pub fn spread(cuts: &Cuts, spans: &[Spans], is_outage: impl Fn(Timestamp) -> bool) -> Vec<Times> {
    let origin = i128::from(cuts.from().as_micros());
    let pieces: Vec<(i128, i128, bool)> = cuts
        .as_slice()
        .windows(2)
        .filter_map(|pair| match pair {
            [from, to] => Some((
                i128::from(from.as_micros()) - origin,
                i128::from(to.as_micros()) - origin,
                is_outage(*from),
            )),
            _ => None,
        })
        .collect();
    let mut times = vec![Times::default(); pieces.len()];
    for span in spans {
        let count = i128::from(span.count);
        let touched = span.begin.max(1)..=span.end.min(pieces.len());
        for place in touched {
            let (Some((from, to, is_outage)), Some(times)) = (pieces.get(place - 1), times.get_mut(place - 1)) else {
                continue;
            };
            let ends = if span.end > place { count * to } else { span.ends_us };
            let begins = if span.begin < place {
                count * from
            } else {
                span.begins_us
            };
            let time = u64::try_from(ends - begins).unwrap_or(0);
            times.add(span.phase, *is_outage, Duration::from_micros(time));
        }
    }
    times
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(1_769_248_800_000_000 + micros)
    }

    fn cuts(moments: &[i64]) -> Cuts {
        Cuts::new(moments.iter().map(|micros| at(*micros)).collect()).unwrap()
    }

    #[test]
    fn a_window_without_length_has_no_pieces() {
        assert_eq!(Cuts::new(vec![at(1), at(1)]), None);
        assert_eq!(Cuts::new(Vec::new()), None);
        let cuts = cuts(&[20, 0, 10, 10]);
        assert_eq!((cuts.pieces(), cuts.from(), cuts.to()), (2, at(0), at(20)));
        let places: Vec<_> = [-1, 0, 9, 10, 19, 20]
            .iter()
            .map(|micros| cuts.place(at(*micros)))
            .collect();
        assert_eq!(places, [0, 1, 1, 2, 2, 3]);
    }

    #[test]
    fn outages_take_only_time_that_would_count() {
        let cuts = cuts(&[0, 10, 20]);
        let mut gather = Gather::new(&cuts);
        gather.add(Phase::Online, at(-5), Some(at(15)));
        gather.add(Phase::Maintenance, at(5), None);
        let times = spread(&cuts, &gather.finish(), |from| from == at(10));
        let micros = Duration::from_micros;
        assert_eq!((times[0].online, times[0].maintenance), (micros(10), micros(5)));
        assert_eq!(
            (times[1].online, times[1].outage, times[1].maintenance),
            (micros(0), micros(5), micros(10))
        );
        assert_eq!((times[0].availability(), times[1].availability()), (Some(100.0), None));
    }

    proptest! {
        /// The sums tell as much as looking at each interval in each piece.
        #[test]
        fn sums_tell_all(
            intervals in prop::collection::vec((-50_i64..150, 0_i64..120, any::<bool>()), 0..40),
            moments in prop::collection::btree_set(0_i64..100, 2..8),
        ) {
            let cuts = cuts(&moments.iter().copied().collect::<Vec<_>>());
            let mut gather = Gather::new(&cuts);
            for (begin, length, is_open) in &intervals {
                gather.add(Phase::Error, at(*begin), (!is_open).then(|| at(begin + length)));
            }
            let times = spread(&cuts, &gather.finish(), |_| false);
            for (pair, times) in cuts.as_slice().windows(2).zip(times) {
                let inside = |(begin, length, is_open): &(i64, i64, bool)| {
                    let end = if *is_open { pair[1] } else { at(begin + length).min(pair[1]) };
                    end.since(at(*begin).max(pair[0]))
                };
                prop_assert_eq!(times.error, intervals.iter().map(inside).sum());
            }
        }
    }
}
