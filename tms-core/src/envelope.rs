//! What travels with every mutation into the same transaction (DECISIONS 1).

use crate::{
    audit::AuditEntry,
    ctx::Ctx,
    error::StoreError,
    event::Event,
    id::CustomerId,
    idempotency::{IdempotencyKey, IdempotencyRecord},
    lease::Fence,
};

/// Audit entries, events, the fence and the idempotency record of one mutation.
///
/// A store checks fence and key first and writes the rest with the change, all or nothing. A target or an event without an
/// id gets the id that the store assigns.
///
/// There is none without a reason: it carries an audit entry, the fence of a reconciler, or says that it follows from
/// an act that was audited. A store refuses any other (case `envelope::one_without_a_reason_is_refused`).
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Entries of the audit trail.
    pub audit: Vec<AuditEntry>,
    /// Events for those who watch.
    pub events: Vec<Event>,
    /// The proof of leadership of a reconciler.
    pub fence: Option<Fence>,
    /// Whether the change only carries out what an audited act has decided.
    follows: bool,
    /// The answer to remember for the key of the request.
    pub idempotency: Option<Box<IdempotencyRecord>>,
}

impl Envelope {
    const EMPTY: Self = Self {
        audit: Vec::new(),
        events: Vec::new(),
        fence: None,
        follows: false,
        idempotency: None,
    };

    /// Wraps one audit entry.
    pub fn audited(entry: AuditEntry) -> Self {
        Self {
            audit: vec![entry],
            ..Self::EMPTY
        }
    }

    /// Wraps the fence of a reconciler.
    pub fn fenced(fence: Fence) -> Self {
        Self {
            fence: Some(fence),
            ..Self::EMPTY
        }
    }

    /// Wraps what a change needs that only carries out what an audited act has decided, such as the beginning of a
    /// maintenance that was planned.
    pub fn following() -> Self {
        Self {
            follows: true,
            ..Self::EMPTY
        }
    }

    /// Wraps several audit entries that no change goes with.
    pub fn entries(audit: Vec<AuditEntry>) -> Self {
        Self { audit, ..Self::EMPTY }
    }

    /// Checks that there is a reason for the change; stores do so before they write.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] when there is neither an entry nor a fence, nor an act from which it follows.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.audit.is_empty() && self.fence.is_none() && !self.follows {
            Err(StoreError::Rejected("a change without an audit entry".into()))
        } else {
            Ok(())
        }
    }

    /// Says whose object it is, where the entries do not say so themselves.
    #[must_use]
    pub fn of_customer(mut self, customer: impl Into<Option<CustomerId>>) -> Self {
        let customer = customer.into();
        for entry in &mut self.audit {
            entry.customer = entry.customer.or(customer);
        }
        self
    }

    /// Remembers `answer` for the key of the request, if it has one.
    #[must_use]
    pub fn once(mut self, ctx: &Ctx, answer: serde_json::Value) -> Self {
        let record = |key: &IdempotencyKey| Box::new(key.record(answer, ctx.now));
        self.idempotency = ctx.idempotency.as_ref().map(record);
        self
    }

    /// Adds an event.
    #[must_use]
    pub fn with_event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }
}
