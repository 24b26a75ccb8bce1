//! What can go wrong: one enum for the ports, one for the services, and the closed class that the edges map.

use std::{collections::BTreeMap, error::Error as StdError, fmt, time::Duration};

use crate::{customer::FULL, id::EntityRef, random::NoRandomness, text::InvalidText};

/// A source of any kind.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What a port answers when it can't do what it promised; one variant per reaction a caller can have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another writer was first: read again.
    #[error("{0} was changed by another writer")]
    Stale(EntityRef),
    /// The thing to change is not there.
    #[error("{0} does not exist")]
    Missing(EntityRef),
    /// A unique name or number is taken.
    #[error("{0} already exists")]
    Duplicate(EntityRef),
    /// Others still refer to it.
    #[error("{0} is still referred to")]
    Referenced(EntityRef),
    /// It has as many terminals, or tokens, as it may have.
    #[error("{0} has as many as it may have")]
    Full(EntityRef),
    /// Nobody would be left who can manage people.
    #[error("the last administrator would be gone")]
    LastAdministrator,
    /// A newer leader holds the lease: stop writing.
    #[error("the lease is held by a newer leader")]
    Fenced,
    /// The idempotency key was used, or is being used by another call: read its record, or wait for it.
    #[error("the idempotency key was used before")]
    Repeated,
    /// The store can't be reached or is overloaded: try later.
    #[error("storage unavailable")]
    Unavailable(#[source] BoxError),
    /// The store refuses this very data, and would again.
    #[error("storage refused the data")]
    Rejected(#[source] BoxError),
    /// What is stored can't be read back.
    #[error("stored {0} cannot be decoded")]
    Corrupt(EntityRef, #[source] BoxError),
}

/// The wrong fields of a request and what is wrong with each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(BTreeMap<String, Vec<String>>);

impl FieldErrors {
    /// Notes what is wrong with `field`.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.entry(field.into()).or_default().push(message.into());
    }

    /// Keeps the value of a check, or notes its message and returns `None`.
    pub fn take<T>(&mut self, field: &str, checked: Result<T, InvalidText>) -> Option<T> {
        checked.map_err(|e| self.add(field, e.0)).ok()
    }

    /// Takes over what a check found about fields of which nothing is known so far.
    pub fn fill<T>(&mut self, checked: Result<T, Error>) {
        if let Err(Error::Invalid(found)) = checked {
            for (field, messages) in found.0 {
                self.0.entry(field).or_insert(messages);
            }
        }
    }

    /// Takes over what another found.
    pub fn merge(&mut self, other: Self) {
        for (field, messages) in other.0 {
            self.0.entry(field).or_default().extend(messages);
        }
    }

    /// Tells whether something is wrong with `field`.
    pub fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// Tells whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the fields in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0
            .iter()
            .map(|(field, messages)| (field.as_str(), messages.as_slice()))
    }

    /// Returns how many fields are wrong.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Turns the collected faults into an error, if there are any.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a fault was noted.
    pub fn finish(self) -> Result<(), Error> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self))
        }
    }

    /// Makes the error of a single wrong field.
    pub fn single(field: impl Into<String>, message: impl Into<String>) -> Error {
        let mut errors = Self::default();
        errors.add(field, message);
        Error::Invalid(errors)
    }
}

/// What a service answers when it can't do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Name, password or code is wrong; the answer never says which.
    #[error("wrong credentials")]
    WrongCredentials,
    /// The token is unknown, expired or revoked.
    #[error("the token is unknown, expired or revoked")]
    InvalidToken,
    /// Who asks must prove more, or again, who they are.
    #[error("{0}")]
    ProofNeeded(Proof),
    /// The actor may not do this.
    #[error("permission {0} is missing")]
    Denied(&'static str),
    /// No such thing, or not the actor's to see.
    #[error("{0} was not found")]
    NotFound(EntityRef),
    /// Some fields are wrong.
    #[error("{} fields are wrong", .0.len())]
    Invalid(FieldErrors),
    /// The present state forbids it; the text is for the person who asked.
    #[error("{0}")]
    Conflict(String),
    /// The revision the caller saw is no longer the present one.
    #[error("{0} was changed meanwhile")]
    Stale(EntityRef),
    /// The same request, by its idempotency key, is still being carried out.
    #[error("the same request is still being carried out")]
    Repeated,
    /// Too many tries.
    #[error("too many requests")]
    TooMany {
        /// When to come again.
        retry_after: Duration,
    },
    /// A dependency is away or the queue is full.
    #[error("temporarily unavailable")]
    Unavailable {
        /// When to come again.
        retry_after: Duration,
        /// What was away.
        #[source]
        source: Option<BoxError>,
    },
    /// Our fault.
    #[error("internal error")]
    Internal(#[source] BoxError),
}

/// What is missing of the proof of who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The password was right; a code of the second factor is missing.
    Code,
    /// The last proof is too old: the password or a code again.
    Fresh,
    /// The role asks for a second factor, and this person has none so far.
    SetUp,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code => "a code of the second factor is needed",
            Self::Fresh => "confirm with the password or a code first",
            Self::SetUp => "set up a second factor first",
        })
    }
}

/// The closed list of reactions an edge has to an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// Sign in again.
    Unauthenticated,
    /// Prove more, or again, who you are.
    ProofNeeded,
    /// Ask somebody with another role.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// Mend the request.
    Invalid,
    /// The state forbids it.
    Conflict,
    /// Read again, then repeat.
    Stale,
    /// Wait, then repeat.
    TooMany,
    /// A dependency is away.
    Unavailable,
    /// Our fault.
    Internal,
}

impl Error {
    /// Returns the class of this error.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::WrongCredentials | Self::InvalidToken => ErrorClass::Unauthenticated,
            Self::ProofNeeded(_) => ErrorClass::ProofNeeded,
            Self::Denied(_) => ErrorClass::Forbidden,
            Self::NotFound(_) => ErrorClass::NotFound,
            Self::Invalid(_) => ErrorClass::Invalid,
            Self::Conflict(_) | Self::Repeated => ErrorClass::Conflict,
            Self::Stale(_) => ErrorClass::Stale,
            Self::TooMany { .. } => ErrorClass::TooMany,
            Self::Unavailable { .. } => ErrorClass::Unavailable,
            Self::Internal(_) => ErrorClass::Internal,
        }
    }

    /// Makes the error of a dependency that is away for about a second.
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self::Unavailable {
            retry_after: Duration::from_secs(1),
            source: Some(source.into()),
        }
    }

    /// Makes the error of a thing that was not found.
    pub fn not_found(kind: &'static str, key: impl std::fmt::Display) -> Self {
        Self::NotFound(EntityRef::new(kind, key))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale(what) => Self::Stale(what),
            StoreError::Missing(what) => Self::NotFound(what),
            StoreError::Duplicate(what) => Self::Conflict(format!("{what} already exists")),
            StoreError::Referenced(what) => Self::Conflict(format!("{what} is still in use")),
            StoreError::Full(_) => Self::Conflict(FULL.to_owned()),
            StoreError::LastAdministrator => Self::Conflict(
                "the last administrator can't be deleted, disabled, bound to a customer or given another role"
                    .to_owned(),
            ),
            StoreError::Repeated => Self::Repeated,
            StoreError::Unavailable(source) => Self::unavailable(source),
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl From<NoRandomness> for Error {
    fn from(error: NoRandomness) -> Self {
        Self::Internal(Box::new(error))
    }
}
