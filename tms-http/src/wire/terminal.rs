//! Terminals as operators see them.

use serde::{Deserialize, Serialize};

use super::{Name, Patch, agent::Metrics, customer::CustomerRef, patch::present};

/// A terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 123, "serial_number": "TC-200-001", "model": "TC-200", "lifecycle": "active", "status":
        "online", "status_reason": {"link": "connected", "device": "ok", "since": "2026-01-24T08:00:00Z",
        "next_deadline": "2026-01-24T10:11:00Z"}, "customer": {"id": 1, "company_name": "ABC Store Inc."},
        "store_name": "Shinjuku Store", "store_code": "001", "installation_address": null, "firmware_version":
        "2.0.0", "agent_version": "1.0.0", "ip_address": "192.168.1.100", "mac_address": "00:11:22:33:44:55",
        "last_heartbeat": "2026-01-24T10:00:00Z", "boot_id": "f3", "seq": 812, "metrics": {"cpu_usage": 45,
        "memory_usage": 60, "disk_usage": 30, "temperature": 35}, "settings": {"heartbeat_interval": 300,
        "auto_update_enabled": true, "maintenance_mode": false}, "active_alerts": 0, "installed_date":
        "2024-12-01", "warranty_end_date": "2026-12-01", "created_at": "2026-01-24T08:00:00Z", "updated_at":
        "2026-01-24T08:00:00Z"}
    ))
)]
pub struct Terminal {
    /// Its id.
    pub id: i64,
    /// The number printed on the reader.
    pub serial_number: String,
    /// The model of the reader.
    pub model: String,
    /// registered, active, retired.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Lifecycle))]
    pub lifecycle: Name,
    /// online, offline, error, maintenance.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Status))]
    pub status: Name,
    /// Why.
    pub status_reason: StatusReason,
    /// Whose it is.
    pub customer: CustomerRef,
    /// The shop's name.
    pub store_name: Option<String>,
    /// The shop's number at its customer.
    pub store_code: Option<String>,
    /// Where it stands.
    pub installation_address: Option<String>,
    /// The version that the reader says it runs.
    pub firmware_version: Option<String>,
    /// The version of the agent.
    pub agent_version: Option<String>,
    /// The PC's own address.
    pub ip_address: Option<String>,
    /// The network card of the PC.
    pub mac_address: Option<String>,
    /// When it was last heard.
    pub last_heartbeat: Option<String>,
    /// The present boot of the agent.
    pub boot_id: Option<String>,
    /// The last counter of that boot.
    pub seq: Option<i64>,
    /// The last measurements.
    pub metrics: Metrics,
    /// What an operator wants of it.
    pub settings: TerminalSettings,
    /// How many unresolved alerts it has.
    pub active_alerts: u64,
    /// When it was installed, as a date.
    pub installed_date: Option<String>,
    /// Until when it is under warranty, as a date.
    pub warranty_end_date: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When a person last changed it.
    pub updated_at: String,
}

/// Why a terminal has its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct StatusReason {
    /// never, connected, late, lost.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::Link))]
    pub link: Name,
    /// ok, error, absent, unknown.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::DeviceState))]
    pub device: Name,
    /// What the reader's library said, when it is in error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<i64>,
    /// Since when the status holds.
    pub since: Option<String>,
    /// When silence becomes loss.
    pub next_deadline: Option<String>,
}

/// What an operator wants of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct TerminalSettings {
    /// Seconds between heartbeats.
    pub heartbeat_interval: u32,
    /// Whether firmware may be installed without asking.
    pub auto_update_enabled: bool,
    /// Whether a maintenance is under way.
    pub maintenance_mode: bool,
}

/// A terminal where another thing refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct TerminalRef {
    /// Its id.
    pub id: i64,
    /// The number printed on the reader.
    pub serial_number: String,
    /// The shop's name.
    pub store_name: Option<String>,
}

/// `POST /terminals`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"serial_number": "TC-200-001", "customer_id": 1, "model": "TC-200", "store_name": "Shinjuku Store",
        "store_code": "001", "heartbeat_interval": 300}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct TerminalCreate {
    /// The number printed on the reader.
    pub serial_number: String,
    /// Whose it is.
    pub customer_id: i64,
    /// The model of the reader.
    pub model: String,
    /// The shop's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_name: Option<String>,
    /// The shop's number at its customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_code: Option<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation_address: Option<String>,
    /// Seconds between heartbeats; the installation's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_interval: Option<u32>,
    /// True when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_update_enabled: Option<bool>,
    /// When it was installed, as a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_date: Option<String>,
    /// Until when it is under warranty, as a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warranty_end_date: Option<String>,
}

/// `PATCH /terminals/{id}`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"store_name": "Shinjuku South", "warranty_end_date": null}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct TerminalPatch {
    /// The number printed on the reader.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// Whose it is.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
    /// The model of the reader.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The shop's name.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub store_name: Patch<String>,
    /// The shop's number at its customer.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub store_code: Patch<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub installation_address: Patch<String>,
    /// Seconds between heartbeats.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub heartbeat_interval: Option<u32>,
    /// Whether firmware may be installed without asking.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub auto_update_enabled: Option<bool>,
    /// When it was installed, as a date.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub installed_date: Patch<String>,
    /// Until when it is under warranty, as a date.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>))]
    pub warranty_end_date: Patch<String>,
}

/// The query of `GET /terminals`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TerminalQuery {
    /// Only of this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
    /// Only with this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Status>))]
    pub status: Option<String>,
    /// Only those so far in their life; all but the retired if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Lifecycle>))]
    pub lifecycle: Option<String>,
    /// Only of this model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Only with this firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware_version: Option<String>,
    /// Only of this shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_code: Option<String>,
    /// Text in serial number, shop or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only those last heard before this time or the begin of this date, or never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_before: Option<String>,
    /// Only with, or only without, unresolved alerts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_alerts: Option<bool>,
    /// Page number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Rows of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u32>,
    /// Wins over the page number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// serial_number, status, last_heartbeat, store_name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::TerminalSort>))]
    pub sort: Option<String>,
    /// asc, desc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

/// The answer to `POST /terminals/import`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"dry_run": false, "rows": 120, "created": 100, "updated": 15, "unchanged": 5}
    ))
)]
pub struct TerminalsImported {
    /// Whether it was only tried.
    pub dry_run: bool,
    /// How many rows the list has.
    pub rows: u64,
    /// How many terminals were made.
    pub created: u64,
    /// How many were changed.
    pub updated: u64,
    /// How many were as the list says already.
    pub unchanged: u64,
}

/// The query of `POST /terminals/import`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TerminalImportQuery {
    /// True only tries, and changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}
