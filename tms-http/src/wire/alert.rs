//! Alerts as operators see them.

use serde::{Deserialize, Serialize};

use super::{Name, customer::CustomerRef, patch::present, terminal::TerminalRef};

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 789, "terminal": {"id": 123, "serial_number": "TC-200-001", "store_name": "Shinjuku Store"},
        "customer": {"id": 1, "company_name": "ABC Store Inc."}, "alert_type": "offline", "severity": "HIGH",
        "state": "open", "title": "Terminal offline", "message": "Nothing was heard for 11 minutes",
        "details": {}, "occurrences": 1, "is_acknowledged": false, "acknowledged_by": null, "acknowledged_at":
        null, "is_resolved": false, "resolved_by": null, "resolved_at": null, "resolution": null,
        "resolution_notes": null, "created_at": "2026-01-24T10:00:00Z"}
    ))
)]
pub struct Alert {
    /// Its id.
    pub id: i64,
    /// Whose; null for an alert about the server itself.
    pub terminal: Option<TerminalRef>,
    /// Whose terminal it is.
    pub customer: Option<CustomerRef>,
    /// Why.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertType))]
    pub alert_type: Name,
    /// CRITICAL, HIGH, MEDIUM, LOW, INFO.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertSeverity))]
    pub severity: Name,
    /// open, acknowledged, resolved.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertStatus))]
    pub state: Name,
    /// For people, short.
    pub title: String,
    /// For people.
    pub message: String,
    /// The facts from which the texts are made.
    pub details: serde_json::Value,
    /// How often it was raised while it was open.
    pub occurrences: i64,
    /// Whether somebody has answered it.
    pub is_acknowledged: bool,
    /// Who.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<String>,
    /// Whether it is over.
    pub is_resolved: bool,
    /// Who ended it; null when the cause went away.
    pub resolved_by: Option<String>,
    /// When.
    pub resolved_at: Option<String>,
    /// operator, auto.
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::AlertResolution>))]
    pub resolution: Option<Name>,
    /// What the person noted.
    pub resolution_notes: Option<String>,
    /// When it was raised.
    pub created_at: String,
}

/// `PATCH /alerts/{id}`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"is_acknowledged": true}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct AlertPatch {
    /// True acknowledges it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_acknowledged: Option<bool>,
    /// True resolves it, for good.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_resolved: Option<bool>,
    /// What to note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_notes: Option<String>,
}

/// The answer to `PATCH /alerts/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 789, "status": "acknowledged", "resolved_at": null, "resolved_by": null}
    ))
)]
pub struct AlertPatched {
    /// The alert.
    pub id: i64,
    /// open, acknowledged, resolved.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AlertStatus))]
    pub status: Name,
    /// When it was resolved.
    pub resolved_at: Option<String>,
    /// By whom.
    pub resolved_by: Option<String>,
}

/// `POST /alerts/bulk`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"alert_ids": [789, 790], "action": "resolve", "resolution_notes": "router replaced"}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct AlertBulk {
    /// Which; either this or `filter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert_ids: Option<Vec<i64>>,
    /// All unresolved ones that match; either this or `alert_ids`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<AlertBulkFilter>,
    /// acknowledge, resolve.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::BulkAction))]
    pub action: String,
    /// What to note when they are resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_notes: Option<String>,
    /// True only counts.
    #[serde(default)]
    pub dry_run: bool,
}

/// Which unresolved alerts a bulk act means; a field that is absent excludes none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AlertBulkFilter {
    /// Only this severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::AlertSeverity>))]
    pub severity: Option<String>,
    /// Only this cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::AlertType>))]
    pub alert_type: Option<String>,
    /// Only of this terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_id: Option<i64>,
    /// Only of this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
    /// Raised at or after this time, or from this date (of the time zone of reports) on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_date: Option<String>,
    /// Raised before this time, or until the end of this date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_date: Option<String>,
}

/// The answer to `POST /alerts/bulk`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"dry_run": false, "matched": 2, "changed": 2, "not_found": []}
    ))
)]
pub struct AlertBulkDone {
    /// Whether it was only counted.
    pub dry_run: bool,
    /// How many alerts were meant.
    pub matched: u64,
    /// How many of them changed, or would; the others were answered before.
    pub changed: u64,
    /// Ids that name no alert.
    pub not_found: Vec<i64>,
}

/// The query of `GET /alerts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AlertQuery {
    /// Only resolved, or only unresolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_resolved: Option<bool>,
    /// Only this severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::AlertSeverity>))]
    pub severity: Option<String>,
    /// Only this cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::AlertType>))]
    pub alert_type: Option<String>,
    /// Only of this terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_id: Option<i64>,
    /// Only of this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
    /// Raised at or after this time, or from this date (of the time zone of reports) on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_date: Option<String>,
    /// Raised before this time, or until the end of this date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_date: Option<String>,
    /// Page number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Rows of a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_page: Option<u32>,
    /// Wins over the page number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// `created_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::AlertSort>))]
    pub sort: Option<String>,
    /// asc, desc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}
