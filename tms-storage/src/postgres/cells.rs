//! Reads a row cell by cell, in the order of the statement's columns.

use std::{net::IpAddr, str::FromStr};

use sqlx::{Decode, Postgres, Row, Type, postgres::PgRow, types::Json};
use tms_core::{
    error::BoxError,
    id::{InvalidId, Revision},
    secret::TokenHash,
    time::Timestamp,
};

use super::{error::Fault, time::At};

/// A row and how far it was read. What can't be read back is reported as corrupt, with the kind of thing it was.
#[derive(Debug)]
pub(super) struct Cells<'r> {
    row: &'r PgRow,
    next: usize,
    kind: &'static str,
}

impl<'r> Cells<'r> {
    pub(super) const fn of(kind: &'static str, row: &'r PgRow) -> Self {
        Self { row, next: 0, kind }
    }

    /// Reads a cell as the type says.
    pub(super) fn get<T: Decode<'r, Postgres> + Type<Postgres>>(&mut self) -> Result<T, Fault> {
        let at = self.next;
        self.next += 1;
        self.row.try_get(at).map_err(|error| Fault::corrupt(self.kind, error))
    }

    /// Leaves cells out.
    pub(super) const fn skip(&mut self, cells: usize) {
        self.next += cells;
    }

    fn corrupt(&self, error: impl Into<BoxError>) -> Fault {
        Fault::corrupt(self.kind, error)
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, Fault> {
        self.get::<At>().map(At::time)
    }

    pub(super) fn maybe_time(&mut self) -> Result<Option<Timestamp>, Fault> {
        Ok(self.get::<Option<At>>()?.map(At::time))
    }

    pub(super) fn id<T>(&mut self, make: impl Fn(i64) -> Result<T, InvalidId>) -> Result<T, Fault> {
        let raw = self.get::<i64>()?;
        make(raw).map_err(|error| self.corrupt(error))
    }

    pub(super) fn maybe_id<T>(&mut self, make: impl Fn(i64) -> Result<T, InvalidId>) -> Result<Option<T>, Fault> {
        let raw = self.get::<Option<i64>>()?;
        raw.map(make).transpose().map_err(|error| self.corrupt(error))
    }

    pub(super) fn parse<T: FromStr<Err: Into<BoxError>>>(&mut self) -> Result<T, Fault> {
        let text = self.get::<&str>()?;
        text.parse().map_err(|error| self.corrupt(error))
    }

    pub(super) fn maybe_parse<T: FromStr<Err: Into<BoxError>>>(&mut self) -> Result<Option<T>, Fault> {
        let text = self.get::<Option<&str>>()?;
        text.map(str::parse).transpose().map_err(|error| self.corrupt(error))
    }

    pub(super) fn address(&mut self) -> Result<Option<IpAddr>, Fault> {
        self.maybe_parse()
    }

    /// Reads text through a constructor that checks it.
    pub(super) fn checked<T, E: Into<BoxError>>(&mut self, make: impl Fn(&str) -> Result<T, E>) -> Result<T, Fault> {
        let text = self.get::<&str>()?;
        make(text).map_err(|error| self.corrupt(error))
    }

    pub(super) fn maybe_checked<T, E: Into<BoxError>>(
        &mut self,
        make: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Fault> {
        let text = self.get::<Option<&str>>()?;
        text.map(make).transpose().map_err(|error| self.corrupt(error))
    }

    /// Reads a number that is stored wider than the core has it.
    pub(super) fn narrow<T: TryFrom<i64, Error: Into<BoxError>>>(&mut self) -> Result<T, Fault> {
        let wide = self.get::<i64>()?;
        T::try_from(wide).map_err(|error| self.corrupt(error))
    }

    pub(super) fn maybe_narrow<T: TryFrom<i64, Error: Into<BoxError>>>(&mut self) -> Result<Option<T>, Fault> {
        let wide = self.get::<Option<i64>>()?;
        wide.map(T::try_from).transpose().map_err(|error| self.corrupt(error))
    }

    pub(super) fn json(&mut self) -> Result<serde_json::Value, Fault> {
        Ok(self.get::<Json<serde_json::Value>>()?.0)
    }

    pub(super) fn revision(&mut self) -> Result<Revision, Fault> {
        self.get::<i64>().map(Revision)
    }

    pub(super) fn hash(&mut self) -> Result<TokenHash, Fault> {
        let bytes = self.get::<&[u8]>()?;
        bytes.try_into().map(TokenHash).map_err(|error| self.corrupt(error))
    }

    pub(super) fn maybe_hash(&mut self) -> Result<Option<TokenHash>, Fault> {
        let bytes = self.get::<Option<&[u8]>>()?;
        let hash = bytes.map(TryInto::try_into).transpose();
        Ok(hash.map_err(|error| self.corrupt(error))?.map(TokenHash))
    }
}

/// Returns a count that the database gave as a signed number.
pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
