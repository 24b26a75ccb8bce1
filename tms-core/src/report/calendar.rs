//! Spans of time as people of a zone cut them: hours, days, weeks from Monday, months. Days of a change to or from summer
//! time have 23 or 25 hours.

use chrono::{DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike};
use chrono_tz::Tz;

use crate::{named_enum, text::InvalidText, time::Timestamp};

named_enum!(
    /// How finely a report is cut.
    Granularity {
        /// By the hour.
        Hour = "hour",
        /// By the day.
        Day = "day",
        /// By the week, from Monday on.
        Week = "week",
        /// By the month.
        Month = "month",
    }
);

/// A time from its first moment to the first that is not of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

/// One hour, day, week or month, or what of it lies within a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name: `2026-01-24T10:00+09:00`, `2026-01-24`, `2026-W04`, `2026-01`.
    pub label: String,
    /// The time.
    pub window: Window,
}

/// The calendar of a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar(Tz);

impl Calendar {
    /// Reads the name of a zone, such as `Asia/Tokyo`.
    ///
    /// # Errors
    /// [`InvalidText`] when there is no such zone.
    pub fn parse(zone: &str) -> Result<Self, InvalidText> {
        let unknown = |_| InvalidText("must be the name of a time zone such as Asia/Tokyo".to_owned());
        zone.parse().map(Self).map_err(unknown)
    }

    /// Returns the name of the zone.
    pub fn zone(self) -> &'static str {
        self.0.name()
    }

    /// Returns the names of all zones.
    pub fn zones() -> impl Iterator<Item = &'static str> {
        chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())
    }

    /// Returns the date at a moment.
    pub fn date(self, at: Timestamp) -> NaiveDate {
        self.local(at).date_naive()
    }

    /// Returns the first moment of a date. A date that the zone left out has none: then the first one after it.
    pub fn begin(self, date: NaiveDate) -> Timestamp {
        let midnight = date.and_time(NaiveTime::MIN);
        // Summer time that begins at midnight skips the first moments.
        let mut steps = (0..=48 * 60).map(|minutes| midnight + chrono::TimeDelta::minutes(minutes));
        let first = steps.find_map(|local| self.first(local));
        first.map_or(Timestamp::MAX, |time| time.to_utc().into())
    }

    /// Cuts a window; the first and the last bucket may be parts only.
    pub fn cut(self, window: Window, by: Granularity) -> Vec<Bucket> {
        let mut buckets = Vec::new();
        let mut from = window.from;
        while from < window.to {
            let next = self.next(from, by).min(window.to);
            buckets.push(Bucket {
                label: self.label(from, by),
                window: Window { from, to: next },
            });
            from = next;
        }
        buckets
    }

    fn local(self, at: Timestamp) -> DateTime<Tz> {
        at.to_chrono().with_timezone(&self.0)
    }

    /// Returns the first moment at which clocks show `local`; none when they never do.
    fn first(self, local: NaiveDateTime) -> Option<DateTime<Tz>> {
        match self.0.from_local_datetime(&local) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Some(time),
            LocalResult::None => None,
        }
    }

    /// Returns when the bucket that `at` lies in ends, which is always later than `at`.
    fn next(self, at: Timestamp, by: Granularity) -> Timestamp {
        let local = self.local(at);
        let date = local.date_naive();
        let date = match by {
            Granularity::Hour => {
                // Hours are counted, not read off a clock: the one that a change repeats is a bucket of its own.
                let past = i64::from(local.minute() * 60 + local.second()) * 1_000_000;
                let past = past + i64::from(local.timestamp_subsec_micros());
                return Timestamp::from_micros(at.as_micros() + 3_600_000_000 - past);
            }
            Granularity::Day => date.checked_add_days(Days::new(1)),
            Granularity::Week => date.checked_add_days(Days::new(7 - u64::from(date.weekday().num_days_from_monday()))),
            Granularity::Month => date
                .with_day(1)
                .and_then(|first| first.checked_add_months(Months::new(1))),
        };
        let next = date.map_or(Timestamp::MAX, |date| self.begin(date));
        // A zone that goes back over midnight has a date twice: the second time is a bucket of its own.
        if next > at {
            next
        } else {
            at.plus(std::time::Duration::from_secs(3_600))
        }
    }

    /// Returns the whole bucket that `at` lies in, and its name.
    pub fn around(self, at: Timestamp, by: Granularity) -> (String, Window) {
        let date = self.date(at);
        let first = match by {
            Granularity::Hour => {
                return (
                    self.label(at, by),
                    Window {
                        from: at,
                        to: self.next(at, by),
                    },
                );
            }
            Granularity::Day => Some(date),
            Granularity::Week => date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday()))),
            Granularity::Month => date.with_day(1),
        };
        let from = first.map_or(at, |first| self.begin(first).min(at));
        let window = Window {
            from,
            to: self.next(at, by),
        };
        (self.label(at, by), window)
    }

    /// Names the bucket that `at` lies in.
    pub fn label(self, at: Timestamp, by: Granularity) -> String {
        let local = self.local(at);
        let format = match by {
            Granularity::Hour => "%Y-%m-%dT%H:%M%:z",
            Granularity::Day => "%Y-%m-%d",
            Granularity::Week => "%G-W%V",
            Granularity::Month => "%Y-%m",
        };
        local.format(format).to_string()
    }
}

