//! Maintenance: a planned time in which a terminal raises no alert (DECISIONS 14).

pub mod reconcile;
pub mod service;
pub mod store;

use crate::{
    error::FieldErrors,
    id::{MaintenanceId, TerminalId},
    text::{Lines, clean},
    time::Timestamp,
};

pub use service::Maintenances;
pub use store::MaintenanceStore;

/// A planned time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMaintenance {
    /// Whose.
    pub terminal: TerminalId,
    /// From when.
    pub from: Timestamp,
    /// Until when; `None` until somebody ends it.
    pub until: Option<Timestamp>,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// A planned time as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// Its id.
    pub id: MaintenanceId,
    /// What was planned; `until` is brought forward when it is ended early.
    pub plan: NewMaintenance,
    /// Who planned it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// Checks and cleans a reason.
pub(crate) fn checked_reason(reason: &str, errors: &mut FieldErrors) -> String {
    errors
        .take("reason", clean(reason, 1, 500, Lines::One))
        .unwrap_or_default()
}
