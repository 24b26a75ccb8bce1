//! An entry as it is stored: every field as the store spells it, so that a row somebody has tampered with can still be
//! read and named.

use serde_json::Value;

use super::{
    AuditEntry,
    json::{storable, storable_text},
    key::Signature,
};
use crate::{id::CustomerId, permission::Role, time::Timestamp};

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its id, as stored: a row that was put there by hand may have any.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// In which role, for a person.
    pub role: Option<String>,
    /// What.
    pub action: String,
    /// To which kind of object.
    pub target_type: String,
    /// To which of them.
    pub target_id: Option<i64>,
    /// Whose object it is.
    pub customer_id: Option<i64>,
    /// Before and after of changed fields.
    pub changes: Value,
    /// From which address.
    pub ip_address: Option<String>,
    /// By which program.
    pub user_agent: String,
    /// Within which request.
    pub request_id: String,
    /// With what result.
    pub result: String,
}

/// A stored entry with the signature that was written along with it.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedRecord {
    /// The entry.
    pub record: AuditRecord,
    /// None if it is not there, or is no signature.
    pub signature: Option<Signature>,
}

impl AuditEntry {
    /// Makes what is stored under `id`; a target without an id gets `created`.
    pub fn record(&self, id: i64, created: Option<i64>) -> AuditRecord {
        let target_id = self.target.id.or(created);
        // A customer is its own customer: the id of a new one is known only now.
        let own = if self.target.kind == "customer" {
            target_id
        } else {
            None
        };
        AuditRecord {
            id,
            at: self.at,
            actor: storable_text(self.actor.clone()),
            role: self.role.map(Role::as_str).map(str::to_owned),
            action: self.action.to_owned(),
            target_type: self.target.kind.to_owned(),
            target_id,
            customer_id: self.customer.map(CustomerId::get).or(own),
            changes: storable(self.changes.clone()),
            ip_address: self.origin.address.map(|address| address.to_string()),
            user_agent: storable_text(self.origin.user_agent.clone()),
            request_id: storable_text(self.origin.request_id.clone()),
            result: self.result.as_str().to_owned(),
        }
    }
}
