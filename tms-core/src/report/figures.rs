//! The figures of a time: how available terminals were, what went wrong most, and whom it hit.

use std::time::Duration;

use super::{
    availability::{AvailabilityRequest, Edge},
    calendar::{Calendar, Granularity, Window},
    tally::Times,
};
use crate::{alert::Cause, id::CustomerId, named_enum, terminal::store::StatusCounts, time::Timestamp};

/// How many customers a summary names.
pub const MOST_CUSTOMERS: u32 = 20;

named_enum!(
    /// The time of a summary, in whole days of the report's time zone; none reaches beyond now.
    Period {
        /// Today.
        Today = "today",
        /// The day before today.
        Yesterday = "yesterday",
        /// The last 7 days, today included.
        Week = "7d",
        /// The last 30 days, today included.
        Month = "30d",
        /// The last 90 days, today included.
        Quarter = "90d",
        /// Since the first of this month.
        ThisMonth = "this_month",
        /// The month before this one.
        LastMonth = "last_month",
    }
);

impl Period {
    /// Asks for the availability of this time, as one whole.
    pub fn request(self, calendar: Calendar, now: Timestamp) -> AvailabilityRequest {
        let today = calendar.date(now);
        let back = |days| today.checked_sub_days(chrono::Days::new(days)).unwrap_or(today);
        let first = chrono::Datelike::with_day(&today, 1).unwrap_or(today);
        let before = first.pred_opt().unwrap_or(first);
        let (from, to) = match self {
            Self::Today => (today, today),
            Self::Yesterday => (back(1), back(1)),
            Self::Week => (back(6), today),
            Self::Month => (back(29), today),
            Self::Quarter => (back(89), today),
            Self::ThisMonth => (first, today),
            Self::LastMonth => (chrono::Datelike::with_day(&before, 1).unwrap_or(before), before),
        };
        AvailabilityRequest {
            from: Some(Edge::Date(from)),
            to: Some(Edge::Date(to)),
            by: Granularity::Month,
        }
    }
}

/// The alerts of one cause that were raised in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// Why.
    pub cause: Cause,
    /// How many were raised.
    pub raised: u64,
    /// How many terminals they were of.
    pub terminals: u64,
    /// How many of them are over by now.
    pub resolved: u64,
    /// How long those lasted, all together.
    pub lasted: Duration,
}

impl Issue {
    /// Returns how many are not over so far.
    pub const fn open(&self) -> u64 {
        self.raised.saturating_sub(self.resolved)
    }
}

/// Returns how long alerts lasted on average; `None` while none is over.
pub fn mean_resolution<'a>(issues: impl IntoIterator<Item = &'a Issue>) -> Option<Duration> {
    let (mut resolved, mut lasted) = (0_u64, Duration::ZERO);
    for issue in issues {
        resolved += issue.resolved;
        lasted += issue.lasted;
    }
    let micros = lasted.as_micros().checked_div(u128::from(resolved))?;
    Some(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)))
}

/// How many alerts of a customer's terminals were raised in a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerAlerts {
    /// Whose.
    pub customer: CustomerId,
    /// The customer's name.
    pub company_name: String,
    /// How many were raised.
    pub raised: u64,
    /// How many of them are not over so far.
    pub open: u64,
}

/// What is wrong at a customer's at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerTrouble {
    /// Whose.
    pub customer: CustomerId,
    /// The customer's name.
    pub company_name: String,
    /// Their terminals by status, retired ones left out.
    pub terminals: StatusCounts,
    /// Unresolved alerts of their terminals.
    pub open: u64,
}

impl CustomerTrouble {
    /// Returns how many terminals do not do what they are there for, maintenance left out.
    pub const fn down(&self) -> u64 {
        self.terminals.offline.saturating_add(self.terminals.error)
    }
}

/// The figures of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerFigures {
    /// Whose, and their alerts.
    pub alerts: CustomerAlerts,
    /// Their terminals by present status.
    pub terminals: StatusCounts,
    /// How long these were what.
    pub times: Times,
}

/// The figures of a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The time zone whose days these are.
    pub zone: &'static str,
    /// The time.
    pub window: Window,
    /// Terminals by present status.
    pub terminals: StatusCounts,
    /// How long terminals were what.
    pub times: Times,
    /// Alerts by cause, most first.
    pub issues: Vec<Issue>,
    /// Customers by alerts raised, most first; at most [`MOST_CUSTOMERS`].
    pub customers: Vec<CustomerFigures>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_whole_days_of_the_zone() {
        // In Tokyo it is 1 March already.
        let now: Timestamp = "2026-02-28T16:00:00Z".parse().unwrap();
        for (period, from, to) in [
            (Period::Today, "2026-02-28T15:00:00Z", "2026-02-28T16:00:00Z"),
            (Period::Yesterday, "2026-02-27T15:00:00Z", "2026-02-28T15:00:00Z"),
            (Period::Week, "2026-02-22T15:00:00Z", "2026-02-28T16:00:00Z"),
            (Period::Month, "2026-01-30T15:00:00Z", "2026-02-28T16:00:00Z"),
            (Period::Quarter, "2025-12-01T15:00:00Z", "2026-02-28T16:00:00Z"),
            (Period::ThisMonth, "2026-02-28T15:00:00Z", "2026-02-28T16:00:00Z"),
            (Period::LastMonth, "2026-01-31T15:00:00Z", "2026-02-28T15:00:00Z"),
        ] {
            let tokyo = Calendar::default();
            let window = period.request(tokyo, now).plan(tokyo, now).unwrap().window;
            assert_eq!(
                (window.from.to_string(), window.to.to_string()),
                (from.to_owned(), to.to_owned()),
                "{period}"
            );
        }
    }

    #[test]
    fn the_mean_is_over_all_that_ended() {
        let issue = |resolved, secs| Issue {
            cause: Cause::Offline,
            raised: 3,
            terminals: 1,
            resolved,
            lasted: Duration::from_secs(secs),
        };
        assert_eq!(
            mean_resolution([&issue(1, 10), &issue(2, 20)]),
            Some(Duration::from_secs(10))
        );
        assert_eq!(mean_resolution([&issue(0, 0)]), None);
        assert_eq!(issue(1, 10).open(), 2);
    }
}
