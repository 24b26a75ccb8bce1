//! Reports: availability and the figures of a time.

use serde::{Deserialize, Serialize};

use super::{Name, summary::TerminalTotals};

/// The query of `GET /reports/availability`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AvailabilityQuery {
    /// From this date of the report's time zone on, or from this time on; six days before the end if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_date: Option<String>,
    /// To the end of this date, or to this time; to now if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_date: Option<String>,
    /// hour, day, week, month; by the day if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Granularity>))]
    pub granularity: Option<String>,
    /// Only of this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
}

/// The query of `GET /terminals/{id}/availability`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TerminalAvailabilityQuery {
    /// From this date of the report's time zone on, or from this time on; six days before the end if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// To the end of this date, or to this time; to now if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// hour, day, week, month; by the day if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Granularity>))]
    pub granularity: Option<String>,
}

/// `GET /reports/availability` and `GET /terminals/{id}/availability`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!({
        "time_zone": "Asia/Tokyo", "granularity": "day", "from": "2026-01-22T15:00:00Z", "to": "2026-01-24T10:00:00Z",
        "data": [{"period": "2026-01-23", "from": "2026-01-22T15:00:00Z", "to": "2026-01-23T15:00:00Z",
            "availability_percent": 95.8333, "online_seconds": 82800, "offline_seconds": 1800, "error_seconds": 1800,
            "maintenance_seconds": 0, "unheard_seconds": 0, "retired_seconds": 0, "outage_seconds": 0}],
        "summary": {"availability_percent": 95.8333, "online_seconds": 82800, "offline_seconds": 1800,
            "error_seconds": 1800, "maintenance_seconds": 0, "unheard_seconds": 0, "retired_seconds": 0,
            "outage_seconds": 0}
    }))
)]
pub struct Availability {
    /// The zone whose hours, days, weeks and months these are.
    pub time_zone: String,
    /// How finely the time is cut.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Granularity))]
    pub granularity: Name,
    /// The begin of the time.
    pub from: String,
    /// Its end; never after now.
    pub to: String,
    /// Piece by piece, the oldest first.
    pub data: Vec<AvailabilityRow>,
    /// All of it.
    pub summary: Times,
}

/// An hour, a day, a week or a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct AvailabilityRow {
    /// Its name, such as `2026-01-24T10:00+09:00`, `2026-01-24`, `2026-W04` or `2026-01`.
    pub period: String,
    /// Its begin, or that of the time that was asked for.
    pub from: String,
    /// Its end, or that of the time that was asked for.
    pub to: String,
    /// How long terminals were what.
    #[serde(flatten)]
    pub times: Times,
}

/// How long terminals were what, added up over all of them, in seconds. Only the first three are the whole of which
/// availability is a share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Times {
    /// Online time in percent of online, offline and in error; null where there is none of these.
    pub availability_percent: Option<f64>,
    /// Heard, and the reader worked.
    pub online_seconds: u64,
    /// Not heard.
    pub offline_seconds: u64,
    /// Heard, but the reader was absent or in error.
    pub error_seconds: u64,
    /// In maintenance.
    pub maintenance_seconds: u64,
    /// Before the first heartbeat.
    pub unheard_seconds: u64,
    /// Retired.
    pub retired_seconds: u64,
    /// While the server itself was away, so that nothing is known.
    pub outage_seconds: u64,
}

/// The query of `GET /reports/summary`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SummaryQuery {
    /// today, yesterday, 7d, 30d, 90d, this_month, last_month, in days of the report's time zone; 7d if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Period>))]
    pub period: Option<String>,
    /// Only of this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
}

/// `GET /reports/summary`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!({
        "period": "7d", "time_zone": "Asia/Tokyo", "from": "2026-01-17T15:00:00Z", "to": "2026-01-24T10:00:00Z",
        "statistics": {"terminals": {"total": 4, "online": 2, "offline": 1, "error": 1, "maintenance": 0},
            "availability_percent": 99.1042, "alerts_raised": 3, "alerts_open": 1, "alerts_resolved": 2,
            "mean_resolution_seconds": 840},
        "top_issues": [{"alert_type": "offline", "alerts_raised": 2, "terminals": 1, "alerts_open": 1,
            "alerts_resolved": 1, "mean_resolution_seconds": 900}],
        "customer_breakdown": [{"customer": {"id": 1, "company_name": "ABC Store Inc."},
            "terminals": {"total": 4, "online": 2, "offline": 1, "error": 1, "maintenance": 0},
            "availability_percent": 99.1042, "alerts_raised": 3, "alerts_open": 1}]
    }))
)]
pub struct ReportSummary {
    /// What was asked for.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Period))]
    pub period: Name,
    /// The zone whose days these are.
    pub time_zone: String,
    /// The begin of the time.
    pub from: String,
    /// Its end; never after now.
    pub to: String,
    /// All of it.
    pub statistics: Statistics,
    /// Alerts by type, most first.
    pub top_issues: Vec<TopIssue>,
    /// The customers with most alerts, at most 20.
    pub customer_breakdown: Vec<CustomerFigures>,
}

/// The figures of a time. Alerts are those that were raised in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Statistics {
    /// Terminals by present status.
    pub terminals: TerminalTotals,
    /// Online time in percent of online, offline and in error; null where there is none of these.
    pub availability_percent: Option<f64>,
    /// How many alerts were raised.
    pub alerts_raised: u64,
    /// How many of them are not over so far.
    pub alerts_open: u64,
    /// How many are.
    pub alerts_resolved: u64,
    /// How long those lasted on average.
    pub mean_resolution_seconds: Option<u64>,
}

/// The alerts of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct TopIssue {
    /// Why.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertType))]
    pub alert_type: Name,
    /// How many were raised.
    pub alerts_raised: u64,
    /// How many terminals had one.
    pub terminals: u64,
    /// How many are not over so far.
    pub alerts_open: u64,
    /// How many are.
    pub alerts_resolved: u64,
    /// How long those lasted on average.
    pub mean_resolution_seconds: Option<u64>,
}

/// The figures of one customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct CustomerFigures {
    /// Whose.
    pub customer: super::customer::CustomerRef,
    /// Terminals by present status.
    pub terminals: TerminalTotals,
    /// Online time in percent of online, offline and in error; null where there is none of these.
    pub availability_percent: Option<f64>,
    /// How many alerts were raised.
    pub alerts_raised: u64,
    /// How many of them are not over so far.
    pub alerts_open: u64,
}
