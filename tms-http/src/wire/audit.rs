//! The audit trail as operators see it.

use serde::{Deserialize, Serialize};

use super::Name;

/// An entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"id": 4711, "at": "2026-01-24T10:00:00Z", "actor": "yamada", "role": "operator",
        "action": "terminal.update", "target_type": "terminal", "target_id": 123, "customer_id": 1,
        "changes": {"store_code": ["S-1", "S-2"]}, "ip_address": "203.0.113.9", "user_agent": "curl/8.5",
        "request_id": "b1946ac9", "result": "done", "sealed": true}
    ))
)]
pub struct AuditRow {
    /// Its id.
    pub id: i64,
    /// When.
    pub at: String,
    /// Who.
    pub actor: String,
    /// In which role; null for a program.
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::Role>))]
    pub role: Option<String>,
    /// What, such as `terminal.update`.
    pub action: String,
    /// To which kind of object.
    pub target_type: String,
    /// To which of them.
    pub target_id: Option<i64>,
    /// Whose object it is, if it is a customer's.
    pub customer_id: Option<i64>,
    /// Before and after of changed fields.
    pub changes: serde_json::Value,
    /// From which address.
    pub ip_address: Option<String>,
    /// By which program.
    pub user_agent: String,
    /// Within which request.
    pub request_id: String,
    /// done, refused.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AuditResult))]
    pub result: String,
    /// Whether it is in the chain yet.
    pub sealed: bool,
}

/// The query of `GET /audit`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Only those of this actor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only this action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Only about this kind of object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
    /// Only about the object with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<i64>,
    /// At or after this time, or from this date (of the time zone of reports) on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_date: Option<String>,
    /// Before this time, or until the end of this date.
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
    /// `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<crate::openapi::names::AuditSort>))]
    pub sort: Option<String>,
    /// asc, desc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct AuditHead {
    /// The place, counted from 1; 0 while the chain is empty.
    pub place: i64,
    /// The hash of this place and of all before it.
    pub hash: String,
}

/// The first thing that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct AuditFinding {
    /// altered, missing, inserted, swapped, chain_altered, end_cut, checkpoint_altered, unknown_key.
    #[cfg_attr(feature = "server", schema(value_type = crate::openapi::names::AuditFindingKind))]
    pub kind: Name,
    /// The place in the chain, if it has one.
    pub place: Option<i64>,
    /// The entry, if it is known.
    pub id: Option<i64>,
    /// The entry with which it has changed places.
    pub other_id: Option<i64>,
    /// For people.
    pub message: String,
}

/// The answer to `GET /audit/verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "server",
    derive(utoipa::ToSchema),
    schema(example = json!(
        {"ok": true, "sealed": 4711, "unsealed": 0, "oldest_unsealed": null, "adopted": 0, "older_key": 0,
        "dropped_to": 0, "head": {"place": 4711, "hash": "5f0c..."}, "finding": null}
    ))
)]
pub struct AuditVerification {
    /// Whether everything is as it was written.
    pub ok: bool,
    /// Entries in the chain that are as they were written; with a finding, those before it.
    pub sealed: u64,
    /// Entries that wait to be linked and are as they were written.
    pub unsealed: u64,
    /// When the oldest of those was written.
    pub oldest_unsealed: Option<String>,
    /// Entries at the beginning that are older than the chain.
    pub adopted: u64,
    /// Links made with a key that is no longer known; a later one vouches for them.
    pub older_key: u64,
    /// The last place that retention has dropped; 0 while it has dropped nothing.
    pub dropped_to: i64,
    /// Where the walk has ended.
    pub head: AuditHead,
    /// The first thing that is not as it was written.
    pub finding: Option<AuditFinding>,
}

/// The last line of `GET /audit/export.jsonl`; without it the export is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditExportEnd {
    /// The end of the chain when the export ended.
    pub head: AuditHead,
    /// How many entries stand before this line.
    pub entries: u64,
}

/// The query of `GET /audit/verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditVerifyQuery {
    /// A head that was noted elsewhere: finds an end that was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_head: Option<String>,
}
