//! What SQLite's refusals mean to a caller of the ports.

use std::fmt;

use sqlx::error::{DatabaseError, ErrorKind};
use tms_core::{StoreError, id::EntityRef};

/// Names the thing that a failed statement was about.
pub(super) trait OrFault<T> {
    /// Turns a failure into the port's error about `kind` and `key`.
    fn or_fault(self, kind: &'static str, key: impl fmt::Display) -> Result<T, StoreError>;

    /// The same for a row that refers to another: SQLite does not say which one it misses, so the caller names its kind.
    fn or_fault_referring(
        self,
        kind: &'static str,
        key: impl fmt::Display,
        referred: &'static str,
    ) -> Result<T, StoreError>;
}

impl<T> OrFault<T> for Result<T, sqlx::Error> {
    fn or_fault(self, kind: &'static str, key: impl fmt::Display) -> Result<T, StoreError> {
        self.map_err(|error| translate(error, EntityRef::new(kind, key)))
    }

    fn or_fault_referring(
        self,
        kind: &'static str,
        key: impl fmt::Display,
        referred: &'static str,
    ) -> Result<T, StoreError> {
        self.map_err(|error| match &error {
            sqlx::Error::Database(refusal) if refusal.kind() == ErrorKind::ForeignKeyViolation => {
                StoreError::Missing(EntityRef::new(referred, ""))
            }
            _ => translate(error, EntityRef::new(kind, key)),
        })
    }
}

fn translate(error: sqlx::Error, what: EntityRef) -> StoreError {
    match &error {
        sqlx::Error::Database(refusal) => match refusal.kind() {
            ErrorKind::UniqueViolation => StoreError::Duplicate(what),
            ErrorKind::ForeignKeyViolation => StoreError::Missing(what),
            _ if is_data_fault(refusal.as_ref()) => StoreError::Rejected(error.into()),
            _ => StoreError::Unavailable(error.into()),
        },
        sqlx::Error::RowNotFound => StoreError::Missing(what),
        sqlx::Error::Encode(_) => StoreError::Rejected(error.into()),
        sqlx::Error::Decode(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::TypeNotFound { .. } => StoreError::Corrupt(what, error.into()),
        _ => StoreError::Unavailable(error.into()),
    }
}

/// Tells whether SQLite would refuse the same statement again: too big, constraint, mismatch, range or plainly wrong.
///
/// Source: <https://www.sqlite.org/rescode.html>; the low byte of an extended code is the primary one.
fn is_data_fault(refusal: &dyn DatabaseError) -> bool {
    const ERROR: i32 = 1;
    const TOO_BIG: i32 = 18;
    const CONSTRAINT: i32 = 19;
    const MISMATCH: i32 = 20;
    const MISUSE: i32 = 21;
    const RANGE: i32 = 25;
    let code: Option<i32> = refusal.code().and_then(|code| code.parse().ok());
    matches!(
        code.map(|code| code & 0xff),
        Some(ERROR | TOO_BIG | CONSTRAINT | MISMATCH | MISUSE | RANGE)
    )
}
