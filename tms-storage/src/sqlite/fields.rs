//! Reading a row: typed columns, and one error for what can't be read back.

use std::{net::IpAddr, str::FromStr};

use sqlx::{Decode, Row, Sqlite, Type, sqlite::SqliteRow};
use tms_core::{
    StoreError,
    error::BoxError,
    id::{CustomerId, EntityRef, InvalidId, Revision, TerminalId},
    secret::TokenHash,
    time::Timestamp,
};

/// A row of a stored `kind`.
#[derive(Clone, Copy)]
pub(super) struct Fields<'r> {
    row: &'r SqliteRow,
    kind: &'static str,
}

impl<'r> Fields<'r> {
    /// Names what the row is.
    pub(super) fn new(kind: &'static str, row: &'r SqliteRow) -> Self {
        Self { row, kind }
    }

    /// Makes the error of a column that can't be read back.
    pub(super) fn corrupt(&self, column: &str, error: impl Into<BoxError>) -> StoreError {
        StoreError::Corrupt(EntityRef::new(self.kind, column), error.into())
    }

    /// Reads a column.
    pub(super) fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: &str) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|error| self.corrupt(column, error))
    }

    /// Reads an id.
    pub(super) fn id<T>(&self, column: &str, make: fn(i64) -> Result<T, InvalidId>) -> Result<T, StoreError> {
        make(self.get(column)?).map_err(|error| self.corrupt(column, error))
    }

    /// Reads the id of a terminal.
    pub(super) fn terminal(&self, column: &str) -> Result<TerminalId, StoreError> {
        self.id(column, TerminalId::new)
    }

    /// Reads the id of a customer.
    pub(super) fn customer(&self, column: &str) -> Result<CustomerId, StoreError> {
        self.id(column, CustomerId::new)
    }

    /// Reads an id that may be missing.
    pub(super) fn maybe_id<T>(
        &self,
        column: &str,
        make: fn(i64) -> Result<T, InvalidId>,
    ) -> Result<Option<T>, StoreError> {
        let raw: Option<i64> = self.get(column)?;
        raw.map(make).transpose().map_err(|error| self.corrupt(column, error))
    }

    /// Reads a number that is narrower than 64 bits.
    pub(super) fn number<T: TryFrom<i64, Error: Into<BoxError>>>(&self, column: &str) -> Result<T, StoreError> {
        T::try_from(self.get(column)?).map_err(|error| self.corrupt(column, error))
    }

    /// Reads a narrower number that may be missing.
    pub(super) fn maybe_number<T: TryFrom<i64, Error: Into<BoxError>>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, StoreError> {
        let raw: Option<i64> = self.get(column)?;
        raw.map(T::try_from)
            .transpose()
            .map_err(|error| self.corrupt(column, error))
    }

    /// Reads what is stored by name.
    pub(super) fn named<T: FromStr<Err: Into<BoxError>>>(&self, column: &str) -> Result<T, StoreError> {
        let text: &str = self.get(column)?;
        text.parse().map_err(|error| self.corrupt(column, error))
    }

    /// Reads what is stored by name and may be missing.
    pub(super) fn maybe_named<T: FromStr<Err: Into<BoxError>>>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let text: Option<&str> = self.get(column)?;
        text.map(str::parse)
            .transpose()
            .map_err(|error: T::Err| self.corrupt(column, error))
    }

    /// Reads a moment.
    pub(super) fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_micros(self.get(column)?))
    }

    /// Reads a moment that may be missing.
    pub(super) fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        let raw: Option<i64> = self.get(column)?;
        Ok(raw.map(Timestamp::from_micros))
    }

    /// Reads an address that may be missing.
    pub(super) fn maybe_address(&self, column: &str) -> Result<Option<IpAddr>, StoreError> {
        self.maybe_named(column)
    }

    /// Reads a JSON document.
    pub(super) fn json(&self, column: &str) -> Result<serde_json::Value, StoreError> {
        let text: &str = self.get(column)?;
        serde_json::from_str(text).map_err(|error| self.corrupt(column, error))
    }

    /// Reads the hash of a token.
    pub(super) fn hash(&self, column: &str) -> Result<TokenHash, StoreError> {
        let bytes: &[u8] = self.get(column)?;
        let hash = <[u8; 32]>::try_from(bytes).map_err(|error| self.corrupt(column, error))?;
        Ok(TokenHash(hash))
    }

    /// Reads the hash of a token that may be missing.
    pub(super) fn maybe_hash(&self, column: &str) -> Result<Option<TokenHash>, StoreError> {
        let bytes: Option<&[u8]> = self.get(column)?;
        match bytes {
            None => Ok(None),
            Some(_) => self.hash(column).map(Some),
        }
    }

    /// Reads a revision.
    pub(super) fn revision(&self, column: &str) -> Result<Revision, StoreError> {
        Ok(Revision(self.get(column)?))
    }
}
