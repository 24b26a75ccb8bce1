//! What happened to a terminal: its measurements, its status, its logs.

use serde::{Deserialize, Serialize};

use super::{Name, agent::Metrics};

/// A row of `GET /terminals/{id}/metrics?resolution=raw`: one heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"timestamp": "2026-01-24T10:00:00Z", "received_at": "2026-01-24T10:00:01Z", "seq": 812, "device":
        {"state": "ok", "error_code": 0}, "metrics": {"cpu_usage": 45, "memory_usage": 60, "disk_usage": 30,
        "temperature": 35}, "transaction_count": 150}
    ))
)]
pub struct MetricsRow {
    /// The agent's clock.
    pub timestamp: String,
    /// The server's clock.
    pub received_at: String,
    /// The agent's counter, if it counts.
    pub seq: Option<i64>,
    /// The reader.
    pub device: Device,
    /// Measurements.
    pub metrics: Metrics,
    /// How many cards were read since the start of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_count: Option<i64>,
}

/// A row of `GET /terminals/{id}/metrics?resolution=hour` or `day`: what the heartbeats of that time said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"period": "2026-01-24T19:00+09:00", "from": "2026-01-24T10:00:00Z", "to": "2026-01-24T11:00:00Z",
        "heartbeats": 12, "metrics": {"cpu_usage": {"min": 12, "avg": 45.25, "max": 91, "count": 12},
        "memory_usage": null, "disk_usage": null, "temperature": null}}
    ))
)]
pub struct MetricsPeriod {
    /// Its name in the report's time zone, such as `2026-01-24T19:00+09:00` or `2026-01-24`.
    pub period: String,
    /// When it begins.
    pub from: String,
    /// When it ends.
    pub to: String,
    /// How many heartbeats there were.
    pub heartbeats: u32,
    /// What was measured.
    pub metrics: MeasuredMetrics,
}

/// Measurements of a time; null where there were none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct MeasuredMetrics {
    /// Processor use, percent.
    pub cpu_usage: Option<Measured>,
    /// Memory use, percent.
    pub memory_usage: Option<Measured>,
    /// Disk use, percent.
    pub disk_usage: Option<Measured>,
    /// Temperature, degrees Celsius.
    pub temperature: Option<Measured>,
}

/// The values of one measurement within a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Measured {
    /// The lowest.
    pub min: i64,
    /// The mean, to two digits.
    pub avg: f64,
    /// The highest.
    pub max: i64,
    /// How many there were.
    pub count: u32,
}

/// A row of `GET /terminals/{id}/metrics`, by the resolution that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"timestamp": "2026-01-24T10:00:00Z", "received_at": "2026-01-24T10:00:01Z", "seq": 812, "device":
        {"state": "ok", "error_code": 0}, "metrics": {"cpu_usage": 45, "memory_usage": 60, "disk_usage": 30,
        "temperature": 35}, "transaction_count": 150}
    ))
)]
#[serde(untagged)]
pub enum MetricsItem {
    /// A heartbeat, for `raw`.
    Raw(MetricsRow),
    /// An hour or a day.
    Period(MetricsPeriod),
}

/// The reader as it was reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Device {
    /// ok, error, absent, unknown.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::DeviceState))]
    pub state: Name,
    /// What the reader's library said; 0 when all is well.
    pub error_code: i64,
}

/// A row of `GET /terminals/{id}/status-changes`: a status with the time that it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"status": "online", "from": "2026-01-24T08:00:00Z", "to": "2026-01-24T10:00:00Z", "next_status":
        "offline"}
    ))
)]
pub struct StatusChange {
    /// The status that ended.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Status))]
    pub status: Name,
    /// When it began.
    pub from: String,
    /// When it ended.
    pub to: String,
    /// What came next.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Status))]
    pub next_status: Name,
}

/// A row of `GET /terminals/{id}/logs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 31, "event_id": "e-1", "timestamp": "2026-01-24T10:00:00Z", "received_at":
        "2026-01-24T10:00:01Z", "level": "INFO", "type": "reader", "message": "attached", "details": {"port":
        "USB1"}}
    ))
)]
pub struct LogRow {
    /// Its id.
    pub id: i64,
    /// Names the line within its terminal.
    pub event_id: String,
    /// The agent's clock.
    pub timestamp: String,
    /// The server's clock.
    pub received_at: String,
    /// DEBUG, INFO, WARNING, ERROR, CRITICAL.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::LogLevel))]
    pub level: Name,
    /// What about.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened.
    pub message: String,
    /// Facts.
    pub details: serde_json::Value,
}

/// The query of `GET /terminals/{id}/metrics`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MetricsQuery {
    /// raw, hour, day; raw if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::MetricResolution>))]
    pub resolution: Option<String>,
    /// Received at or after this time, or from this date (of the time zone of reports) on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Received before this time, or until the end of this date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Page number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Rows of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u32>,
    /// Wins over the page number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The query of `GET /terminals/{id}/logs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    /// Only this level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::LogLevel>))]
    pub level: Option<String>,
    /// Only this type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Text in the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Page number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Rows of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u32>,
    /// Wins over the page number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The query of lists that have nothing but pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Page number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Rows of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u32>,
    /// Wins over the page number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
