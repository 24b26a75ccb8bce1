//! Reports of the domain as they travel.

use std::time::Duration;

use tms_core::{
    report::{
        Availability, Period, Summary, Times,
        figures::{CustomerFigures, Issue, mean_resolution},
    },
    terminal::store::StatusCounts,
};

use crate::wire::{self, customer::CustomerRef, report as out, summary::TerminalTotals};

impl From<Availability> for out::Availability {
    fn from(report: Availability) -> Self {
        let rows = report.shares.into_iter().map(|share| out::AvailabilityRow {
            period: share.bucket.label,
            from: share.bucket.window.from.to_string(),
            to: share.bucket.window.to.to_string(),
            times: share.times.into(),
        });
        Self {
            time_zone: report.zone.to_owned(),
            granularity: report.by.as_str().into(),
            from: report.window.from.to_string(),
            to: report.window.to.to_string(),
            data: rows.collect(),
            summary: report.total.into(),
        }
    }
}

impl From<Times> for out::Times {
    fn from(times: Times) -> Self {
        Self {
            availability_percent: percent(&times),
            online_seconds: seconds(times.online),
            offline_seconds: seconds(times.offline),
            error_seconds: seconds(times.error),
            maintenance_seconds: seconds(times.maintenance),
            unheard_seconds: seconds(times.unheard),
            retired_seconds: seconds(times.retired),
            outage_seconds: seconds(times.outage),
        }
    }
}

/// Returns a share in percent, to four digits.
fn percent(times: &Times) -> Option<f64> {
    times.availability().map(|percent| (percent * 1e4).round() / 1e4)
}

/// Returns whole seconds, rounded.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_millis() >= 500)
}

/// Converts the figures of a time.
pub(super) fn summary(period: Period, found: Summary) -> out::ReportSummary {
    let sum = |of: fn(&Issue) -> u64| found.issues.iter().map(of).sum();
    out::ReportSummary {
        period: period.as_str().into(),
        time_zone: found.zone.to_owned(),
        from: found.window.from.to_string(),
        to: found.window.to.to_string(),
        statistics: out::Statistics {
            terminals: totals(found.terminals),
            availability_percent: percent(&found.times),
            alerts_raised: sum(|issue| issue.raised),
            alerts_open: sum(Issue::open),
            alerts_resolved: sum(|issue| issue.resolved),
            mean_resolution_seconds: mean_resolution(&found.issues).map(seconds),
        },
        top_issues: found.issues.iter().map(issue).collect(),
        customer_breakdown: found.customers.into_iter().map(customer).collect(),
    }
}

fn issue(issue: &Issue) -> out::TopIssue {
    out::TopIssue {
        alert_type: issue.cause.as_str().into(),
        alerts_raised: issue.raised,
        terminals: issue.terminals,
        alerts_open: issue.open(),
        alerts_resolved: issue.resolved,
        mean_resolution_seconds: mean_resolution([issue]).map(seconds),
    }
}

fn customer(figures: CustomerFigures) -> out::CustomerFigures {
    out::CustomerFigures {
        customer: CustomerRef {
            id: figures.alerts.customer.get(),
            company_name: figures.alerts.company_name,
        },
        terminals: totals(figures.terminals),
        availability_percent: percent(&figures.times),
        alerts_raised: figures.alerts.raised,
        alerts_open: figures.alerts.open,
    }
}

fn totals(counts: StatusCounts) -> wire::summary::TerminalTotals {
    TerminalTotals {
        total: counts.total(),
        online: counts.online,
        offline: counts.offline,
        error: counts.error,
        maintenance: counts.maintenance,
    }
}
