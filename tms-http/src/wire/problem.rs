//! The one shape of every error answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The body of an error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// What is wrong.
    pub error: Problem,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Such as `VAL_001`; programs decide by it.
    pub code: String,
    /// For people.
    pub message: String,
    /// More for people.
    #[serde(default)]
    pub details: Option<String>,
    /// The wrong fields, with what is wrong with each.
    #[serde(default)]
    pub field_errors: BTreeMap<String, Vec<String>>,
    /// Finds the request in the server's log.
    #[serde(default)]
    pub request_id: String,
    /// When.
    #[serde(default)]
    pub timestamp: String,
}
