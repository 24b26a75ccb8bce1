//! What travels with every mutation into the same transaction (DECISIONS 1).

use crate::{audit::AuditEntry, event::Event, lease::Fence};

/// Audit entries, events and the fence of one mutation.
///
/// A store checks the fence first and writes the rest with the change, all or nothing. A target or an event without an
/// id gets the id that the store assigns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Envelope {
    /// Entries of the audit trail.
    pub audit: Vec<AuditEntry>,
    /// Events for those who watch.
    pub events: Vec<Event>,
    /// The proof of leadership of a reconciler.
    pub fence: Option<Fence>,
}

impl Envelope {
    /// Wraps one audit entry.
    pub fn audited(entry: AuditEntry) -> Self {
        Self {
            audit: vec![entry],
            ..Self::default()
        }
    }

    /// Wraps the fence of a reconciler.
    pub fn fenced(fence: Fence) -> Self {
        Self {
            fence: Some(fence),
            ..Self::default()
        }
    }

    /// Adds an event.
    #[must_use]
    pub fn with_event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }
}
