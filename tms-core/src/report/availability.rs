//! Availability: which part of the time that counts terminals were online (DECISIONS 21). Pure.

use std::time::Duration;

use chrono::NaiveDate;

use super::{
    calendar::{Bucket, Calendar, Granularity, Window},
    reconcile::is_on_quarter,
    tally::{Cuts, Spans, Times, spread},
};
use crate::{
    error::{Error, FieldErrors},
    metric::Hour,
    presence::Outage,
    time::Timestamp,
};

/// The longest time of a report, in days: as long as status changes are kept unless somebody sets otherwise.
pub const MOST_DAYS: u64 = 400;
/// The most buckets of a report.
pub const MOST_BUCKETS: usize = 1_000;
/// How many days a report has when nobody says.
const USUAL_DAYS: u64 = 7;

/// An end of the time that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// A date of the report's time zone, which belongs to the time as a whole.
    Date(NaiveDate),
    /// A moment.
    Moment(Timestamp),
}

impl Edge {
    /// Returns the first moment of a time that begins with it.
    pub fn begin(self, calendar: Calendar) -> Timestamp {
        match self {
            Self::Date(date) => calendar.begin(date),
            Self::Moment(at) => at,
        }
    }

    /// Returns the first moment after a time that ends with it.
    pub fn end(self, calendar: Calendar) -> Timestamp {
        match self {
            Self::Date(date) => date.succ_opt().map_or(Timestamp::MAX, |next| calendar.begin(next)),
            Self::Moment(at) => at,
        }
    }
}

/// What is asked for; the last seven days, today included, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvailabilityRequest {
    /// From when.
    pub from: Option<Edge>,
    /// Until when.
    pub to: Option<Edge>,
    /// How finely.
    pub by: Granularity,
}

impl AvailabilityRequest {
    /// Asks for the last `days` days, today included, day by day.
    pub fn last_days(days: u32, calendar: Calendar, now: Timestamp) -> Self {
        let today = calendar.date(now);
        let before = chrono::Days::new(u64::from(days.max(1)) - 1);
        Self {
            from: Some(Edge::Date(today.checked_sub_days(before).unwrap_or(today))),
            to: None,
            by: Granularity::Day,
        }
    }

    /// Decides which time is meant: nothing after `now`, which nobody knows.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it begins after it ends, is too long, or cut too finely.
    pub fn plan(&self, calendar: Calendar, now: Timestamp) -> Result<Plan, Error> {
        let to = self.to.map_or(now, |edge| edge.end(calendar));
        let usual = || {
            let last = calendar.date(to.minus(Duration::from_micros(1)).min(now));
            let first = last.checked_sub_days(chrono::Days::new(USUAL_DAYS - 1));
            calendar.begin(first.unwrap_or(last))
        };
        let from = self.from.map_or_else(usual, |edge| edge.begin(calendar));
        if to < from {
            return Err(FieldErrors::single("to", "must not be before the begin"));
        }
        if to.since(from) > Duration::from_secs((MOST_DAYS + 1) * 86_400) {
            return Err(FieldErrors::single(
                "from",
                format!("at most {MOST_DAYS} days at a time"),
            ));
        }
        let window = Window { from, to: to.min(now) };
        let buckets = calendar.cut(window, self.by);
        if buckets.len() > MOST_BUCKETS {
            let message = format!("is too fine for so long a time: at most {MOST_BUCKETS} rows");
            return Err(FieldErrors::single("granularity", message));
        }
        Ok(Plan {
            calendar,
            window,
            by: self.by,
            buckets,
        })
    }
}

/// The time of a report, cut as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    calendar: Calendar,
    /// The whole.
    pub window: Window,
    by: Granularity,
    buckets: Vec<Bucket>,
}

impl Plan {
    /// Returns until when the quarters that were added up before the hour `next` tell all that is asked for; the begin of the
    /// window when they don't.
    pub fn known_until(&self, next: Option<Hour>) -> Timestamp {
        let Window { from, to } = self.window;
        let next = next.map_or(from, Hour::begin).max(from);
        let are_whole = self.buckets.iter().all(|bucket| is_on_quarter(bucket.window.from));
        match next {
            _ if !are_whole => from,
            next if next < to => next,
            _ if is_on_quarter(to) => to,
            _ => from,
        }
    }

