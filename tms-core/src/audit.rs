//! The audit trail: who did what to which object, when, from where. Entries only ever travel in an envelope.

use crate::{ctx::Origin, permission::Role, time::Timestamp};

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditTarget {
    /// The kind of thing, such as `terminal`.
    pub kind: &'static str,
    /// Its id; `None` lets the store fill in the id that it assigns in the same transaction.
    pub id: Option<i64>,
}

impl AuditTarget {
    /// Names a thing that exists.
    pub const fn existing(kind: &'static str, id: i64) -> Self {
        Self { kind, id: Some(id) }
    }

    /// Names the thing that this very change creates.
    pub const fn created(kind: &'static str) -> Self {
        Self { kind, id: None }
    }
}

/// One entry, written in the same transaction as the change it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// In which role, for a person.
    pub role: Option<Role>,
    /// What, as `object.verb`.
    pub action: &'static str,
    /// To which object.
    pub target: AuditTarget,
    /// Before and after of changed fields, without secrets.
    pub changes: serde_json::Value,
    /// From where.
    pub origin: Origin,
}
