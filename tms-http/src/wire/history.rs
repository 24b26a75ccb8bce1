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
    /// raw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// Received at or after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Received before.
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