    /// Returns where to cut what lies behind `known`: at the ends of buckets, and where an outage of ours begins or ends.
    /// `None` when nothing does.
    pub fn cuts(&self, known: Timestamp, outages: &[Outage]) -> Option<Cuts> {
        let to = self.window.to;
        let ends = self
            .buckets
            .iter()
            .flat_map(|bucket| [bucket.window.from, bucket.window.to]);
        let outages = outages.iter().flat_map(|outage| [outage.from, outage.to]);
        let inside = ends.chain(outages).filter(|at| known < *at && *at < to);
        let from = Some(known).filter(|known| *known < to);
        Cuts::new(from.into_iter().flat_map(|from| [from, to]).chain(inside).collect())
    }

    /// Adds up by bucket what was found by piece: pieces that were added up before, and those of `cuts`.
    pub fn conclude(
        self,
        before: &[(Timestamp, Times)],
        cuts: Option<&Cuts>,
        spans: &[Spans],
        outages: &[Outage],
    ) -> Availability {
        let is_outage = |at: Timestamp| outages.iter().any(|outage| outage.from <= at && at < outage.to);
        let pieces = cuts.map_or_else(Vec::new, |cuts| spread(cuts, spans, is_outage));
        let begins = cuts.map_or(&[][..], Cuts::as_slice).iter().copied();
        let mut pieces: Vec<_> = before.iter().copied().chain(begins.zip(pieces)).collect();
        pieces.sort_by_key(|(begin, _)| *begin);
        let mut pieces = pieces.into_iter().peekable();
        let mut total = Times::default();
        let mut shares = Vec::with_capacity(self.buckets.len());
        for bucket in self.buckets {
            let mut times = Times::default();
            while let Some((_, piece)) = pieces.next_if(|(begin, _)| *begin < bucket.window.to) {
                times.add_all(&piece);
            }
            total.add_all(&times);
            shares.push(Share { bucket, times });
        }
        Availability {
            zone: self.calendar.zone(),
            by: self.by,
            window: self.window,
            shares,
            total,
        }
    }
}

/// The times of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Of when.
    pub bucket: Bucket,
    /// How long terminals were what.
    pub times: Times,
}

