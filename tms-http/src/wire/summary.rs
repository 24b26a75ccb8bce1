//! The fleet at a glance.

use serde::{Deserialize, Serialize};

/// `GET /summary`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"terminals": {"total": 4, "online": 2, "offline": 1, "error": 1, "maintenance": 0}, "alerts":
        {"total": 2, "CRITICAL": 0, "HIGH": 2, "MEDIUM": 0, "LOW": 0, "INFO": 0}, "as_of":
        "2026-01-24T10:00:00Z"}
    ))
)]
pub struct Summary {
    /// Terminals by status.
    pub terminals: TerminalTotals,
    /// Unresolved alerts by severity.
    pub alerts: AlertTotals,
    /// When this was counted; at most two seconds ago.
    pub as_of: String,
}

/// Terminals by status; retired ones are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct TerminalTotals {
    /// All.
    pub total: u64,
    /// Online.
    pub online: u64,
    /// Offline.
    pub offline: u64,
    /// In error.
    pub error: u64,
    /// In maintenance.
    pub maintenance: u64,
}

/// Unresolved alerts by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub struct AlertTotals {
    /// All.
    #[serde(rename = "total")]
    pub total: u64,
    /// The business stands still.
    pub critical: u64,
    /// Act now.
    pub high: u64,
    /// Act today.
    pub medium: u64,
    /// Act some day.
    pub low: u64,
    /// Good to know.
    pub info: u64,
}
