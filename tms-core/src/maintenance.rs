//! Maintenance: a planned time in which a terminal raises no alert (DECISIONS 14).

pub mod reconcile;
pub mod service;
pub mod store;

use crate::{
    error::{Error, FieldErrors},
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

impl NewMaintenance {
    /// Checks what can be judged without the store; planning checks the same.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming wrong fields.
    pub fn check(&self, now: Timestamp) -> Result<(), Error> {
        let mut errors = FieldErrors::default();
        self.note_faults(now, &mut errors);
        errors.finish()
    }

    /// Notes what is wrong, and returns the reason cleaned.
    pub(crate) fn note_faults(&self, now: Timestamp, errors: &mut FieldErrors) -> String {
        if self.until.is_some_and(|until| until <= self.from || until <= now) {
            errors.add("until", "must be after from, and in the future");
        }
        checked_reason(&self.reason, errors)
    }
}

/// Checks and cleans a reason.
pub(crate) fn checked_reason(reason: &str, errors: &mut FieldErrors) -> String {
    errors
        .take("reason", clean(reason, 1, 500, Lines::One))
        .unwrap_or_default()
}