/// How available terminals were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// The time zone whose days these are.
    pub zone: &'static str,
    /// How finely it is cut.
    pub by: Granularity,
    /// The time as a whole.
    pub window: Window,
    /// Bucket by bucket, oldest first.
    pub shares: Vec<Share>,
    /// All of them together.
    pub total: Times,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{presence::Phase, report::tally::Gather};

    /// 2026-01-24T19:00 in Tokyo.
    const NOW: Timestamp = Timestamp::from_secs(1_769_248_800);

    fn request(from: Option<&str>, to: Option<&str>, by: Granularity) -> AvailabilityRequest {
        let date = |text: &str| Edge::Date(text.parse().unwrap());
        AvailabilityRequest {
            from: from.map(date),
            to: to.map(date),
            by,
        }
    }

    fn plan(from: Option<&str>, to: Option<&str>, by: Granularity) -> Result<Plan, Error> {
        request(from, to, by).plan(Calendar::default(), NOW)
    }

    #[test]
    fn seven_days_are_usual_and_nothing_is_of_the_future() {
        let usual = plan(None, None, Granularity::Day).unwrap();
        assert_eq!(
            usual,
            AvailabilityRequest::last_days(7, Calendar::default(), NOW)
                .plan(Calendar::default(), NOW)
                .unwrap()
        );
        let labels: Vec<_> = usual.buckets.iter().map(|bucket| bucket.label.as_str()).collect();
        assert_eq!((labels.len(), labels[0], labels[6]), (7, "2026-01-18", "2026-01-24"));
        assert_eq!(usual.window.to, NOW);
        let to_come = plan(Some("2026-02-01"), Some("2026-02-02"), Granularity::Day).unwrap();
        assert!(to_come.buckets.is_empty() && to_come.cuts(to_come.window.from, &[]).is_none());
        let past = plan(None, Some("2026-01-10"), Granularity::Day).unwrap();
        assert_eq!((past.buckets.len(), past.buckets[0].label.as_str()), (7, "2026-01-04"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (from, to, by) in [
            (Some("2026-01-10"), Some("2026-01-08"), Granularity::Day),
            (Some("2024-01-10"), None, Granularity::Month),
            (Some("2025-10-01"), None, Granularity::Hour),
        ] {
            assert!(matches!(plan(from, to, by), Err(Error::Invalid(_))), "{from:?} {by}");
        }
    }

    #[test]
    fn our_own_outages_count_for_nobody() {
        let plan = plan(Some("2026-01-22"), Some("2026-01-23"), Granularity::Day).unwrap();
        let hour = |hour: u64| plan.window.from.plus(Duration::from_secs(hour * 3_600));
        let outages = [
            Outage {
                from: hour(20),
                to: hour(26),
            },
            Outage {
                from: hour(300),
                to: hour(301),
            },
        ];
        let cuts = plan.cuts(plan.window.from, &outages).unwrap();
        assert_eq!(cuts.pieces(), 4);
        let mut gather = Gather::new(&cuts);
        gather.add(Phase::Online, hour(0), Some(hour(12)));
        gather.add(Phase::Offline, hour(12), Some(hour(36)));
        gather.add(Phase::Online, hour(36), None);
        let report = plan.clone().conclude(&[], Some(&cuts), &gather.finish(), &outages);
        let hours = |time: Duration| time.as_secs() / 3_600;
        let by_day: Vec<_> = report
            .shares
            .iter()
            .map(|share| {
                (
                    hours(share.times.online),
                    hours(share.times.offline),
                    hours(share.times.outage),
                )
            })
            .collect();
        assert_eq!(by_day, [(12, 8, 4), (12, 10, 2)]);
        assert_eq!(report.shares[0].times.availability(), Some(60.0));
        assert_eq!((hours(report.total.online), hours(report.total.counted())), (24, 42));
    }

    #[test]
    fn quarters_tell_what_lies_between_them() {
        let day = plan(Some("2026-01-23"), None, Granularity::Day).unwrap();
        let Window { from, to } = day.window;
        let hour = |text: &str| Some(Hour::of(text.parse().unwrap()));
        assert_eq!(day.known_until(None), from);
        assert_eq!(day.known_until(hour("2025-12-31T00:00:00Z")), from);
        assert_eq!(
            day.known_until(hour("2026-01-24T09:00:00Z")).to_string(),
            "2026-01-24T09:00:00Z"
        );
        assert_eq!(day.known_until(hour("2026-01-24T11:00:00Z")), to, "now is on a quarter");
        let odd = AvailabilityRequest {
            from: Some(Edge::Moment(from.plus(Duration::from_secs(1)))),
            to: None,
            by: Granularity::Day,
        };
        let odd = odd.plan(Calendar::default(), NOW).unwrap();
        assert_eq!(odd.known_until(hour("2026-01-24T09:00:00Z")), odd.window.from);
        let online = |secs| Times {
            online: Duration::from_secs(secs),
            ..Times::default()
        };
        let known = day.known_until(hour("2026-01-24T09:00:00Z"));
        let cuts = day.cuts(known, &[]).unwrap();
        assert_eq!((cuts.from(), cuts.to(), cuts.pieces()), (known, to, 1));
        let mut gather = Gather::new(&cuts);
        gather.add(Phase::Online, from, None);
        let second = from.plus(Duration::from_secs(86_400));
        let report = day.conclude(
            &[(from, online(7)), (second, online(5))],
            Some(&cuts),
            &gather.finish(),
            &[],
        );
        let by_day: Vec<_> = report.shares.iter().map(|share| share.times.online.as_secs()).collect();
        assert_eq!(by_day, [7, 3_605]);
    }
}
