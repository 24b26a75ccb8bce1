//! Reports as tables for spreadsheets. Columns are only ever added, at the end.

use tms_core::report::Availability;

use crate::{
    csv::{BOM, line, table},
    wire::report as wire,
};

const AVAILABILITY: [&str; 11] = [
    "period",
    "from",
    "to",
    "availability_percent",
    "online_seconds",
    "offline_seconds",
    "error_seconds",
    "maintenance_seconds",
    "unheard_seconds",
    "retired_seconds",
    "outage_seconds",
];

const SUMMARY: [&str; 8] = [
    "section",
    "name",
    "terminals",
    "availability_percent",
    "alerts_raised",
    "alerts_open",
    "alerts_resolved",
    "mean_resolution_seconds",
];

/// Makes a table of availability to show.
pub(super) fn availability_example() -> String {
    let (begin, end) = ("2026-01-23T15:00:00Z", "2026-01-24T15:00:00Z");
    table([
        &AVAILABILITY,
        &[
            "2026-01-24",
            begin,
            end,
            "99.5",
            "85968",
            "432",
            "0",
            "0",
            "0",
            "0",
            "0",
        ],
        &["total", begin, end, "99.5", "85968", "432", "0", "0", "0", "0", "0"],
    ])
}

/// Makes a table of figures to show.
pub(super) fn summary_example() -> String {
    table([
        &SUMMARY,
        &["statistics", "week", "120", "99.5", "12", "2", "10", "1800"],
        &["top_issues", "offline", "9", "", "10", "1", "9", "1500"],
        &[
            "customer_breakdown",
            "ABC Store Inc.",
            "120",
            "99.5",
            "12",
            "2",
            "10",
            "",
        ],
    ])
}

/// Writes a row for each piece of the time, and one for all of it.
pub(super) fn availability(report: &Availability) -> String {
    let report = wire::Availability::from(report.clone());
    let mut text = head(&AVAILABILITY);
    for row in &report.data {
        times(&mut text, [&row.period, &row.from, &row.to], &row.times);
    }
    times(&mut text, ["total", &report.from, &report.to], &report.summary);
    text
}

fn times(text: &mut String, names: [&str; 3], times: &wire::Times) {
    let figures = [
        times.online_seconds,
        times.offline_seconds,
        times.error_seconds,
        times.maintenance_seconds,
        times.unheard_seconds,
        times.retired_seconds,
        times.outage_seconds,
    ];
    let mut cells = names.map(str::to_owned).to_vec();
    cells.push(maybe(times.availability_percent));
    cells.extend(figures.iter().map(u64::to_string));
    line(text, cells.iter().map(String::as_str));
}

/// Writes a row for all, and one for each type of alert and each customer.
pub(super) fn summary(report: &wire::ReportSummary) -> String {
    let mut text = head(&SUMMARY);
    let all = &report.statistics;
    row(
        &mut text,
        ["statistics", &report.period],
        &[
            all.terminals.total.to_string(),
            maybe(all.availability_percent),
            all.alerts_raised.to_string(),
            all.alerts_open.to_string(),
            all.alerts_resolved.to_string(),
            maybe(all.mean_resolution_seconds),
        ],
    );
    for issue in &report.top_issues {
        row(
            &mut text,
            ["top_issues", &issue.alert_type],
            &[
                issue.terminals.to_string(),
                String::new(),
                issue.alerts_raised.to_string(),
                issue.alerts_open.to_string(),
                issue.alerts_resolved.to_string(),
                maybe(issue.mean_resolution_seconds),
            ],
        );
    }
    for figures in &report.customer_breakdown {
        row(
            &mut text,
            ["customer_breakdown", &figures.customer.company_name],
            &[
                figures.terminals.total.to_string(),
                maybe(figures.availability_percent),
                figures.alerts_raised.to_string(),
                figures.alerts_open.to_string(),
                figures.alerts_raised.saturating_sub(figures.alerts_open).to_string(),
                String::new(),
            ],
        );
    }
    text
}

fn head(columns: &[&str]) -> String {
    let mut text = BOM.to_owned();
    line(&mut text, columns.iter().copied());
    text
}

fn row(text: &mut String, names: [&str; 2], cells: &[String; 6]) {
    line(text, names.into_iter().chain(cells.iter().map(String::as_str)));
}

fn maybe<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
