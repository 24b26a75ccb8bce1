//! Maintenance: a planned time in which a terminal raises no alert.

use serde::{Deserialize, Serialize};

/// A planned time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
