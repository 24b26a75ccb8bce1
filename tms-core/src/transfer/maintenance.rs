//! Maintenance times in a transfer.

use crate::{
    error::{Error, FieldErrors},
    maintenance::{Maintenance, checked_reason},
    text::{Lines, SerialNumber, clean},
    time::Timestamp,
};

/// A planned time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintenanceEntry {
    /// Of which terminal.
    pub serial: SerialNumber,
    /// From when.
    pub from: Timestamp,
    /// Until when; `None` until somebody ends it.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Who planned it.
    pub created_by: String,
}

impl MaintenanceEntry {
    /// Makes the entry of a stored time.
    pub(super) fn of(stored: &Maintenance, serial: &SerialNumber) -> Self {
        Self {
            serial: serial.clone(),
            from: stored.plan.from,
            until: stored.plan.until,
            reason: stored.plan.reason.clone(),
            created_by: stored.created_by.clone(),
        }
    }

    /// Checks and cleans every field. Unlike one that a person plans, it may be over by now.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each wrong field.
    pub fn checked(self) -> Result<Self, Error> {
        let mut errors = FieldErrors::default();
        let reason = checked_reason(&self.reason, &mut errors);
        let created_by = errors.take("created_by", clean(&self.created_by, 1, 200, Lines::One));
        if self.until.is_some_and(|until| until <= self.from) {
            errors.add("until", "must be after from");
        }
        errors.finish()?;
        Ok(Self {
            reason,
            created_by: created_by.unwrap_or_default(),
            ..self
        })
    }
}
