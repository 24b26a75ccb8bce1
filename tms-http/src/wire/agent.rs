//! What an agent sends and receives. Requests ignore unknown fields.

use serde::{Deserialize, Serialize};

use super::{Name, Text, command::Command};

/// `POST /agent/register`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"serial_number": "TC-200-001", "enrollment_code": "K7QM-2V8P-9XAB-4C6D", "model": "TC-200",
        "mac_address": "00:11:22:33:44:55", "agent_version": "1.0.0", "firmware_version": "2.0.0", "hostname":
        "POS-001", "ip_address": "192.168.1.100", "os_info": {"name": "Windows", "version": "10", "build":
        "19043"}}
    ))
)]
pub struct RegisterRequest {
    /// The number printed on the reader.
    pub serial_number: String,
    /// The code that a person gave.
    pub enrollment_code: String,
    /// The model of the reader.
    pub model: String,
    /// The network card of the PC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// The version of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// The version that the reader says it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware_version: Option<String>,
    /// The name of the PC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The PC's own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// The operating system of the PC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_info: Option<OsInfo>,
}

/// The operating system of a PC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct OsInfo {
    /// Such as `Windows`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Such as `10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Such as `19043`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
}

/// The answer to an enrolment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"terminal_id": 123, "agent_token": "tms_ag_...", "heartbeat_interval": 300, "server_time":
        "2026-01-24T10:00:00Z", "config": {"version": 7, "log_level": "INFO", "auto_update": true}}
    ))
)]
pub struct RegisterAnswer {
    /// The terminal that this is from now on.
    pub terminal_id: i64,
    /// The credential of the agent; shown once.
    pub agent_token: String,
    /// Seconds between heartbeats.
    pub heartbeat_interval: u32,
    /// The server's clock.
    pub server_time: String,
    /// What to begin with.
    pub config: RegisterConfig,
}

impl std::fmt::Debug for RegisterAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisterAnswer")
            .field("terminal_id", &self.terminal_id)
            .field("heartbeat_interval", &self.heartbeat_interval)
            .finish_non_exhaustive()
    }
}

/// The configuration that an agent begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct RegisterConfig {
    /// Its version.
    pub version: i64,
    /// What the agent logs.
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub log_level: Name,
    /// Whether firmware may be installed without asking.
    pub auto_update: bool,
}

/// `POST /agent/heartbeat`: the hottest message, so its texts borrow from the body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"serial_number": "TC-200-001", "timestamp": "2026-01-24T10:00:00Z", "boot_id": "f3", "seq": 812,
        "status": "online", "device": {"state": "ok", "error_code": 0}, "metrics": {"cpu_usage": 45,
        "memory_usage": 60, "disk_usage": 30, "temperature": 35}, "firmware_version": "2.0.0",
        "agent_version": "1.0.0", "ip_address": "192.168.1.100", "uptime_seconds": 86400, "last_transaction":
        "2026-01-24T09:58:00Z", "transaction_count": 150, "config_version": 7}
    ))
)]
pub struct HeartbeatRequest<'a> {
    /// Must be that of the token.
    #[serde(borrow)]
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub serial_number: Text<'a>,
    /// The agent's clock.
    #[serde(borrow)]
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub timestamp: Text<'a>,
    /// This start of the agent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub boot_id: Option<Text<'a>>,
    /// Counts within the boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// Stands for the reader: online, offline, error.
    #[serde(borrow)]
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Said))]
    pub status: Text<'a>,
    /// The reader, said more exactly.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceReport<'a>>,
    /// Measurements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// The version that the reader says it runs.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub firmware_version: Option<Text<'a>>,
    /// The version of the agent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub agent_version: Option<Text<'a>>,
    /// The PC's own address.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub ip_address: Option<Text<'a>>,
    /// How long the PC runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<i64>,
    /// When the last card was read.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub last_transaction: Option<Text<'a>>,
    /// How many cards were read since the start of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_count: Option<i64>,
    /// The configuration that was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_version: Option<i64>,
}

/// The reader as an agent sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct DeviceReport<'a> {
    /// ok, error, absent, unknown.
    #[serde(borrow)]
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::DeviceState))]
    pub state: Text<'a>,
    /// What the reader's library said; 0 when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<i64>,
}

/// Measurements; what was not measured is absent. Percentages are integers 0..100, the temperature is in Celsius.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Metrics {
    /// Processor use in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_usage: Option<i64>,
    /// Memory use in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_usage: Option<i64>,
    /// Disk use in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_usage: Option<i64>,
    /// Degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<i64>,
}

/// The answer to a heartbeat, sent after it is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"status": "acknowledged", "server_time": "2026-01-24T10:00:05Z", "next_heartbeat": 297,
        "config_version": 8, "commands": []}
    ))
)]
pub struct HeartbeatAnswer {
    /// `acknowledged`.
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub status: Name,
    /// The server's clock.
    pub server_time: String,
    /// Seconds until the next heartbeat.
    pub next_heartbeat: u32,
    /// The configuration that the terminal should have.
    pub config_version: i64,
    /// What to do, most urgent first.
    #[serde(default)]
    pub commands: Vec<Command>,
}

/// `POST /agent/logs`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"serial_number": "TC-200-001", "logs": [{"event_id": "e-1", "timestamp": "2026-01-24T10:00:00Z",
        "level": "INFO", "type": "reader", "message": "attached", "details": {"port": "USB1"}}]}
    ))
)]
pub struct LogBatch<'a> {
    /// Must be that of the token.
    #[serde(borrow)]
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub serial_number: Text<'a>,
    /// 1 to 200 lines, all or nothing.
    #[serde(borrow)]
    pub logs: Vec<LogLine<'a>>,
}

/// A line of an agent's log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct LogLine<'a> {
    /// Names the line within its terminal, so that it counts once.
    #[serde(borrow)]
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub event_id: Text<'a>,
    /// The agent's clock.
    #[serde(borrow)]
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub timestamp: Text<'a>,
    /// DEBUG, INFO, WARNING, ERROR, CRITICAL.
    #[serde(borrow)]
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::LogLevel))]
    pub level: Text<'a>,
    /// What about.
    #[serde(borrow, rename = "type")]
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub kind: Text<'a>,
    /// What happened.
    #[serde(borrow)]
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub message: Text<'a>,
    /// Facts.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub details: serde_json::Value,
}

/// The answer to a batch of log lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"status": "received", "count": 1}
    ))
)]
pub struct LogAnswer {
    /// `received`.
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub status: Name,
    /// How many lines the batch had.
    pub count: u64,
}

/// The answer to `POST /agent/token/rotate`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"agent_token": "tms_ag_...", "previous_valid_until": "2026-01-24T10:10:00Z"}
    ))
)]
pub struct RotateAnswer {
    /// The new credential; shown once.
    pub agent_token: String,
    /// Until when the one before still works.
    pub previous_valid_until: String,
}

impl std::fmt::Debug for RotateAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RotateAnswer")
            .field("previous_valid_until", &self.previous_valid_until)
            .finish_non_exhaustive()
    }
}
