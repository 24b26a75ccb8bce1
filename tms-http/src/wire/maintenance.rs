//! Maintenance: a planned time in which a terminal raises no alert.

use serde::{Deserialize, Serialize};

/// A planned time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 4, "terminal_id": 123, "from": "2026-01-24T10:00:00Z", "until": null, "reason": "a new cable",
        "created_by": "yamada", "created_at": "2026-01-24T09:00:00Z"}
    ))
)]
pub struct Maintenance {
    /// Its id.
    pub id: i64,
    /// Whose.
    pub terminal_id: i64,
    /// From when.
    pub from: String,
    /// Until when; null until somebody ends it.
    pub until: Option<String>,
    /// Why.
    pub reason: String,
    /// Who planned it.
    pub created_by: String,
    /// When.
    pub created_at: String,
}

/// `POST /maintenance`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"terminal_id": 123, "until": "2030-01-24T12:00:00Z", "reason": "a new cable"}
    ))
)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceCreate {
    /// Whose.
    pub terminal_id: i64,
    /// From when; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Until when; until somebody ends it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Why.
    pub reason: String,
}

/// The query of `GET /maintenance`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MaintenanceQuery {
    /// Only of this terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_id: Option<i64>,
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
