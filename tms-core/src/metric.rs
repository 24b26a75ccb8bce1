//! Measurements rolled up by the hour, so that they outlive the heartbeats that brought them (DECISIONS 20). Pure; the
//! reconciler beside it sequences the port.

pub mod reconcile;
pub mod service;
pub mod store;

use std::time::Duration;

use crate::{
    heartbeat::Metrics,
    named_enum,
    report::calendar::{Calendar, Granularity, Window},
    time::Timestamp,
};

pub use service::MetricHistory;
pub use store::MetricStore;

const HOUR_US: i64 = 3_600_000_000;

named_enum!(
    /// How finely measurements are shown.
    Resolution {
        /// Each heartbeat.
        Raw = "raw",
        /// By the hour.
        Hour = "hour",
        /// By the day of the report's time zone; an hour is of the day in which it begins.
        Day = "day",
    }
);

/// The values of one measurement within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The lowest.
    pub min: i16,
    /// The highest.
    pub max: i16,
    /// The sum, from which the mean follows.
    pub sum: i64,
    /// How many there were.
    pub count: u32,
}

impl Measured {
    /// Returns the mean.
    pub fn mean(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a sum of percentages is far below 2^53")]
        let sum = self.sum as f64;
        sum / f64::from(self.count.max(1))
    }

    fn of(value: i16) -> Self {
        Self {
            min: value,
            max: value,
            sum: i64::from(value),
            count: 1,
        }
    }

    fn merge(known: Option<Self>, more: Option<Self>) -> Option<Self> {
        let (Some(known), Some(more)) = (known, more) else {
            return known.or(more);
        };
        Some(Self {
            min: known.min.min(more.min),
            max: known.max.max(more.max),
            sum: known.sum + more.sum,
            count: known.count + more.count,
        })
    }
}

/// What the heartbeats of a time said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rollup {
    /// How many heartbeats there were.
    pub heartbeats: u32,
    /// Processor use, percent.
    pub cpu_percent: Option<Measured>,
    /// Memory use, percent.
    pub memory_percent: Option<Measured>,
    /// Disk use, percent.
    pub disk_percent: Option<Measured>,
    /// Temperature, degrees Celsius.
    pub temperature_c: Option<Measured>,
}

impl Rollup {
    /// Takes in what another time says.
    pub fn merge(&mut self, more: &Self) {
        self.heartbeats += more.heartbeats;
        self.cpu_percent = Measured::merge(self.cpu_percent, more.cpu_percent);
        self.memory_percent = Measured::merge(self.memory_percent, more.memory_percent);
        self.disk_percent = Measured::merge(self.disk_percent, more.disk_percent);
        self.temperature_c = Measured::merge(self.temperature_c, more.temperature_c);
    }
}

impl From<&Metrics> for Rollup {
    fn from(metrics: &Metrics) -> Self {
        Self {
            heartbeats: 1,
            cpu_percent: metrics.cpu_percent.map(Measured::of),
            memory_percent: metrics.memory_percent.map(Measured::of),
            disk_percent: metrics.disk_percent.map(Measured::of),
            temperature_c: metrics.temperature_c.map(Measured::of),
        }
    }
}

/// A whole hour, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(Timestamp);

impl Hour {
    /// Returns the hour of a moment.
    pub const fn of(at: Timestamp) -> Self {
        Self(Timestamp::from_micros(
            at.as_micros() - at.as_micros().rem_euclid(HOUR_US),
        ))
    }

    /// Returns its first moment.
    pub const fn begin(self) -> Timestamp {
        self.0
    }

    /// Returns the hour after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.plus(Duration::from_micros(HOUR_US.unsigned_abs())))
    }

    /// Returns the first moment after it.
    pub fn end(self) -> Timestamp {
        self.next().0
    }
}

/// The measurements of an hour or a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Its name in the report's time zone: `2026-01-24T10:00+09:00` or `2026-01-24`.
    pub label: String,
    /// The time.
    pub window: Window,
    /// What was measured.
    pub rollup: Rollup,
}

/// Puts hours, which come in order, together as `by` says; an hour is of the period in which it begins.
pub fn periods(hours: &[(Hour, Rollup)], calendar: Calendar, by: Granularity) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    for (hour, rollup) in hours {
        let begin = hour.begin();
        match periods.last_mut() {
            Some(last) if begin < last.window.to => last.rollup.merge(rollup),
            _ => {
                let (label, window) = match by {
                    Granularity::Hour => (
                        calendar.label(begin, by),
                        Window {
                            from: begin,
                            to: hour.end(),
                        },
                    ),
                    _ => calendar.around(begin, by),
                };
                periods.push(Period {
                    label,
                    window,
                    rollup: *rollup,
                });
            }
        }
    }
    periods
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn metrics(cpu: Option<i16>) -> Metrics {
        Metrics {
            cpu_percent: cpu,
            temperature_c: Some(-5),
            ..Metrics::default()
        }
    }

    #[test]
    fn hours_are_whole() {
        let at: Timestamp = "2026-01-24T10:59:59.999999Z".parse().unwrap();
        let hour = Hour::of(at);
        assert_eq!(
            (hour.begin().to_string(), hour.end().to_string()),
            ("2026-01-24T10:00:00Z".into(), "2026-01-24T11:00:00Z".into())
        );
        assert_eq!(Hour::of(hour.end()), hour.next());
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let first = Hour::of("2026-01-24T13:00:00Z".parse().unwrap());
        let mut hours = Vec::new();
        let mut hour = first;
        for cpu in [10, 20, 60] {
            hours.push((hour, Rollup::from(&metrics(Some(cpu)))));
            hour = hour.next();
        }
        let days = periods(&hours, Calendar::default(), Granularity::Day);
        let shown: Vec<_> = days
            .iter()
            .map(|day| (day.label.as_str(), day.rollup.heartbeats))
            .collect();
        assert_eq!(shown, [("2026-01-24", 2), ("2026-01-25", 1)]);
        let cpu = days[0].rollup.cpu_percent.unwrap();
        assert_eq!((cpu.min, cpu.max, cpu.mean().to_bits()), (10, 20, 15.0_f64.to_bits()));
        assert_eq!(days[0].window.to.to_string(), "2026-01-24T15:00:00Z");
        let by_hour = periods(&hours, Calendar::default(), Granularity::Hour);
        assert_eq!(by_hour[2].label, "2026-01-25T00:00+09:00");
    }

    proptest! {
        /// However heartbeats are split before they are put together, they say the same.
        #[test]
        fn merging_is_associative(values in prop::collection::vec(prop::option::of(-100_i16..200), 1..20), at in 0_usize..20) {
            let all = |values: &[Option<i16>]| {
                let mut rollup = Rollup::default();
                for value in values {
                    rollup.merge(&Rollup::from(&metrics(*value)));
                }
                rollup
            };
            let (left, right) = values.split_at(at.min(values.len()));
            let mut merged = all(left);
            merged.merge(&all(right));
            prop_assert_eq!(merged, all(&values));
            let present: Vec<i16> = values.iter().flatten().copied().collect();
            prop_assert_eq!(merged.cpu_percent.map(|cpu| (cpu.min, cpu.max)), present.iter().min().copied().zip(present.iter().max().copied()));
        }
    }
}
