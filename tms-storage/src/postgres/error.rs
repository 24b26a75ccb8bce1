//! What PostgreSQL answers, as the reactions that the core knows.

use std::borrow::Cow;

use sqlx::{error::DatabaseError, postgres::PgDatabaseError};
use tms_core::{StoreError, error::BoxError, id::EntityRef};

/// Why a piece of work failed, until the edge of this crate.
#[derive(Debug)]
pub(super) enum Fault {
    /// Decided here.
    Store(StoreError),
    /// Said by the database or on the way to it.
    Sql(sqlx::Error),
    /// Another writer was in the way.
    Contention,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// No answer came in time.
#[derive(Debug, thiserror::Error)]
#[error("the database did not answer in time")]
pub(super) struct TooSlow;

impl Fault {
    pub(super) fn stale(kind: &'static str, key: impl std::fmt::Display) -> Self {
        Self::Store(StoreError::Stale(EntityRef::new(kind, key)))
    }

    pub(super) fn missing(kind: &'static str, key: impl std::fmt::Display) -> Self {
        Self::Store(StoreError::Missing(EntityRef::new(kind, key)))
    }

    pub(super) fn corrupt(kind: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Store(StoreError::Corrupt(EntityRef::new(kind, ""), source.into()))
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => error.code(),
            _ => None,
        }
    }

    /// Tells whether another writer was in the way, so that doing the work again helps.
    pub(super) fn is_contention(&self) -> bool {
        matches!(self, Self::Contention) || matches!(self.code().as_deref(), Some("40001" | "40P01"))
    }

    /// Tells whether a lock was not to be had in time.
    pub(super) fn is_lock_timeout(&self) -> bool {
        self.code().as_deref() == Some("55P03")
    }

    /// Tells whether a unique name was taken by somebody else meanwhile.
    pub(super) fn is_duplicate(&self) -> bool {
        self.code().as_deref() == Some("23505")
    }

    /// Tells whether a row has no partition to go to. A check constraint would name itself; routing names none.
    pub(super) fn is_missing_partition(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => {
                error.code().as_deref() == Some("23514") && error.constraint().is_none()
            }
            _ => false,
        }
    }

    /// Tells whether the other connections of the pool are worth nothing any more either: the server went away,
    /// shuts down, or became a standby. That all are busy says nothing of the kind.
    pub(super) fn is_lost_server(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) => true,
            Self::Store(StoreError::Unavailable(source)) => source.is::<TooSlow>(),
            _ => self
                .code()
                .is_some_and(|code| code == "25006" || (code.starts_with("57P") && code != "57P05")),
        }
    }

    /// Turns a refusal because of a reference into the error of something that others still need.
    pub(super) fn referenced(self, kind: &'static str, key: impl std::fmt::Display) -> Self {
        if self.code().as_deref() == Some("23503") {
            Self::Store(StoreError::Referenced(EntityRef::new(kind, key)))
        } else {
            self
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error,
            Fault::Contention => Self::Unavailable("another writer was in the way".into()),
            Fault::Sql(sqlx::Error::Database(error)) => from_database(error),
            Fault::Sql(error) => match error {
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                    Self::Corrupt(EntityRef::new("row", ""), error.into())
                }
                sqlx::Error::Encode(_) => Self::Rejected(error.into()),
                _ => Self::Unavailable(error.into()),
            },
        }
    }
}

fn from_database(error: Box<dyn DatabaseError>) -> StoreError {
    let code = error.code().unwrap_or_default().into_owned();
    match code.as_str() {
        "23505" => StoreError::Duplicate(taken(&*error)),
        "23503" => StoreError::Missing(EntityRef::new(
            referred_kind(error.constraint().unwrap_or_default()),
            "",
        )),
        // Too long, too large, not a character, no such partition: the same data would be refused again.
        _ if code.starts_with("22") || code.starts_with("23") || code.starts_with("54") => {
            StoreError::Rejected(error.into())
        }
        _ => StoreError::Unavailable(error.into()),
    }
}

/// Names what is taken: the kind by its table, the key by the detail, which reads `Key (column)=(key) already exists.`
fn taken(error: &dyn DatabaseError) -> EntityRef {
    let kind = match error.table().unwrap_or_default() {
        "customer" => "customer",
        "terminal" => "terminal",
        "operator_user" => "user",
        "notification_channel" => "notification channel",
        "enrolment_code" => "enrolment code",
        "agent_token" => "agent token",
        _ => "row",
    };
    let shows_key = matches!(kind, "customer" | "terminal" | "user");
    let detail = error
        .try_downcast_ref::<PgDatabaseError>()
        .and_then(PgDatabaseError::detail);
    let key = detail.filter(|_| shows_key).and_then(|detail| {
        let (_, rest) = detail.split_once(")=(")?;
        rest.rsplit_once(')').map(|(key, _)| key.to_owned())
    });
    EntityRef::new(kind, key.unwrap_or_default())
}

/// Constraints are named `<table>_<what>_fkey`.
fn referred_kind(constraint: &str) -> &'static str {
    let ends = |what: &str| constraint.ends_with(what);
    if ends("_customer_fkey") {
        "customer"
    } else if ends("_terminal_fkey") {
        "terminal"
    } else if ends("_user_fkey") {
        "user"
    } else {
        "row"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report that keeps every connection busy must not cost the server those that are at rest, nor what it remembers.
    #[test]
    fn a_busy_pool_is_no_lost_server() {
        assert!(!Fault::Sql(sqlx::Error::PoolTimedOut).is_lost_server());
        assert!(Fault::Store(StoreError::Unavailable(TooSlow.into())).is_lost_server());
    }
}
