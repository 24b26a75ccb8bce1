//! The audit trail as the wire shows it.

use tms_core::audit::{
    Head,
    store::AuditRow,
    verify::{Finding, Verification},
};

use crate::{api::field::spelled, wire::audit as wire};

/// Shows an entry.
pub(super) fn row(row: AuditRow) -> wire::AuditRow {
    let record = row.record;
    wire::AuditRow {
        id: record.id,
        at: record.at.to_string(),
        actor: record.actor,
        role: record.role,
        action: record.action,
        target_type: record.target_type,
        target_id: record.target_id,
        customer_id: record.customer_id,
        changes: record.changes,
        ip_address: record.ip_address,
        user_agent: record.user_agent,
        request_id: record.request_id,
        result: record.result,
        sealed: row.is_sealed,
    }
}

/// Shows the end of a chain.
pub(super) fn head(head: &Head) -> wire::AuditHead {
    wire::AuditHead {
        place: head.place,
        hash: head.hash.to_string(),
    }
}

/// Shows what a walk along the chain has found.
pub(super) fn verification(seen: &Verification) -> wire::AuditVerification {
    wire::AuditVerification {
        ok: seen.is_intact(),
        sealed: seen.sealed,
        unsealed: seen.unsealed,
        oldest_unsealed: spelled(seen.oldest_unsealed),
        adopted: seen.adopted,
        older_key: seen.older_key,
        dropped_to: seen.dropped_to,
        head: head(&seen.head),
        finding: seen.finding.as_ref().map(finding),
    }
}

fn finding(finding: &Finding) -> wire::AuditFinding {
    wire::AuditFinding {
        kind: finding.kind.as_str().into(),
        place: finding.place,
        id: finding.entry,
        other_id: finding.other,
        message: finding.to_string(),
    }
}
