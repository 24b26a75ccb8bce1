//! The audit trail: who did what to which object, when, from where, with what result. Entries only ever travel in an
//! envelope; what is stored is signed at once and linked into a chain a moment later.

pub mod canonical;
pub mod chain;
pub mod changes;
pub mod checkpoint;
pub mod json;
pub mod key;
pub mod reconcile;
pub mod record;
pub mod refusal;
pub mod service;
pub mod store;
pub mod verify;

use crate::{ctx::Origin, id::CustomerId, named_enum, permission::Role, time::Timestamp};

pub use chain::{ChainHash, Head, Seal};
pub use changes::changes;
pub use checkpoint::Checkpoint;
pub use key::AuditKeys;
pub use record::{AuditRecord, SignedRecord};
pub use refusal::Refusals;
pub use service::Audit;
pub use store::AuditStore;

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

named_enum!(
    /// What became of an attempt.
    AuditResult {
        /// It was done: the entry stands in the same transaction as the change.
        Done = "done",
        /// It was refused: nothing was changed.
        Refused = "refused",
    }
);

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
    /// Whose object it is, if it is a customer's: who is bound to that customer sees the entry.
    pub customer: Option<CustomerId>,
    /// Before and after of changed fields, without secrets.
    pub changes: serde_json::Value,
    /// With what result.
    pub result: AuditResult,
    /// From where.
    pub origin: Origin,
}

impl AuditEntry {
    /// Says whose object it is.
    #[must_use]
    pub fn of_customer(mut self, customer: impl Into<Option<CustomerId>>) -> Self {
        self.customer = customer.into().or(self.customer);
        self
    }
}