impl Default for Calendar {
    /// Japan's.
    fn default() -> Self {
        Self(Tz::Asia__Tokyo)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn calendar(zone: &str) -> Calendar {
        Calendar::parse(zone).unwrap()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn window(calendar: Calendar, from: &str, to: &str) -> Window {
        Window {
            from: calendar.begin(date(from)),
            to: calendar.begin(date(to)),
        }
    }

    fn hours(buckets: &[Bucket]) -> Vec<(&str, u64)> {
        let length = |bucket: &Bucket| bucket.window.to.since(bucket.window.from).as_secs() / 3_600;
        buckets
            .iter()
            .map(|bucket| (bucket.label.as_str(), length(bucket)))
            .collect()
    }

    #[test]
    fn days_begin_at_midnight_of_the_zone() {
        for (zone, day, begin) in [
            ("Asia/Tokyo", "2026-01-24", "2026-01-23T15:00:00Z"),
            ("UTC", "2026-01-24", "2026-01-24T00:00:00Z"),
            ("Asia/Kathmandu", "2026-01-24", "2026-01-23T18:15:00Z"),
            // Midnight was skipped.
            ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z"),
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
            // The whole day was skipped.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
            ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
        ] {
            assert_eq!(calendar(zone).begin(date(day)).to_string(), begin, "{zone} {day}");
        }
        assert!(Calendar::parse("Asia/Edo").is_err());
    }

    #[test]
    fn a_change_to_or_from_summer_time_makes_a_short_and_a_long_day() {
        let berlin = calendar("Europe/Berlin");
        let days = |from, to| berlin.cut(window(berlin, from, to), Granularity::Day);
        assert_eq!(
            hours(&days("2026-03-28", "2026-03-31")),
            [("2026-03-28", 24), ("2026-03-29", 23), ("2026-03-30", 24)]
        );
        assert_eq!(hours(&days("2026-10-25", "2026-10-26")), [("2026-10-25", 25)]);
        let of_a_day = berlin.cut(window(berlin, "2026-10-25", "2026-10-26"), Granularity::Hour);
        assert_eq!(of_a_day.len(), 25);
        let labels: Vec<_> = of_a_day.iter().map(|hour| hour.label.as_str()).collect();
        assert_eq!(labels[2..4], ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]);
    }

    #[test]
    fn weeks_and_months_are_cut_off_at_the_window() {
        let tokyo = Calendar::default();
        let year_end = window(tokyo, "2025-12-27", "2026-01-10");
        assert_eq!(
            hours(&tokyo.cut(year_end, Granularity::Week)),
            [("2025-W52", 48), ("2026-W01", 168), ("2026-W02", 120)]
        );
        assert_eq!(
            hours(&tokyo.cut(year_end, Granularity::Month)),
            [("2025-12", 120), ("2026-01", 216)]
        );
        let nothing = Window {
            from: year_end.to,
            to: year_end.from,
        };
        assert!(tokyo.cut(nothing, Granularity::Day).is_empty());
    }

    proptest! {
        /// Whatever the zone, buckets are not empty, leave nothing out, and only neighbours share a label.
        #[test]
        fn buckets_tile_the_window(
            zone in prop::sample::select(&chrono_tz::TZ_VARIANTS[..]),
            from in 0_i64..2_000_000_000, length in 1_i64..5_000_000, by in prop::sample::select(Granularity::ALL),
        ) {
            let window = Window { from: Timestamp::from_secs(from), to: Timestamp::from_secs(from + length) };
            let buckets = Calendar(zone).cut(window, by);
            let mut at = window.from;
            for bucket in &buckets {
                prop_assert_eq!(bucket.window.from, at);
                prop_assert!(bucket.window.to > at);
                at = bucket.window.to;
            }
            prop_assert_eq!(at, window.to);
        }
    }
}
